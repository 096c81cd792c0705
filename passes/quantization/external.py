"""Encodings that another tool has made, as types that values of a graph have as integers."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from xdsl.dialects.builtin import TensorType, f32, i32
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from dialects.aic import WeightAttr
from dialects.element_types import is_float
from dialects.errors import AicError
from dialects.graph.base import GraphOp
from dialects.graph.constant import ConstantOp
from dialects.graph.contraction import ContractionOp, ConvOp, ConvTransposeOp, MatmulOp
from dialects.graph.locations import node_name, tensor_name
from dialects.graph.movement import ReshapeOp, TransposeOp
from dialects.quantized.parameters import Floats, Parameters
from dialects.quantized.types import UniformType
from dialects.weights import WeightStore
from passes.quantization.files.encodings import TensorEncoding
from passes.quantization.names import float_values
from passes.rewriting.constants import constant_like

_LOG = logging.getLogger("aic")
_READERS = ConvOp | ConvTransposeOp | MatmulOp
"""Ops whose second operand is a weight."""


@dataclass
class External:
    """What encodings mean for the values of a function."""

    types: dict[SSAValue, UniformType] = field(default_factory=dict[SSAValue, UniformType])
    """Types of activations and constants."""
    floats: dict[SSAValue, TensorEncoding] = field(default_factory=dict[SSAValue, TensorEncoding])
    """Activations, and results of what reads constants, that are to stay in floating point."""
    flaws: list[str] = field(default_factory=list[str])
    """What is wrong with encodings, one sentence each."""


def external_types(
    function: FuncOp, encodings: Mapping[str, TensorEncoding], path: Path, store: WeightStore
) -> External:
    """What encodings mean for the values of a function. Tensors of the model that it no longer has are passed over.

    Weights of which an encoding leaves out the least integer are replaced by limited ones, where that makes a
    difference. Raises AicError for encodings that do not fit their tensors: all of them.
    """
    found = External()
    values = float_values(function)
    for name, encoding in encodings.items():
        if name in values:
            _activation(values[name], encoding, found)
    changed: list[str] = []
    for op in list(function.body.block.ops):
        encoding = encodings.get(tensor_name(op)) if isinstance(op, ConstantOp) else None
        if not isinstance(op, ConstantOp) or encoding is None or not is_float(op.value.type.element_type):
            continue
        if _is_folded(op):
            changed.append(encoding.name)
        else:
            _constant(op, encoding, store, found)
    if found.flaws:
        raise AicError(f"{path}: encodings that do not fit the model:" + "".join(f"\n  {flaw}" for flaw in found.flaws))
    if changed:
        names = ", ".join(dict.fromkeys(changed))
        _LOG.warning("%s: not used, as a batch normalization was folded into these weights: %s", path, names)
    return found


def _activation(value: SSAValue, encoding: TensorEncoding, found: External) -> None:
    bits = encoding.bits
    if bits is None:
        found.floats[value] = encoding
        return
    if bits == 32:
        found.flaws.append(f"{encoding.name!r}: int32 is for biases, and this is no constant")
    elif len(encoding.scales) != 1:
        found.flaws.append(f"{encoding.name!r}: {len(encoding.scales)} scales; only a constant has more than one")
    else:
        kind = UniformType.of(Parameters(encoding.scales[0], encoding.offsets[0]), bits)
        found.types.update(dict.fromkeys(_with_sources(value), kind))


def _with_sources(value: SSAValue) -> Iterable[SSAValue]:
    """A value, and those of the same node that have its elements in another order."""
    yield value
    op = value.owner
    while isinstance(op, TransposeOp | ReshapeOp) and isinstance(op.input.owner, GraphOp):
        if not node_name(op) or node_name(op.input.owner) != node_name(op):
            return
        yield op.input
        op = op.input.owner


def _is_folded(op: ConstantOp) -> bool:
    """Whether the constant is the weight, or the bias, of a contraction that has both from one tensor of the model."""
    for user in _users(op):
        if isinstance(user, ContractionOp) and len(user.operands) > 2:
            _, weight, bias = (operand.owner for operand in user.operands[:3])
            if isinstance(weight, ConstantOp) and isinstance(bias, ConstantOp):
                return op in (weight, bias) and tensor_name(weight) == tensor_name(bias)
    return False


def _constant(op: ConstantOp, encoding: TensorEncoding, store: WeightStore, found: External) -> None:
    """What the encoding of a constant means. That of a bias follows from its input and weight."""
    bits = encoding.bits
    readers = [user for user in _users(op) if isinstance(user, _READERS) and user.operands[1] is op.output]
    if bits is None:
        found.floats.update({user.output: encoding for user in readers})
    elif bits == 32:
        return
    elif len(encoding.scales) == 1:
        parameters = Parameters(encoding.scales[0], encoding.offsets[0])
        found.types[_limited(op, encoding, store)] = UniformType.of(parameters, bits)
    elif readers:
        flaw = _channels_flaw(op, encoding, readers)
        if flaw is not None:
            found.flaws.append(f"{encoding.name!r}: {flaw}")
        else:
            found.types[_limited(op, encoding, store)] = _by_channel(op, encoding, bits, store)


def _by_channel(op: ConstantOp, encoding: TensorEncoding, bits: int, store: WeightStore) -> UniformType:
    """The type of a weight, whose output channels are the last dimension."""
    count = [len(encoding.scales)]
    scales = store.constant(np.array(encoding.scales, np.float32), TensorType(f32, count))
    offsets = store.constant(np.array(encoding.offsets, np.int32), TensorType(i32, count))
    return UniformType.of_channels(op.result_type.get_num_dims() - 1, scales, offsets, bits)


def _users(op: ConstantOp) -> list[Operation]:
    return [use.operation for use in op.output.uses]


def _channels_flaw(op: ConstantOp, encoding: TensorEncoding, readers: Sequence[GraphOp]) -> str | None:
    """What is wrong with a scale per channel of a weight."""
    *_, channels = op.result_type.get_shape()
    if len(encoding.scales) != channels:
        return f"{len(encoding.scales)} scales for {channels} output channels"
    possible = _channel_axes(op, readers)
    if encoding.axis not in (None, *possible):
        axes = " or ".join(map(str, possible))
        return f"a scale for each position along dimension {encoding.axis}; output channels lie along dimension {axes}"
    return None


def _channel_axes(op: ConstantOp, readers: Sequence[GraphOp]) -> Sequence[int]:
    """Along which dimension of the model's tensor the output channels lie: 0 of a convolution's [outputs, inputs, ..],
    1 of a transposed one's [inputs, outputs, ..], 0 or 1 of a matrix, as it is transposed.
    """
    kinds = {type(reader) for reader in readers}
    if kinds & {ConvOp, ConvTransposeOp}:
        return (0,) if ConvOp in kinds else (1,)
    rank = op.result_type.get_num_dims()
    if isinstance(op.value, WeightAttr) and len(op.value.order) in (0, rank):
        return (op.value.order[-1] if op.value.order else rank - 1,)
    return (rank - 2, rank - 1)


def _limited(op: ConstantOp, encoding: TensorEncoding, store: WeightStore) -> SSAValue:
    """The constant; one whose integers are all above the least, if the encoding says so and they are not."""
    if not encoding.narrow:
        return op.output
    assert encoding.bits is not None
    values = store.held(op.value)
    least: Floats = np.array(encoding.scales, np.float32) * np.float32(1 - (1 << (encoding.bits - 1)))
    if bool(np.all(np.greater_equal(values, least))):
        return op.output
    new = constant_like(op.output, store.constant(np.maximum(values, least).astype(values.dtype)))
    Rewriter.insert_op(new, InsertPoint.after(op))
    op.output.replace_all_uses_with(new.output)
    return new.output
