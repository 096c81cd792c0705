"""`equalize-layers`: weights of neighbouring layers share the range of the channels between them.

Cross-layer equalization (`passes.quantization.equalization`), where the settings ask for it. It takes two convolutions
or matrix products with constant weights, the first read by nobody but the second, and between them only what commutes
with a positive factor per channel: ReLU, pooling, padding with zeros, movement that leaves channels together. A ReLU6
does not. The network computes what it did, up to rounding; its channels have other ranges, so this comes before a
profile is made.
"""

import logging
from dataclasses import dataclass
from math import prod

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dialects.element_types import is_float
from dialects.graph.base import GraphOp, integers, tensor_type
from dialects.graph.contraction import ConvOp, MatmulOp
from dialects.graph.kernels import Array
from dialects.graph.movement import PadOp, ReshapeOp, TransposeOp
from dialects.graph.pooling import PoolOp
from dialects.graph.reduction import ReduceMaxOp, ReduceMeanOp, ReduceMinOp, ReduceOp, ReduceSumOp
from dialects.graph.unary import LeakyReluOp, ReluOp
from dialects.module import main_of
from dialects.weights import WeightStore, store_of
from passes.quantization.channels import Doubles, has_one_weight
from passes.quantization.equalization import Layer, equalizing_factors
from passes.quantization.scales import wanted_type
from passes.quantization.settings import settings_of
from passes.rewriting.constants import computed, constant_of
from passes.rewriting.patterns import erase_dead, only_user
from passes.rewriting.placing import place_behind
from passes.rewriting.program_pass import ProgramPass

Contraction = ConvOp | MatmulOp

_LOG = logging.getLogger("aic")


@dataclass(frozen=True)
class EqualizeLayersPass(ProgramPass):
    """Weights of neighbouring layers share the range of the channels between them."""

    name = "equalize-layers"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        if not settings_of(op).quantization_cross_layer_equalization:
            return
        store = store_of(op)
        pairs = [
            (first, second)
            for first in main_of(op).body.block.ops
            if isinstance(first, Contraction) and (second := _partner(first)) is not None
        ]
        if not pairs:
            _LOG.warning("quantization-cross-layer-equalization: no layer alone reads another's channels; none changes")
        numbers = {op: number for number, op in enumerate(dict.fromkeys(op for pair in pairs for op in pair))}
        layers = [_layer(op, store) for op in numbers]
        factors = equalizing_factors(layers, [(numbers[first], numbers[second]) for first, second in pairs])
        divided = {first: factor for (first, _), factor in zip(pairs, factors, strict=True)}
        multiplied = {second: factor for (_, second), factor in zip(pairs, factors, strict=True)}
        for contraction in numbers:
            _rescale(contraction, multiplied.get(contraction), divided.get(contraction), store)
        erase_dead(op)


def _partner(first: Contraction) -> Contraction | None:
    """The contraction that alone reads the channels of another, if both can be equalized."""
    if not _has_own_constants(first) or (first.activation is not None and first.activation.data != "relu"):
        return None
    value, axis = first.output, first.result_type.get_num_dims() - 1
    while wanted_type(value) is None and (user := only_user(value)) is not None:
        if isinstance(user, Contraction):
            reads = user.operands[0] is value and axis == tensor_type(value).get_num_dims() - 1
            return user if reads and _has_own_constants(user) else None
        following = _axis_after(user, axis)
        if following is None or not isinstance(user, GraphOp):
            return None
        value, axis = user.output, following
    return None


def _has_own_constants(op: Contraction) -> bool:
    """Whether weight and bias are constant numbers, of which the weight has no scale yet."""
    constant = all(constant_of(operand) is not None for operand in op.operands[1:])
    numbers = is_float(op.result_type.element_type) and wanted_type(op.operands[1]) is None
    return constant and numbers and has_one_weight(op)


def _axis_after(op: Operation, axis: int) -> int | None:
    """Where the channels lie after an op, or None if it does not commute with a positive factor for each of them."""
    match op:
        case ReluOp() | LeakyReluOp():
            return axis
        case PoolOp() if axis == op.result_type.get_num_dims() - 1:
            return axis
        case PadOp() if _pads_others_with_zeros(op, axis):
            return axis
        case TransposeOp():
            return op.order.index(axis)
        case ReduceMeanOp() | ReduceSumOp() | ReduceMaxOp() | ReduceMinOp() if axis not in integers(op.axes):
            return _axis_after_reduction(op, axis)
        case ReshapeOp():
            return _axis_after_reshape(op, axis)
        case _:
            return None


def _pads_others_with_zeros(op: PadOp, axis: int) -> bool:
    pads, rank = integers(op.pads), op.result_type.get_num_dims()
    return op.value.value.data == 0 and op.mode.data == "constant" and not pads[axis] and not pads[axis + rank]


def _axis_after_reduction(op: ReduceOp, axis: int) -> int:
    return axis if op.kept else axis - sum(reduced < axis for reduced in integers(op.axes))


def _axis_after_reshape(op: ReshapeOp, axis: int) -> int | None:
    source, target = tensor_type(op.input).get_shape(), op.result_type.get_shape()
    before = prod(source[:axis])
    places = [d for d, size in enumerate(target) if size == source[axis] and prod(target[:d]) == before]
    return places[0] if places else None


def _layer(op: Contraction, store: WeightStore) -> Layer:
    weight, *bias = (_held(operand, store) for operand in op.operands[1:])
    return Layer.of(weight, _groups(op), *(bias or [None]))


def _groups(op: Contraction) -> int:
    return op.groups if isinstance(op, ConvOp) else 1


def _held(value: SSAValue, store: WeightStore) -> Array:
    constant = constant_of(value)
    assert constant is not None
    return store.held(constant)


def _rescale(op: Contraction, channels: Doubles | None, features: Doubles | None, store: WeightStore) -> None:
    """Multiplies the channels of a contraction and divides its features: rounded once."""
    weight = _held(op.operands[1], store).astype(np.float64)
    if channels is not None:
        depth, count = weight.shape[-2:]
        per_group = channels.reshape(_groups(op), depth).T
        weight = weight * np.repeat(per_group, count // _groups(op), axis=1)
    if features is not None:
        weight = weight / features
    _exchange(op, 1, weight, store)
    if features is not None and len(op.operands) > 2:
        _exchange(op, 2, _held(op.operands[2], store).astype(np.float64) / features, store)


def _exchange(op: Contraction, index: int, values: Array, store: WeightStore) -> None:
    old = op.operands[index]
    new = computed(values, old, store)
    place_behind(old, new)
    op.operands[index] = new.output
