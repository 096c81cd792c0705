"""Every interleaving of small scheduled programs: what the checks decide by reasoning, found by trying."""
