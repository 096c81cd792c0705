"""The cost of any kernel: the formulas of all dialects."""

from collections.abc import Mapping, Sequence

from xdsl.ir import Attribute

from dialects.element_types import storage_type
from dialects.errors import AicError
from dialects.graph.costs import GRAPH_FORMULAS, Cost, Formula, Shape, Work
from dialects.hardware import Hardware
from dialects.quantized.costs import QUANTIZED_FORMULAS

FORMULAS: Mapping[str, Formula] = GRAPH_FORMULAS | QUANTIZED_FORMULAS
"""Formula by kernel."""


def cost(
    kernel: str,
    arguments: Mapping[str, object],
    operand_shapes: Sequence[Shape],
    result_shape: Shape,
    element: Attribute,
    hardware: Hardware,
) -> Cost:
    """Cost for one core of a result of that local shape from operands of those local shapes.

    `element` is the type of the data: the first floating-point operand, else the result. An empty result costs nothing.
    Raises AicError for a kernel without a formula.
    """
    formula = FORMULAS.get(kernel)
    if formula is None:
        raise AicError(f"kernel {kernel!r} has no cost formula; add one to the costs.py of its dialect")
    return formula(Work(arguments, operand_shapes, result_shape, storage_type(element), hardware))
