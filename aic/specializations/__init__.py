"""One network for several shapes of its inputs: which there are, and which of them runs."""
