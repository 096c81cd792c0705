"""What a kernel costs one core: closed formulas over the shapes that the core works on.

HMX contracts tile by tile: a tile is some output channels by some input channels by some positions, and is paid for
whole. HVX is priced per vector, its threads together, by class of kernel. All rates and sizes are data of the hardware
description. Operands and result lie in VTCM (the table of a gather in DDR); moving them there is not counted here.
Every call of a kernel pays a start.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import inf, prod
from typing import Literal, NamedTuple, TypeAlias

from xdsl.dialects.builtin import BFloat16Type, Float16Type, IntegerType
from xdsl.ir import Attribute

from dialects.element_types import element_bytes
from dialects.errors import AicError
from dialects.graph.kernels.activation import ACTIVATIONS
from dialects.hardware import Hardware

Shape: TypeAlias = tuple[int, ...]
Unit: TypeAlias = Literal["hmx", "hvx"]


class Cost(NamedTuple):
    """Cycles from start to end of a kernel on one core, on its main unit.

    A kernel of HMX may need HVX beside it (softmax of attention, some activations): `hvx_cycles` of `cycles`. `macs`
    are the multiply-accumulates that the kernel asks for, without the padding of tiles.
    """

    engine: Unit
    cycles: float
    macs: int = 0
    hvx_cycles: float = 0.0


class Work(NamedTuple):
    """What one core is to do: arguments of the kernel, local shapes, the data's element, and the hardware."""

    arguments: Mapping[str, object]
    operands: Sequence[Shape]
    result: Shape
    element: Attribute
    hardware: Hardware

    def vectors(self, elements: int) -> int:
        """Vectors that hold so many elements."""
        return -(-elements * _bytes(self.element) // self.hardware.hvx_vector_bytes)


Formula: TypeAlias = Callable[[Work], Cost]

_bytes = cache(element_bytes)


def runs_on_hmx(element: Attribute) -> bool:
    """Whether HMX takes operands of that type: fp16, and integers of 8 and 16 bits. Others are contracted on HVX."""
    if isinstance(element, IntegerType):
        return element.width.data in (8, 16)
    return isinstance(element, Float16Type | BFloat16Type)


# Contractions


class Contraction(NamedTuple):
    """A sum of products as HMX and HVX see it.

    `positions` are rows of the product, already padded to whole tiles on HMX; every column (output channel) is a sum
    over `depth` products for each of `taps` positions of a window. `blocks` such contractions stand side by side.
    """

    positions: int
    columns: int
    depth: int
    taps: int
    blocks: int = 1


def _up(value: int, quantum: int) -> int:
    return -(-value // quantum) * quantum


def _tile_rows(work: Work) -> int:
    """Positions of an HMX tile, which go with the bytes of an element."""
    narrow = isinstance(work.element, IntegerType) and work.element.width.data == 8
    return work.hardware.hmx_i8_rows if narrow else work.hardware.hmx_f16_rows


def _rate(element: Attribute, hardware: Hardware) -> float:
    if not isinstance(element, IntegerType):
        return hardware.hmx_f16_macs_per_cycle
    return hardware.hmx_i8_macs_per_cycle if element.width.data == 8 else hardware.hmx_i16_macs_per_cycle


def _hmx_cycles(work: Work, contraction: Contraction) -> float:
    hardware = work.hardware
    rate = _rate(work.element, hardware)
    columns, depth = _up(contraction.columns, hardware.hmx_columns), _up(contraction.depth, hardware.hmx_depth)
    macs = contraction.positions * columns * depth * contraction.taps * contraction.blocks
    return macs / (rate * hardware.hmx_efficiency)


def _hvx_contraction_cycles(work: Work, contraction: Contraction) -> float:
    """Contraction on HVX, its lanes along the columns. The rate is that of 4-byte elements; it goes with their size."""
    size = _bytes(work.element)
    lanes = work.hardware.hvx_vector_bytes // size
    macs = contraction.positions * _up(contraction.columns, lanes) * contraction.depth * contraction.taps
    return macs * contraction.blocks * size / (4 * work.hardware.hvx_f32_macs_per_cycle)


def _contracted(work: Work, tiled: Contraction, exact: Contraction, macs: int) -> Cost:
    """Cost of a contraction and of the activation that follows it, on HMX where it takes the type."""
    if macs == 0:
        return Cost("hmx", 0.0)
    vector = _activation_cycles(work)
    if not runs_on_hmx(work.element):
        return Cost("hvx", work.hardware.hvx_start_cycles + _hvx_contraction_cycles(work, exact) + vector, macs)
    parts = max(1, tiled.positions // _tile_rows(work))
    return _both(work, _hmx_cycles(work, tiled), vector, parts, macs)


def _both(work: Work, matrix: float, vector: float, parts: int, macs: int) -> Cost:
    """HMX and HVX on one kernel in turn, part by part: the busier one, and the other's first or last part."""
    cycles = work.hardware.hmx_start_cycles + max(matrix, vector) + min(matrix, vector) / parts
    return Cost("hmx", cycles, macs, vector)


def _activation_cycles(work: Work) -> float:
    """HVX cycles of a fused activation. Limits of the result (relu, clip) are part of HMX's output stage."""
    activation = work.arguments.get("activation", "")
    if not activation or activation in ("relu", "clip"):
        return 0.0
    if activation not in ACTIVATIONS:
        raise AicError(f"activation {activation!r} has no cost formula")
    rate = getattr(work.hardware.hvx_cycles_per_vector, _ELEMENTWISE[str(activation)])
    return work.vectors(prod(work.result)) * rate


def conv_cost(work: Work) -> Cost:
    """Channels-last convolution."""
    kh, kw, _, _ = work.operands[1]
    return _convolution(work, work.result[:3], kh * kw, pointwise=kh * kw == 1)


def conv_transpose_cost(work: Work) -> Cost:
    """As many convolutions as there are phases of the stride, among which the positions of the weight are divided."""
    kh, kw, _, _ = work.operands[1]
    strides = work.arguments["strides"]
    assert isinstance(strides, tuple)
    n, rows, columns, _ = work.result
    phase = (n, -(-rows // int(strides[0])), -(-columns // int(strides[1])))
    return _convolution(work, phase, kh * kw, pointwise=kh <= strides[0] and kw <= strides[1])


def _convolution(work: Work, image: Shape, taps: int, *, pointwise: bool) -> Cost:
    """Images of so many rows and columns, a sum over `taps` positions of a window at each.

    Groups narrower than a tile share one, its weights block-diagonal.
    """
    _, _, depth, features = work.operands[1]
    groups = max(1, work.operands[0][3] // depth) if depth else 1
    per_group = features // groups
    macs = prod(image) * features * taps * depth
    positions = _conv_positions(work, image, pointwise=pointwise)
    exact = Contraction(prod(image), features, depth, taps)
    if groups == 1:
        return _contracted(work, Contraction(positions, features, depth, taps), exact, macs)
    shared = max(1, min(groups, work.hardware.hmx_columns // max(1, per_group)))
    tiled = Contraction(positions, per_group * shared, depth * shared, taps, blocks=-(-groups // shared))
    return _contracted(work, tiled, exact, macs)


def _conv_positions(work: Work, image: Shape, *, pointwise: bool) -> int:
    """Positions of images in whole tiles: of several rows or of one, whichever wastes less.

    With a window of one position the order of positions does not matter, and they are tiled as one run.
    """
    n, rows, columns = image
    tile = _tile_rows(work)
    if pointwise:
        return _up(n * rows * columns, tile)
    height = work.hardware.hmx_tile_height
    square = _up(rows, height) * _up(columns, tile // height)
    flat = rows * _up(columns, tile)
    return n * min(square, flat)


def matmul_cost(work: Work) -> Cost:
    """[.., M, K] x [.., K, N]; left sides that meet one right side are one matrix."""
    depth = work.operands[0][-1]
    *lead, rows, columns = work.result
    batch = prod(work.operands[1][:-2])
    rows = rows * prod(lead) // batch if batch else 0
    tiled = Contraction(batch * _up(rows, _tile_rows(work)), columns, depth, 1)
    return _contracted(work, tiled, Contraction(batch * rows, columns, depth, 1), batch * rows * columns * depth)


def _attention(work: Work) -> Cost:
    """Two products on HMX and a softmax of the scores on HVX, head after head: the units overlap across heads."""
    return _attended(work, 1.0)


def _causal_attention(work: Work) -> Cost:
    """Of a square of scores, when nothing beyond the diagonal counts, the tiles below it and on it."""
    rows, length = work.operands[0][-2], work.operands[1][-2]
    skips = work.arguments["beyond"] == -inf and rows == length
    return _attended(work, min(1.0, (1 + _tile_rows(work) / rows) / 2) if skips and rows else 1.0)


def _attended(work: Work, share: float) -> Cost:
    """Attention of which this share of the scores is computed."""
    queries, keys, values = work.operands[:3]
    head_dim = int(str(work.arguments["head_dim"]))
    heads, served = queries[-1] // head_dim, max(1, keys[-1] // head_dim)
    batch, rows, length, value_dim = prod(queries[:-2]), queries[-2], keys[-2], values[-1] // served
    pairs = batch * heads
    macs = int(pairs * rows * length * (head_dim + value_dim) * share)
    if macs == 0:
        return Cost("hmx", 0.0)
    hardware = work.hardware
    softmax = work.vectors(pairs * rows * length) * hardware.hvx_cycles_per_vector.softmax * share
    tile = _tile_rows(work)
    scores = Contraction(_up(rows, tile), length, head_dim, 1, pairs)
    weighted = Contraction(_up(rows, tile), value_dim, length, 1, pairs)
    if not runs_on_hmx(work.element):
        exact = (scores._replace(positions=rows), weighted._replace(positions=rows))
        products = sum(_hvx_contraction_cycles(work, contraction) for contraction in exact)
        return Cost("hvx", hardware.hvx_start_cycles + products * share + softmax, macs)
    products = _hmx_cycles(work, scores) + _hmx_cycles(work, weighted)
    return _both(work, products * share, softmax, pairs, macs)


def _recurrence(work: Work) -> Cost:
    """Step after step a product with the state, and activations of its result, which wait for each other.

    A product of few rows fills no tile of HMX; then HVX may be quicker.
    """
    directions, steps, batch, columns = work.operands[0]
    depth, (states, *_, hidden) = work.operands[1][1], work.result
    macs = directions * steps * batch * columns * depth
    if macs == 0:
        return Cost("hvx", 0.0)
    hardware, rates = work.hardware, work.hardware.hvx_cycles_per_vector
    gates = work.vectors(directions * batch * columns) * (rates.transcendental + 2 * rates.add)
    vector = gates + work.vectors(directions * batch * states * hidden) * (rates.transcendental + 2 * rates.mul)
    product = Contraction(batch, columns, depth, 1, directions)
    on_hvx = steps * (hardware.hvx_start_cycles + _hvx_contraction_cycles(work, product) + vector)
    if not runs_on_hmx(work.element):
        return Cost("hvx", on_hvx, macs)
    tiled = _hmx_cycles(work, product._replace(positions=_up(batch, _tile_rows(work))))
    vector += hardware.hvx_start_cycles
    on_hmx = steps * (hardware.hmx_start_cycles + tiled + vector)
    return Cost("hvx", on_hvx, macs) if on_hvx <= on_hmx else Cost("hmx", on_hmx, macs, steps * vector)


# HVX


def _on_hvx(work: Work, cycles: float) -> Cost:
    return Cost("hvx", work.hardware.hvx_start_cycles + cycles if prod(work.result) else 0.0)


def per_result(rate: str) -> Formula:
    """Cycles per vector of the result."""

    def formula(work: Work) -> Cost:
        return _on_hvx(work, work.vectors(prod(work.result)) * getattr(work.hardware.hvx_cycles_per_vector, rate))

    return formula


def per_operand(rate: str) -> Formula:
    """Cycles per vector of the first operand, and the result's writing."""

    def formula(work: Work) -> Cost:
        rates = work.hardware.hvx_cycles_per_vector
        read = work.vectors(prod(work.operands[0])) * getattr(rates, rate)
        return _on_hvx(work, read + work.vectors(prod(work.result)) * rates.access)

    return formula


def _sorted(work: Work) -> Cost:
    """A pass of extremes and their positions for every halving of the list that is sorted (a bitonic network)."""
    axis = int(str(work.arguments["axis"]))
    halvings = max(1, (work.operands[0][axis] - 1).bit_length())
    passes = halvings * (halvings + 1) // 2
    return _on_hvx(
        work, passes * work.vectors(prod(work.operands[0])) * work.hardware.hvx_cycles_per_vector.reduce_position
    )


def binary(rate: str) -> Formula:
    """Element-wise on two operands: `rate` if both have the result's shape, else that of a scalar or a broadcast."""

    def formula(work: Work) -> Cost:
        rates = work.hardware.hvx_cycles_per_vector
        cycles = getattr(rates, rate)
        elements = prod(work.result)
        smallest = min(prod(operand) for operand in work.operands)
        if smallest != elements:
            cycles = max(cycles, rates.broadcast) if smallest > 1 else _of_scalar(cycles, rates.splat, rates.mul)
        return _on_hvx(work, work.vectors(elements) * cycles)

    return formula


def _of_scalar(cycles: float, splat: float, heaviest: float) -> float:
    """Rate with a scalar operand: cheap operations save its reading, expensive ones stay what they are."""
    return min(cycles, splat) if cycles <= heaviest else cycles


def _moved(work: Work) -> Cost:
    """Every vector of the result is read once and written once."""
    return _on_hvx(work, 2 * work.vectors(prod(work.result)) * work.hardware.hvx_cycles_per_vector.access)


def _rotary(work: Work) -> Cost:
    """Two products with factors that all heads share, and their sum."""
    rates = work.hardware.hvx_cycles_per_vector
    return _on_hvx(work, work.vectors(prod(work.result)) * (2 * max(rates.broadcast, rates.mul) + rates.add))


def _touched(work: Work) -> Cost:
    """Every vector of every operand is read and every vector of the result written."""
    elements = sum(prod(operand) for operand in work.operands) + prod(work.result)
    return _on_hvx(work, work.vectors(elements) * work.hardware.hvx_cycles_per_vector.access)


def pool_cost(work: Work) -> Cost:
    """A read per position of the window and a write, per vector of the result."""
    kernel_shape = work.arguments["kernel_shape"]
    taps = prod(kernel_shape) if isinstance(kernel_shape, tuple) else 1
    return _on_hvx(work, (taps + 1) * work.vectors(prod(work.result)) * work.hardware.hvx_cycles_per_vector.access)


def _resample(work: Work) -> Cost:
    """A copy of whole vectors, or a gather where positions lie within a vector."""
    return per_result("gather")(work) if work.arguments["axis"] == -1 else _moved(work)


def _interpolate(work: Work) -> Cost:
    """A product with its sum per neighbour; where neighbours lie within a vector, they are gathered first."""
    rates = work.hardware.hvx_cycles_per_vector
    per_neighbour = rates.mul + (rates.gather if work.arguments["axis"] == -1 else 0)
    return _on_hvx(work, work.vectors(prod(work.result)) * work.operands[1][-1] * per_neighbour)


_ELEMENTWISE: dict[str, str] = {
    **dict.fromkeys(
        ("relu", "clip", "leaky_relu", "hard_sigmoid", "neg", "abs", "sign", "floor", "ceil", "round"), "splat"
    ),
    **dict.fromkeys(("isnan", "isinf", "not"), "splat"),
    "hard_swish": "mul",
    **dict.fromkeys(("sqrt", "rsqrt", "reciprocal"), "divide"),
    **dict.fromkeys(("exp", "log", "sin", "cos", "tan", "asin", "acos", "atan"), "transcendental"),
    **dict.fromkeys(("sinh", "cosh", "asinh", "acosh", "atanh", "tanh"), "transcendental"),
    **dict.fromkeys(("sigmoid", "silu", "elu", "selu", "softplus", "mish"), "transcendental"),
    "erf": "erf",
    **dict.fromkeys(("gelu", "gelu_tanh"), "gelu"),
}
"""Class of every element-wise kernel of one operand."""

GRAPH_FORMULAS: dict[str, Formula] = {
    "conv": conv_cost,
    "conv_transpose": conv_transpose_cost,
    "matmul": matmul_cost,
    "attention": _attention,
    "causal_attention": _causal_attention,
    **dict.fromkeys(("lstm", "gru", "rnn"), _recurrence),
    **{kernel: per_result(rate) for kernel, rate in _ELEMENTWISE.items()},
    **dict.fromkeys(("add", "sub", "min", "max", "and", "or", "xor"), binary("add")),
    **dict.fromkeys(("equal", "less", "less_equal", "greater", "greater_equal"), binary("add")),
    **dict.fromkeys(("mul", "prelu"), binary("mul")),
    **dict.fromkeys(("div", "mod"), binary("divide")),
    "pow": binary("transcendental"),
    "select": _touched,
    "cast": per_result("convert"),
    **dict.fromkeys(("reshape", "expand", "concat", "slice", "pad"), _moved),
    "resample": _resample,
    "interpolate": _interpolate,
    "transpose": per_result("transpose"),
    **dict.fromkeys(("gather", "gather_elements"), per_result("gather")),
    **dict.fromkeys(("softmax", "log_softmax"), per_result("softmax")),
    **dict.fromkeys(("layer_norm", "rms_norm"), per_result("layer_norm")),
    "rotary": _rotary,
    "batch_norm": per_result("broadcast"),
    "lrn": per_result("lrn"),
    **dict.fromkeys(("max_pool", "average_pool"), pool_cost),
    **dict.fromkeys(("reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod"), per_operand("reduce")),
    **dict.fromkeys(("arg_max", "arg_min"), per_operand("reduce_position")),
    "top_positions": _sorted,
    "cumsum": per_operand("scan"),
}
"""Formula by kernel of the graph dialect."""
