"""Values engine of the simulated NSPs: a tile program on NumPy arrays, in fast mode.

Instructions take effect in the order of the text; signals, waits and addresses are the business of the static checks,
the timing engine and the checked mode.
"""

from aic.nsp.values.program import Program, load_program

__all__ = ["Program", "load_program"]
