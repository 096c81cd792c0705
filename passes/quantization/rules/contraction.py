"""Convolutions and matrix products on integers: weights quantized, one table for bias and scales."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import TensorType, f32, i32

from dialects.graph.base import numbers, tensor_type
from dialects.graph.contraction import ContractionOp, ConvOp, ConvTransposeOp, MatmulOp
from dialects.graph.kernels import Array
from dialects.quantized import contraction as integer
from dialects.quantized.arithmetic import rescales
from dialects.quantized.kernels.weights import BIAS, MULTIPLIER, SHIFT, WEIGHT_OFFSET
from dialects.quantized.parameters import Parameters, quantized
from dialects.quantized.types import UniformType
from dialects.weights import WeightStore
from passes.quantization.biases import bias_parameters, channel_bias_parameters
from passes.quantization.quantizer import Quantizer, kept, limits_between, scaling_of, target
from passes.quantization.scales import wanted_type
from passes.quantization.schemas import Schema, choose_channel_parameters, choose_parameters
from passes.quantization.settings import Settings
from passes.rewriting.constants import Constant, constant_of

_LIMITING = ("", "relu", "clip")
"""Activations that are limits of the result's integers."""
_MOST_BIAS = (1 << 31) - 1
_ROOM_FOR_BIAS = 1 << 30
"""Steps that the largest bias takes at most, so that sums have as much room again."""


@dataclass(frozen=True)
class Weights:
    """A constant operand as integers, with the scale and offset of every column (one for all where they are alike)."""

    values: npt.NDArray[np.signedinteger]
    scales: npt.NDArray[np.float32]
    offsets: npt.NDArray[np.int32]
    per_column: bool

    def element(self, axis: int, store: WeightStore) -> UniformType:
        """The type of the integers, whose columns lie along `axis`."""
        bits = self.values.itemsize * 8
        if not self.per_column:
            return UniformType.of(Parameters(float(self.scales[0]), int(self.offsets[0])), bits)
        count = [len(self.scales)]
        scales, offsets = (
            store.constant(array, TensorType(element, count))
            for array, element in ((self.scales, f32), (self.offsets, i32))
        )
        return UniformType.of_channels(axis, scales, offsets, bits)


_WINDOW = ("strides", "dilations", "pads")


def conv(quantizer: Quantizer, op: ConvOp) -> bool:
    """A convolution with a constant weight."""
    return _contraction(quantizer, op, integer.ConvOp, *_WINDOW)


def conv_transpose(quantizer: Quantizer, op: ConvTransposeOp) -> bool:
    """A transposed convolution with a constant weight."""
    return _contraction(quantizer, op, integer.ConvTransposeOp, *_WINDOW)


def matmul(quantizer: Quantizer, op: MatmulOp) -> bool:
    """A matrix product with a constant on the right, or of two values."""
    if constant_of(op.rhs) is None:
        return _product_of_values(quantizer, op)
    return _contraction(quantizer, op, integer.MatmulOp)


_Contraction: TypeAlias = ConvOp | ConvTransposeOp | MatmulOp


def _contraction(
    quantizer: Quantizer,
    op: _Contraction,
    kind: type[integer.QuantizedContractionOp],
    *names: str,
) -> bool:
    data, weight, wanted = op.operands[0], op.operands[1], wanted_type(op.output)
    if not _has_integer_form(op) or wanted is None or not quantizer.available(data):
        return False
    x = quantizer.integers_of(data)
    assert x is not None
    given = scaling_of(x)
    made = integer_weights(quantizer, op, given)
    if made is None:
        return False
    weights, sums = made
    table = make_table(weights, sums, given.scaling.scale, wanted.scaling.scale, op.result_type.get_shape()[-1])
    axis = tensor_type(weight).get_num_dims() - 1
    w = quantizer.constant_integers(weights.values, weights.element(axis, quantizer.store), weight)
    t = quantizer.table(table, i32, op)
    properties = {
        **kept(op, *names),
        "input_offset": given.scaling.offset,
        **target(wanted, _limits(op, wanted)),
    }
    quantizer.put(op, kind.of([x, w, t], properties))
    return True


def _has_integer_form(op: _Contraction) -> bool:
    """Whether weight and bias are constants, and the activation is one that limits integers."""
    return _activation(op) in _LIMITING and all(constant_of(operand) is not None for operand in op.operands[1:])


def integer_weights(
    quantizer: Quantizer, op: _Contraction, data: UniformType
) -> tuple[Weights, npt.NDArray[np.float64]] | None:
    """The constant weight of a contraction as integers, and its bias in steps of the sums, where it reads integers of a
    type; None where it stays in floating point.
    """
    constant, bias = constant_of(op.operands[1]), constant_of(op.operands[2]) if len(op.operands) > 2 else None
    store, settings, of_weight = quantizer.store, quantizer.settings, wanted_type(op.operands[1])
    if constant is None or not _has_integer_form(op):
        return None
    if of_weight is not None and not _fit(data, of_weight, constant):
        return None
    numbers_of_bias = None if bias is None else store.held(bias).astype(np.float32)
    wide = store.held(constant).astype(np.float32)
    if of_weight is None:
        return quantize_weights(wide, numbers_of_bias, data, settings, _per_column(op, settings))
    weights, sums = given_weights(wide, numbers_of_bias, data, of_weight, store)
    return None if np.abs(sums).max(initial=0.0) > _MOST_BIAS else (weights, sums)


def _per_column(op: _Contraction, settings: Settings) -> bool:
    if not isinstance(op, MatmulOp):
        return settings.enable_channelwise
    return settings.enable_rowwise and tensor_type(op.rhs).get_num_dims() == 2


def _product_of_values(quantizer: Quantizer, op: MatmulOp) -> bool:
    """The right side is quantized as it is made; all columns have its scale and offset."""
    wanted = wanted_type(op.output)
    if wanted is None or _activation(op) not in _LIMITING or len(op.operands) > 2:
        return False
    if not all(quantizer.available(value) for value in (op.lhs, op.rhs)):
        return False
    a, b = quantizer.alike((op.lhs, op.rhs), op)
    if scaling_of(a).bits != scaling_of(b).bits:
        return False
    left, right = scaling_of(a).scaling, scaling_of(b).scaling
    columns = op.result_type.get_shape()[-1]
    alike = Weights(
        np.zeros(0, np.int8), np.array([right.scale], np.float32), np.array([right.offset], np.int32), False
    )
    table = make_table(alike, np.zeros(columns), left.scale, wanted.scaling.scale, columns)
    t = quantizer.table(table, i32, op)
    properties = {"input_offset": left.offset, **target(wanted, _limits(op, wanted))}
    quantizer.put(op, integer.MatmulOp.of([a, b, t], properties))
    return True


def quantize_weights(
    wide: Array, bias: Array | None, data: UniformType, settings: Settings, per_column: bool
) -> tuple[Weights, npt.NDArray[np.float64]]:
    """Weights [.., F] as integers of as many bits as the data have, and the bias [F] in steps of input scale times
    weight scale.
    """
    features, input_scale, bits = wide.shape[-1], data.scaling.scale, data.bits
    values = np.zeros(features, np.float32) if bias is None else bias
    if not per_column:
        low, high = (float(wide.min()), float(wide.max())) if wide.size else (0.0, 0.0)
        chosen = choose_parameters(low, high, settings.constants, bits)
        scales, offsets = np.array([chosen.scale], np.float32), np.array([chosen.offset], np.int32)
        own = bias_parameters(values, input_scale, chosen.scale, settings.constants, settings.bias_bits)
        bias_scales, bias_offsets = np.array(own.scale, np.float32), np.array(own.offset, np.int32)
    else:
        schema = Schema.SYMMETRIC if settings.constants is Schema.ASYMMETRIC else settings.constants
        rows = wide.reshape(-1, features)
        lows, highs = rows.min(axis=0, initial=0.0), rows.max(axis=0, initial=0.0)
        scales, offsets = choose_channel_parameters(lows, highs, schema, bits)
        channels = channel_bias_parameters(values, input_scale, scales, schema, settings.bias_bits)
        bias_scales, bias_offsets, scales = channels.scales, channels.offsets, channels.weight_scales
    scales = _with_room_for(values, scales, input_scale, settings.constants)
    integers = quantized(wide, scales, offsets, bits)
    rounded = quantized(values, bias_scales, bias_offsets, settings.bias_bits)
    # Rescaled to the steps of the sums here, so that no rounding is left for the card.
    meant = (rounded.astype(np.float64) - bias_offsets) * bias_scales.astype(np.float64)
    steps = float(np.float32(input_scale)) * scales.astype(np.float64)
    return Weights(integers, scales, offsets, per_column), np.broadcast_to(meant / steps, (features,))


def _with_room_for(
    bias: Array, scales: npt.NDArray[np.float32], input_scale: float, schema: Schema
) -> npt.NDArray[np.float32]:
    """Scales of weights, raised where a bias in steps of input scale times weight scale would not fit into 32 bits, as
    it easily does not beside integers of 16. Beside such a bias the weights' resolution does not count.
    """
    least = np.abs(bias.astype(np.float64)) / (float(np.float32(input_scale)) * _ROOM_FOR_BIAS)
    least = np.maximum(scales, least if len(scales) > 1 else least.max(initial=0.0))
    if schema is Schema.SYMMETRIC_WITH_POWER2_SCALE:
        least = np.exp2(np.ceil(np.log2(least)))
    return least.astype(np.float32)


def _fit(data: UniformType, of_weight: UniformType, constant: Constant) -> bool:
    """Whether weights that have scales can be integers of as many bits as the data, with a scale for all or one per
    column.
    """
    return of_weight.bits <= data.bits and of_weight.channel_axis in (None, constant.type.get_num_dims() - 1)


def given_weights(
    wide: Array, bias: Array | None, data: UniformType, element: UniformType, store: WeightStore
) -> tuple[Weights, npt.NDArray[np.float64]]:
    """As `quantize_weights`, for weights whose scales are known. The bias is not rounded to fewer than 32 bits."""
    scales, offsets = (store.held(values).reshape(-1) for values in (element.scales, element.offsets))
    scales, offsets = scales.astype(np.float32), offsets.astype(np.int32)
    integers = quantized(wide, scales, offsets, element.bits).astype(np.int16 if data.bits == 16 else np.int8)
    values = np.zeros(wide.shape[-1]) if bias is None else bias.astype(np.float64)
    steps = float(np.float32(data.scaling.scale)) * scales.astype(np.float64)
    return Weights(integers, scales, offsets, element.channel_axis is not None), values / steps


def make_table(
    weights: Weights, sums: npt.NDArray[np.float64], input_scale: float, output_scale: float, columns: int
) -> npt.NDArray[np.int32]:
    """The table [4, F] of a contraction: bias, multiplier, shift and weight's offset of every column."""
    table = np.zeros((4, columns), np.int32)
    ratios = input_scale * weights.scales.astype(np.float64) / output_scale
    table[BIAS] = np.clip(np.rint(sums), -_MOST_BIAS, _MOST_BIAS)
    table[MULTIPLIER], table[SHIFT] = rescales(ratios)
    table[WEIGHT_OFFSET] = weights.offsets
    return table


def _activation(op: ContractionOp) -> str:
    return "" if op.activation is None else op.activation.data


def _limits(op: ContractionOp, wanted: UniformType) -> tuple[int, int]:
    """The integers that the activation lets through."""
    low, high = {"": (-np.inf, np.inf), "relu": (0.0, np.inf)}.get(_activation(op), (0.0, 0.0))
    if op.bounds is not None:
        low, high = numbers(op.bounds)
    return limits_between(low, high, wanted)


CONTRACTION_RULES: Mapping[type[ContractionOp], Callable[..., bool]] = {
    ConvOp: conv,
    ConvTransposeOp: conv_transpose,
    MatmulOp: matmul,
}

__all__ = ["CONTRACTION_RULES", "Weights", "given_weights", "integer_weights", "make_table", "quantize_weights"]
