"""The cost of any kernel: the formulas of all dialects."""

from collections.abc import Mapping, Sequence

from xdsl.ir import Attribute

from dialects.element_types import is_float, storage_type
from dialects.errors import AicError
from dialects.graph.costs import GRAPH_FORMULAS, Cost, Formula, Shape, Work
from dialects.hardware import Hardware
from dialects.quantized.costs import QUANTIZED_FORMULAS
from dialects.quantized.kernels.weights import OWN_DIMENSIONS

FORMULAS: Mapping[str, Formula] = GRAPH_FORMULAS | QUANTIZED_FORMULAS
"""Formula by kernel."""


def data_element(kernel: str, operands: Sequence[Attribute], result: Attribute) -> Attribute:
    """The element type that decides the speed of a kernel: what HMX multiplies, where it contracts integers, whatever
    it makes of the sums; else that of the first floating-point operand; else that of the result.
    """
    if kernel in OWN_DIMENSIONS:
        return operands[0]
    return next((element for element in operands if is_float(element)), result)


def cost(
    kernel: str,
    arguments: Mapping[str, object],
    operand_shapes: Sequence[Shape],
    result_shape: Shape,
    element: Attribute,
    hardware: Hardware,
) -> Cost:
    """Cost for one core of a result of that local shape from operands of those local shapes.

    `element` is what `data_element` says. An empty result costs nothing.
    Raises AicError for a kernel without a formula.
    """
    formula = FORMULAS.get(kernel)
    if formula is None:
        raise AicError(f"kernel {kernel!r} has no cost formula; add one to the costs.py of its dialect")
    return formula(Work(arguments, operand_shapes, result_shape, storage_type(element), hardware))
