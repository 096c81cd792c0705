"""Checked mode of the simulated NSPs: a scheduled tile program on byte-addressed memory.

Slower than fast mode (`aic.nsp.values`) and with the same bits; it refuses programs that read what was never written or
leave their memory.
"""

from aic.nsp.checked.machine import run_checked

__all__ = ["run_checked"]
