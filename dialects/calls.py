"""Calls of kernels, as `tile.compute` makes them: a call is right when there is an op on tensors that it is."""

from collections.abc import Mapping, Sequence

from xdsl.ir import Attribute
from xdsl.utils.exceptions import VerifyException

from dialects.graph import GRAPH_OPS
from dialects.graph.base import GraphOp, Tensor
from dialects.graph.properties import is_argument
from dialects.quantized import QUANTIZED_OPS

OPS: Mapping[str, type[GraphOp]] = {op.kernel_name(): op for op in (*GRAPH_OPS, *QUANTIZED_OPS)}
"""The op of every kernel."""


def called_op(kernel: str, arguments: Mapping[str, Attribute], operands: Sequence[Tensor], result: Tensor) -> GraphOp:
    """The op that a call of a kernel on blocks of these types is.

    Raises VerifyException when there is none: no such kernel, arguments that it does not have or that do not fit, a
    result of another type than it makes.
    """
    if kernel not in OPS:
        raise VerifyException(f"unknown kernel {kernel!r}")
    wrong = [f"{name} = {value}" for name, value in arguments.items() if not is_argument(value)]
    if wrong:
        raise VerifyException(f"{kernel}: {', '.join(wrong)} can be no argument")
    return OPS[kernel].of_call(operands, result, arguments)
