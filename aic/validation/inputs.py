"""Inputs that a network can be run with, drawn by what the network does with them.

Floats are normal, so that signs matter; a network that only knows positive numbers gets uniform ones. An integer that
picks rows of a table is any of its rows; other integers, and booleans, are 0 or 1: masks, flags, kinds.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from xdsl.dialects.builtin import IntegerType, ModuleOp
from xdsl.ir import SSAValue

from aic.files.random_inputs import draw_inputs
from aic.tensors import TensorInfo
from dialects.graph.base import tensor_type
from dialects.graph.kernels import Array
from dialects.graph.movement import GatherElementsOp, GatherOp
from dialects.graph.ports import input_ports
from dialects.module import main_of


def drawn_inputs(tensors: Sequence[TensorInfo], rows: Mapping[str, int], distribution: str) -> dict[str, Array]:
    """Arrays for the inputs, the same each time; `rows` of the tables that integers pick from, by input."""
    drawn = draw_inputs(tensors, distribution, seed=0)
    random = np.random.default_rng(0)
    for tensor in tensors:
        if tensor.name in rows:
            drawn[tensor.name] = random.integers(0, rows[tensor.name], tensor.shape).astype(tensor.dtype)
    return drawn


def table_rows(module: ModuleOp) -> dict[str, int]:
    """Rows of the smallest table that an integer input of a graph picks rows of, for inputs that do."""
    main = main_of(module)
    sources: dict[SSAValue, frozenset[str]] = {
        argument: frozenset([port.name])
        for argument, port in zip(main.body.block.args, input_ports(main), strict=True)
        if _is_integer(argument)
    }
    rows: dict[str, int] = {}
    for op in main.body.block.ops:
        if isinstance(op, GatherOp | GatherElementsOp):
            size = tensor_type(op.data).get_shape()[op.axis.value.data]
            for name in sources.get(op.indices, ()):
                rows[name] = min(rows.get(name, size), size)
        made_of = frozenset[str]().union(*(sources.get(value, ()) for value in op.operands))
        sources.update((result, made_of) for result in op.results if _is_integer(result))
    return {name: size for name, size in rows.items() if size > 0}


def _is_integer(value: SSAValue) -> bool:
    element = tensor_type(value).element_type
    return isinstance(element, IntegerType) and element.width.data > 1
