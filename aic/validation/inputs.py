"""Inputs that a network can be run with, drawn by what the network does with them.

Floats are normal, so that signs matter; a network that only knows positive numbers gets uniform ones. An integer that
picks rows of a table is any of its rows; other integers, and booleans, are 0 or 1: masks, flags, kinds. Where a network
is quantized for a range of an input, numbers come from that range.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from xdsl.dialects.builtin import IntegerType, ModuleOp
from xdsl.ir import SSAValue

from aic.files.random_inputs import draw_inputs
from aic.tensors import TensorInfo
from dialects.element_types import is_float
from dialects.graph.base import numbers, tensor_type
from dialects.graph.kernels import Array
from dialects.graph.movement import GatherElementsOp, GatherOp
from dialects.graph.ports import Port, input_ports
from dialects.graph.unary import ClipOp
from dialects.module import main_of, programs_of
from passes.quantization.files.profile import read_profile
from passes.quantization.scales import wanted_type
from passes.quantization.settings import settings_of

_DEVIATIONS = 6
"""Standard deviations that a range is wide for normal numbers."""


def drawn_inputs(
    tensors: Sequence[TensorInfo],
    rows: Mapping[str, int],
    distribution: str,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> dict[str, Array]:
    """Arrays for the inputs, the same each time.

    `rows` of the tables that integers pick from, and `ranges` of numbers, by input.
    """
    drawn = draw_inputs(tensors, distribution, seed=0)
    random = np.random.default_rng(0)
    for tensor in tensors:
        if tensor.name in rows:
            drawn[tensor.name] = random.integers(0, rows[tensor.name], tensor.shape).astype(tensor.dtype)
    for name, ends in (ranges or {}).items():
        drawn[name] = _within(drawn[name], ends, distribution)
    return drawn


def _within(values: Array, ends: tuple[float, float], distribution: str) -> Array:
    """Values of a distribution, brought to a range."""
    low, high = ends
    shares = values if distribution == "uniform" else np.clip(0.5 + values / _DEVIATIONS, 0, 1)
    return (low + (high - low) * shares).astype(values.dtype)


def input_ranges(module: ModuleOp) -> dict[str, tuple[float, float]]:
    """What the inputs of a graph were, by name, when it was quantized: in the profile that its settings name, or as its
    integers reach, if it arrives quantized. Raises AicError for a profile that cannot be read.
    """
    named = settings_of(module).load_profile
    records = read_profile(Path(named)).records if named else {}
    found: dict[str, tuple[float, float]] = {}
    for argument, port in _ports(module):
        limited = [use.operation for use in argument.uses if isinstance(use.operation, ClipOp)]
        scaled = [numbers(op.bounds) for op in limited if wanted_type(op.output) is not None]
        if not is_float(port.type.element_type):
            continue
        if scaled:
            found[port.name] = (scaled[0][0], scaled[0][1])
        elif port.name in records:
            found[port.name] = (records[port.name].low, records[port.name].high)
    return found


def _ports(module: ModuleOp) -> Iterator[tuple[SSAValue, Port]]:
    """The inputs of all programs of a graph, as arguments and as what they are called."""
    for part in programs_of(module):
        main = main_of(part)
        yield from zip(main.body.block.args, input_ports(main), strict=True)


def table_rows(module: ModuleOp) -> dict[str, int]:
    """Rows of the smallest table that an integer input of a graph picks rows of, for inputs that do."""
    sources = {argument: frozenset([port.name]) for argument, port in _ports(module) if _is_integer(argument)}
    rows: dict[str, int] = {}
    for op in (op for part in programs_of(module) for op in main_of(part).body.block.ops):
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
