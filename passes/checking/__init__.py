"""What the checks of scheduled programs share: pure decisions on plain data, and how problems are told."""
