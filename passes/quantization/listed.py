"""Which ops are meant where settings list nodes of the model by their first outputs."""

from collections.abc import Iterable, Mapping

from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation

from dialects.graph.base import GraphOp
from dialects.graph.locations import node_name, tensor_name


def listed_ops(function: FuncOp, tensors: Iterable[str], steps: Mapping[str, tuple[str, str]]) -> set[Operation]:
    """The ops that make tensors of the model, and all others of the same nodes.

    An op may stand for several nodes; then it has the name of the last one's tensor, and often that of the first node.
    What makes none of a node's tensors any more is found along the nodes that read it, which `steps` knows.
    """
    ops: dict[str, list[Operation]] = {}
    for op in function.body.block.ops:
        if isinstance(op, GraphOp):
            for name in {tensor_name(op), node_name(op)}:
                ops.setdefault(name, []).append(op)
    found: set[Operation] = set()
    for tensor in tensors:
        found.update(_makers(tensor, ops, steps))
    return found


def _makers(tensor: str, ops: Mapping[str, list[Operation]], steps: Mapping[str, tuple[str, str]]) -> list[Operation]:
    passed: set[str] = set()
    while tensor and tensor not in passed:
        passed.add(tensor)
        node, after = steps.get(tensor, ("", ""))
        here = [*ops.get(tensor, ()), *(ops.get(node, ()) if node else ())]
        if here:
            return here
        tensor = after
    return []
