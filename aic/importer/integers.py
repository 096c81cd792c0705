"""Integers of a model that stand for numbers: what `QuantizeLinear` makes and `DequantizeLinear` takes.

The graph computes on the numbers. Where a model turns them to integers and back, they are limited to what the integers
can mean, and keep the scale as an attribute, for the passes that quantize (`passes.quantization.scales`). Unsigned
integers become signed ones: all of them and their offset are moved by half their range, which changes no number.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import TensorType, f32, i32
from xdsl.ir import Attribute, BlockArgument, SSAValue, TypeAttribute

from aic.importer.builder import Array, Builder, Value, last_made
from aic.importer.node import Node, axis_of
from aic.importer.problems import Misfit, Unsupported
from dialects.element_types import element_type, is_float, stored_dtype
from dialects.graph.elementwise import MulOp, SubOp
from dialects.graph.movement import ExpandOp, PadOp, ReshapeOp, SliceOp, TransposeOp
from dialects.graph.pooling import MaxPoolOp
from dialects.graph.resizing import ResampleOp
from dialects.graph.unary import ClipOp
from dialects.quantized.conversion import DequantizeOp
from dialects.quantized.parameters import LIMITS, Parameters, dequantized, quantized
from dialects.quantized.types import UniformType
from passes.quantization.scales import attach, wanted_type

Converted: TypeAlias = Value | Sequence[Value]

_WIDTHS = (8, 16)
"""Bits of the integers that values may become."""


def given_scale(builder: Builder, node: Node, scale: int, zero: int) -> tuple[Array, Array | None]:
    """The scale and the zero point that are two operands of a node; no zero point where it is left out.

    Raises Unsupported unless they are constants, and scales numbers above zero; Misfit where one is missing.
    """
    scales = _constant(builder, node, scale, "scale")
    zeros = None if node.optional(zero) is None else _constant(builder, node, zero, "zero point")
    if not (np.isfinite(scales) & (scales > 0)).all():
        raise Unsupported(f"the scale {scales[~(scales > 0)][:1].tolist() or 'inf'}: scales are numbers above 0")
    if zeros is not None and zeros.size not in (1, scales.size):
        raise Misfit(f"{zeros.size} zero points for {scales.size} scales")
    return scales.astype(np.float32), zeros


def _constant(builder: Builder, node: Node, position: int, what: str) -> Array:
    constant = node.operand(position).constant
    if constant is None:
        raise Unsupported(f"a {what} that is computed; it must be a constant")
    return builder.store.stored_bytes(constant)


def scale_type(
    builder: Builder, scales: Array, zeros: Array | None, dtype: np.dtype[np.generic], axis: int | None
) -> UniformType:
    """How integers of a dtype of the model mean numbers; `axis` is the dimension of scales per channel."""
    bits = 8 * dtype.itemsize
    shift = 1 << (bits - 1) if dtype.kind == "u" else 0
    zero = np.int32(0) if zeros is None else zeros.astype(np.int32).reshape(-1)
    offsets = np.broadcast_to(zero, scales.size) - shift
    if scales.size == 1 or axis is None:
        return UniformType.of(Parameters(float(scales.reshape(-1)[0]), int(offsets.reshape(-1)[0])), bits)
    of_channels = [builder.store.constant(array.reshape(-1)) for array in (scales, offsets.astype(np.int32))]
    return UniformType.of_channels(axis, of_channels[0], of_channels[1], bits)


def numbers_of(
    builder: Builder, integers: Value, scales: Array, zeros: Array | None, axis: int = 1, element: Attribute = f32
) -> Value:
    """The numbers that integers stand for: scale * (q - zero point).

    Scales per channel lie along `axis`. Raises Unsupported for integers that have no such meaning.
    """
    dtype = integers.dtype
    if dtype.kind not in "iu" or dtype.itemsize > 4 or dtype == np.uint32:
        raise Unsupported(f"{integers.element} as integers that stand for numbers; there are 8, 16 and 32 bits")
    along = _checked_axis(integers, scales, axis)
    if integers.constant is not None:
        return _constant_numbers(builder, integers, scales, zeros, along, element)
    if along is not None:
        raise Unsupported("a scale per channel of values that are computed; they have one scale")
    if 8 * dtype.itemsize not in _WIDTHS:
        return _wide_numbers(builder, integers, scales, zeros, element)
    scaling = scale_type(builder, scales, zeros, dtype, None)
    if integers.meaning is not None and integers.scaling == scaling:
        return builder.cast(integers.meaning, element)
    signed = builder.resigned(integers, scaling.storage)
    assert isinstance(element, TypeAttribute)
    parameters = scaling.scaling
    return builder.emit(DequantizeOp, [signed], scale=parameters.scale, offset=parameters.offset, to=element)


def integers_of(
    builder: Builder,
    numbers: Value,
    scales: Array,
    zeros: Array | None,
    dtype: np.dtype[np.generic],
    axis: int = 1,
) -> Value:
    """Integers of a dtype that stand for numbers, clip(rint(x / scale) + zero point), and remember them."""
    if not is_float(numbers.element):
        raise Unsupported(f"numbers of element type {numbers.element}")
    if dtype.kind not in "iu" or 8 * dtype.itemsize not in _WIDTHS:
        raise Unsupported(f"integers of type {dtype}; there are 8 and 16 bits")
    along = _checked_axis(numbers, scales, axis)
    if numbers.constant is not None:
        return _constant_integers(builder, numbers, scales, zeros, dtype, along)
    if along is not None:
        raise Unsupported("a scale per channel of values that are computed; they have one scale")
    scaling = scale_type(builder, scales, zeros, dtype, None)
    integers = TensorType(element_type(dtype), numbers.shape)
    return Value(integers, scaling=scaling, meaning=limited(builder, numbers, scaling))


def limited(builder: Builder, numbers: Value, scaling: UniformType) -> Value:
    """Numbers limited to what integers can mean, with the scale of these for passes."""
    if scale_of(builder, numbers) == scaling:
        return numbers
    low, high = LIMITS[scaling.bits]
    ends = dequantized(np.array([low, high]), scaling.scaling.scale, scaling.scaling.offset)
    result = builder.emit(ClipOp, [numbers], bounds=ends.tolist())
    attach(builder.ssa(result), scaling)
    limiter, source = last_made(result), builder.ssa(numbers)
    assert limiter is not None
    maker = source if isinstance(source, BlockArgument) else last_made(numbers)
    if maker is not None:
        limiter.location = maker.location
    return result


_MOVES = ReshapeOp | TransposeOp | SliceOp | ExpandOp | ResampleOp | MaxPoolOp | PadOp
"""Ops whose results are among what their operand is, or zeros, and that integers have too."""


def scale_of(builder: Builder, numbers: Value) -> UniformType | None:
    """The scale that numbers have been limited to already, which they keep while they are moved."""
    return _scale_of(builder.ssa(numbers))


def _scale_of(value: SSAValue) -> UniformType | None:
    known, owner = wanted_type(value), value.owner
    if known is not None:
        return known
    if not isinstance(owner, _MOVES):
        return None
    if isinstance(owner, PadOp) and owner.value.value.data != 0:
        return None
    return _scale_of(owner.operands[0])


def _checked_axis(x: Value, scales: Array, axis: int) -> int | None:
    """The dimension of scales per channel; None where there is one scale. Raises Misfit for as many as fit nowhere."""
    if scales.size == 1:
        return None
    axis = axis_of(axis, x.rank, "scales")
    if scales.ndim != 1:
        raise Unsupported(f"scales of shape {list(scales.shape)}, of blocks")
    if scales.size != x.shape[axis]:
        raise Misfit(f"{scales.size} scales for dimension {axis} of {x.type}")
    return axis


def _along(array: Array | None, axis: int | None, rank: int) -> Array | None:
    """Numbers per channel, to broadcast along a dimension."""
    if array is None or array.size == 1 or axis is None:
        return None if array is None else array.reshape(-1)[:1]
    return array.reshape(*(1,) * axis, -1, *(1,) * (rank - axis - 1))


def _constant_numbers(
    builder: Builder, integers: Value, scales: Array, zeros: Array | None, axis: int | None, element: Attribute
) -> Value:
    """The numbers of a constant, with the scale that gives its integers back, where they have 8 or 16 bits."""
    assert integers.constant is not None
    dtype = integers.dtype
    stored = builder.store.stored_bytes(integers.constant)
    spread = _along(scales, axis, integers.rank)
    zero = _along(zeros, axis, integers.rank)
    assert spread is not None
    with np.errstate(over="ignore"):
        values = dequantized(stored.astype(np.int32), spread, 0 if zero is None else zero).astype(stored_dtype(element))
    result = builder.constant(values)
    result.name = integers.name
    if 8 * dtype.itemsize in _WIDTHS:
        scaling = scale_type(builder, scales, zeros, dtype, axis)
        shift = 1 << (scaling.bits - 1) if dtype.kind == "u" else 0
        offset = (0 if zero is None else zero.astype(np.int32)) - shift
        signed = stored.astype(np.int32) - shift
        if (quantized(values.astype(np.float32), spread, offset, scaling.bits) != signed).any():
            raise Unsupported(
                f"scales from {scales.min():g} to {scales.max():g}: {element} does not keep numbers apart"
            )
        result.scaling = scaling
    return result


def _constant_integers(
    builder: Builder,
    numbers: Value,
    scales: Array,
    zeros: Array | None,
    dtype: np.dtype[np.generic],
    axis: int | None,
) -> Value:
    assert numbers.constant is not None
    values = builder.store.held(numbers.constant).astype(np.float32)
    limits = np.iinfo(dtype.str)
    spread, zero = _along(scales, axis, numbers.rank), _along(zeros, axis, numbers.rank)
    assert spread is not None
    steps: npt.NDArray[np.float32] = np.rint(values / spread)
    moved = steps if zero is None else steps + zero.astype(np.float32)
    result = builder.constant(np.clip(moved, limits.min, limits.max).astype(dtype))
    result.name = numbers.name
    return result


def _wide_numbers(builder: Builder, integers: Value, scales: Array, zeros: Array | None, element: Attribute) -> Value:
    """The numbers of sums, which integers of quantized types do not hold."""
    if zeros is not None and zeros.any():
        integers = builder.emit(SubOp, [integers, builder.constant(zeros.reshape(-1)[0], i32)])
    return builder.emit(MulOp, [builder.cast(integers, element), builder.constant(scales.reshape(-1)[0], element)])


_CARRY = (
    "Concat",
    "DepthToSpace",
    "Expand",
    "Flatten",
    "Gather",
    "Identity",
    "MaxPool",
    "Pad",
    "Reshape",
    "Slice",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Tile",
    "Transpose",
    "Unsqueeze",
)
"""Operators that move integers: their numbers may be moved instead."""


def convert_moves(convert: Callable[[Builder, Node], Converted], builder: Builder, node: Node) -> Converted:
    """Converts a node. One that moves integers which stand for numbers moves these, and its results stand for those."""
    moved = _moves_numbers(builder, node)
    if moved is None:
        return convert(builder, node)
    first = node.operand(0)
    assert first.scaling is not None
    made = convert(builder, moved)
    return [
        Value(TensorType(first.element, result.shape), scaling=first.scaling, meaning=result)
        for numbers in ([made] if isinstance(made, Value) else made)
        for result in [limited(builder, numbers, first.scaling)]
    ]


def _moves_numbers(builder: Builder, node: Node) -> Node | None:
    """The node on numbers, where it moves integers that stand for them."""
    if node.domain or node.operator not in _CARRY or not node.operands:
        return None
    joined = node.given() if node.operator == "Concat" else [node.operand(0)]
    meanings = [value.meaning for value in joined]
    if None in meanings or len({value.scaling for value in joined}) != 1:
        return None
    operands = [*meanings, *node.operands[len(joined) :]]
    if node.operator == "Pad" and node.text("mode", "constant") == "constant":
        around = _padding(builder, node, joined[0])
        if around is None:
            return None
        operands[2:3] = [around]
    return replace(node, operands=tuple(operands))


def _padding(builder: Builder, node: Node, integers: Value) -> Value | None:
    """The number that the integer around a padded tensor stands for; None for one that is computed."""
    if node.opset < 11 or integers.scaling is None:
        return None
    given = node.optional(2)
    known = np.zeros(1, integers.dtype) if given is None else builder.known(given)
    if known is None or known.size != 1:
        return None
    parameters = integers.scaling.scaling
    shift = 1 << (integers.scaling.bits - 1) if integers.dtype.kind == "u" else 0
    value = dequantized(known.reshape(()).astype(np.int64) - shift, parameters.scale, parameters.offset)
    assert integers.meaning is not None
    return builder.constant(value, integers.meaning.element)
