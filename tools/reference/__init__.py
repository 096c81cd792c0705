"""The reference in `docs/reference`, written from the code: a page per dialect, and passes, phases, operators, options
and hardware.
"""

from tools.reference.dialects import dialect_pages
from tools.reference.hardware import hardware_page
from tools.reference.operators import operators_page
from tools.reference.options import options_page
from tools.reference.passes import passes_page
from tools.reference.phases import phases_page

__all__ = ["pages"]

_INDEX = """# Reference

Written from the code by `python -m tools.docs` (`make docs`); a test fails when a page differs from what the code says.

- [Phases](phases.md): the way of a model through the compiler, and what may exist after each step
- [Passes](passes.md): every rewrite of `aic-opt -p`, with its options
- Dialects: [aic](aic.md) (shared attributes), [graph](graph.md) (tensor programs), [quantized](quantized.md) (tensor
  programs on integers), [tile](tile.md) (what NSPs do)
- [ONNX operators](operators.md) that can be imported
- [Options](options.md) of `aic-exec`, those that are refused included
- [Hardware](hardware.md): every number of the simulated cards, how well it is known, and where it comes from
"""


def pages() -> dict[str, str]:
    """Text of every page by its file name."""
    return {
        "README.md": _INDEX,
        "phases.md": phases_page(),
        "passes.md": passes_page(),
        **dialect_pages(),
        "operators.md": operators_page(),
        "options.md": options_page(),
        "hardware.md": hardware_page(),
    }
