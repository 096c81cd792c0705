"""Names of values in profiles: those of the model's tensors, which do not depend on its batch size."""

from collections import Counter

from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue

from dialects.element_types import is_float
from dialects.graph.base import GraphOp, tensor_type
from dialects.graph.locations import node_name, tensor_name
from dialects.graph.ports import input_ports


def float_values(function: FuncOp) -> dict[str, SSAValue]:
    """The floating-point values of a function by name: inputs, then results of ops, in their order.

    Of several ops that stand for one node of the model, the last has the node's tensor; the others are told apart by
    `__1`, `__2`, ..
    """
    ops = [op for op in function.body.block.ops if isinstance(op, GraphOp)]
    made = {node_name(op): tensor_name(op) for op in ops}
    named = [(port.name, value) for port, value in zip(input_ports(function), function.body.block.args, strict=True)]
    named += [(made[node_name(op)] if tensor_name(op) == node_name(op) else tensor_name(op), op.output) for op in ops]
    left = Counter(name for name, _ in named)
    taken: dict[str, SSAValue] = {}
    for name, value in named:
        left[name] -= 1
        unique = f"{name}__{left[name]}" if left[name] else name
        if name and is_float(tensor_type(value).element_type):
            taken[unique] = value
    return taken
