"""From ops to the nodes that the search for shardings works on."""

from collections.abc import Callable, Sequence

from xdsl.ir import SSAValue

from dialects.costs import cost, data_element
from dialects.element_types import element_bytes
from dialects.graph.base import GraphOp
from dialects.graph.constant import ConstantOp
from dialects.hardware import Hardware
from dialects.indexing import Access, Along, Whole
from dialects.tile.sharding import Sharding
from passes.sharding.costs import block_shape
from passes.sharding.requirements import required_sharding
from passes.sharding.search import Node, Operand


def nodes_of(ops: Sequence[GraphOp], hardware: Hardware) -> list[Node]:
    """The ops of a program, in its order, as the search for shardings sees them."""
    numbers: dict[SSAValue, int] = {o.output: n for n, o in enumerate(ops)}
    return [_node(o, numbers, hardware) for o in ops]


def _node(op: GraphOp, numbers: dict[SSAValue, int], hardware: Hardware) -> Node:
    indexing, result = op.indexing(), op.result_type
    operands = tuple(
        Operand(numbers.get(value), t.get_shape(), element_bytes(t.element_type), isinstance(value.owner, ConstantOp))
        for value, t in zip(op.operands, op.operand_types, strict=True)
    )
    shape = result.get_shape()
    compute = core_cycles(op, [operand.shape for operand in operands], shape, hardware)
    weights = any(
        isinstance(value.owner, ConstantOp) and _are_weights(accesses, len(shape))
        for value, accesses in zip(op.operands, indexing.operands, strict=True)
    )
    return Node(operands, shape, indexing, compute, element_bytes(result.element_type), weights)


def core_cycles(
    op: GraphOp, operands: Sequence[tuple[int, ...]], shape: tuple[int, ...], hardware: Hardware
) -> Callable[[Sharding], float]:
    """Cycles of the busiest core by the sharding of the result, for an op on operands of these shapes that has a result
    of that shape.
    """
    indexing, arguments, kernel = op.indexing(), op.arguments(), op.kernel_name()
    element = data_element(kernel, [each.element_type for each in op.operand_types], op.result_type.element_type)

    def cycles(sharding: Sharding) -> float:
        local = [
            block_shape(operand, need) if need.home == "vtcm" else operand
            for accesses, operand in zip(indexing.operands, operands, strict=False)
            for need in [required_sharding(accesses, operand, shape, sharding)]
        ]
        return cost(kernel, arguments, local, block_shape(shape, sharding), element, hardware).cycles

    return cycles


def _are_weights(accesses: Sequence[Access], rank: int) -> bool:
    """True when every position of the result's last dimension has values of its own, to be summed over."""
    channels = any(isinstance(access, Along) and access.dim == rank - 1 for access in accesses)
    return channels and any(isinstance(access, Whole) for access in accesses)
