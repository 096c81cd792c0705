"""Every rule of quantization: a network on integers computes what it did on numbers, as far as integers go."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import frexp, inf, nan
from pathlib import Path

import numpy as np
import pytest
from xdsl.ir import SSAValue

from aic.interpreter.graph import GraphRunner
from dialects.graph.contraction import ConvOp, MatmulOp
from dialects.graph.elementwise import AddOp, MulOp
from dialects.graph.locations import tensor_name
from dialects.graph.movement import ConcatOp, ExpandOp, PadOp, ReshapeOp, SliceOp, TransposeOp
from dialects.graph.normalization import SoftmaxOp
from dialects.graph.pooling import AveragePoolOp, MaxPoolOp
from dialects.graph.properties import Plain
from dialects.graph.reduction import ReduceMeanOp
from dialects.graph.resizing import ResampleOp
from dialects.graph.unary import (
    ClipOp,
    ErfOp,
    GeluOp,
    HardSwishOp,
    ReluOp,
    SigmoidOp,
    SiluOp,
    SoftplusOp,
    TanhOp,
    UnaryOp,
)
from dialects.module import main_of
from dialects.quantized import contraction
from dialects.quantized.conversion import DequantizeOp, QuantizeOp, RequantizeOp
from passes.quantization.names import float_values
from passes.quantization.quantizer import scaling_of
from passes.quantization.schemas import Schema
from passes.quantization.settings import Settings
from tests.passes.quantization.small_networks import (
    WINDOW,
    Network,
    in_float,
    noise,
    quantized,
    quantized_by_hand,
    scales,
)

INT8, INT16 = 28.0, 75.0
"""Least signal to noise in dB, of three to five ops in a row."""
IMAGE = (2, 6, 5, 4)
POOL = {**WINDOW, "kernel_shape": (2, 2), "strides": (2, 2)}
PADDED = {**POOL, "pads": (1, 0, 0, 1)}

SCHEMAS = tuple(schema.value for schema in Schema)
POWER2 = Schema.SYMMETRIC_WITH_POWER2_SCALE.value
SYMMETRIC = (Schema.SYMMETRIC.value, POWER2)

Middle = Callable[[Network, SSAValue], SSAValue]


def unary(kind: type[UnaryOp], **properties: Plain) -> Middle:
    return lambda net, x: net.op(kind, [x], **properties)


def residual(net: Network, x: SSAValue) -> SSAValue:
    return net.op(ReluOp, [net.op(AddOp, [x, net.conv(x, 4, 3)])])


def sum_of_scales(net: Network, x: SSAValue) -> SSAValue:
    return net.op(AddOp, [x, net.conv(net.op(MulOp, [x, net.constant([5.0])]), 4)])


def joined(net: Network, x: SSAValue) -> SSAValue:
    return net.op(ConcatOp, [x, net.op(MulOp, [x, net.constant(np.full((1, 1, 1, 4), 3.0))]), x], axis=3)


def gated(net: Network, x: SSAValue) -> SSAValue:
    mean = net.op(ReduceMeanOp, [x], axes=(1, 2), keepdims=True)
    return net.op(MulOp, [x, net.op(SigmoidOp, [net.conv(mean, 4)])])


def windows(net: Network, x: SSAValue) -> SSAValue:
    weight = net.constant(net.normal(3, 3, 1, 8) / 3)
    strided = {"strides": (2, 1), "dilations": (1, 2), "pads": (2, 2, 1, 3)}
    return net.op(ConvOp, [x, weight, net.constant(net.normal(8))], **strided, activation="clip", bounds=(-0.5, 2.0))


def products(net: Network, x: SSAValue) -> SSAValue:
    rows = net.put(ReshapeOp.to(x, (2, 30, 4)))
    scores = net.op(MatmulOp, [rows, net.op(TransposeOp, [rows], permutation=(0, 2, 1))])
    return net.put(ReshapeOp.to(net.op(MatmulOp, [scores, rows]), IMAGE))


MIDDLES: Mapping[str, Middle] = {
    "conv": lambda net, x: net.conv(x, 4, 3),
    "conv without bias": lambda net, x: net.conv(x, 4, 3, bias=False),
    "conv and relu": lambda net, x: net.conv(x, 4, 3, activation="relu"),
    "grouped conv": windows,
    "residual": residual,
    "sum": sum_of_scales,
    "product": lambda net, x: net.op(MulOp, [x, net.conv(x, 4)]),
    "product with a row": lambda net, x: net.op(MulOp, [x, net.constant([0.5, -1.0, 2.0, 0.0])]),
    "gate": gated,
    "concat": joined,
    "max pool": lambda net, x: net.op(MaxPoolOp, [x], **PADDED),
    "average pool": lambda net, x: net.op(AveragePoolOp, [x], **PADDED),
    "mean": lambda net, x: net.op(ReduceMeanOp, [x], axes=(1,), keepdims=True),
    "transpose": lambda net, x: net.op(TransposeOp, [x], permutation=(0, 2, 1, 3)),
    "pad": lambda net, x: net.op(PadOp, [x], mode="constant", pads=(0, 1, 0, 0, 0, 0, 2, 0), value=1.5),
    "reflected pad": lambda net, x: net.op(PadOp, [x], mode="reflect", pads=(0, 1, 0, 0, 0, 0, 2, 0), value=0.0),
    "slice": lambda net, x: net.op(SliceOp, [x], starts=(0, 1, 0, 0), stops=(2, 6, 5, 4), steps=(1, 2, 1, 1)),
    "relu": lambda net, x: net.op(ReluOp, [net.op(TransposeOp, [x], permutation=(0, 2, 1, 3))]),
    "clip": unary(ClipOp, bounds=(-1.0, 0.5)),
    "gelu": unary(GeluOp),
    "silu": unary(SiluOp),
    "hard swish": unary(HardSwishOp),
    "sigmoid": unary(SigmoidOp),
    "tanh": unary(TanhOp),
    "erf": unary(ErfOp),
    "softplus": unary(SoftplusOp),
    "expand": lambda net, x: net.put(ExpandOp.to(net.op(ReduceMeanOp, [x], axes=(2,), keepdims=True), IMAGE)),
    "resample": lambda net, x: net.put(ResampleOp.to(x, (2, 12, 5, 4), axis=1, step=1, pattern=(0, 0))),
    "reshape": lambda net, x: net.put(ReshapeOp.to(x, (2, 5, 6, 4))),
    "products of values": products,
}
"""What stands between two convolutions."""
KEEPING = ("conv", "conv and relu", "residual", "sum", "product", "product with a row", "gate", "gelu", "silu", "tanh")
"""Those that keep any shape."""


def between(middle: Middle, seed: int = 0) -> Network:
    """A convolution, the ops in question, a convolution."""
    net = Network(IMAGE, seed)
    return net.returning(net.conv(middle(net, net.conv(net.input, 4)), 3))


@pytest.mark.parametrize("name", MIDDLES)
@pytest.mark.parametrize(("precision", "least"), [("Int8", INT8), ("Int16", INT16)])
def test_ops_between_convolutions_compute_on_integers(name: str, precision: str, least: float, tmp_path: Path) -> None:
    net = between(MIDDLES[name])
    module = quantized(net, tmp_path, Settings(quantization_precision=precision))
    assert noise(module, net) > least
    assert not in_float(module)


@pytest.mark.parametrize("activations", SCHEMAS)
@pytest.mark.parametrize("constants", SCHEMAS)
@pytest.mark.parametrize("by_channel", [False, True])
def test_schemas(activations: str, constants: str, by_channel: bool, tmp_path: Path) -> None:
    net = between(residual)
    given = Settings(
        quantization_schema_activations=activations,
        quantization_schema_constants=constants,
        enable_channelwise=by_channel,
    )
    module = quantized(net, tmp_path, given)
    assert noise(module, net) > INT8 - (6 if POWER2 in (activations, constants) else 0)
    types = [kind.scaling for kind in scales(module) if kind.channel_axis is None]
    if activations in SYMMETRIC and (constants in SYMMETRIC or by_channel):
        assert {kind.offset for kind in types} == {0}
    if activations == POWER2 and (constants == POWER2 or by_channel):
        assert {frexp(kind.scale)[0] for kind in types} == {0.5}


@pytest.mark.parametrize("by_channel", [False, True])
def test_large_biases_of_8_bits_do_not_saturate(by_channel: bool, tmp_path: Path) -> None:
    net = Network((3, 8))
    weight, bias = net.normal(8, 4) / 100, np.linspace(-30, 40, 4)
    net.returning(net.op(MatmulOp, [net.input, net.constant(weight), net.constant(bias)]))
    exact = Settings(enable_rowwise=by_channel)
    coarse = replace(exact, quantization_precision_bias="Int8")
    of_32_bits, of_8_bits = (noise(quantized(net, tmp_path, given), net) for given in (exact, coarse))
    assert of_32_bits > 40
    assert 35 < of_8_bits <= of_32_bits


def test_what_is_a_constant_or_has_no_elements(tmp_path: Path) -> None:
    for shape in ((0, 8), (4, 0)):
        net = Network(shape)
        net.returning(net.matmul(net.op(ReluOp, [net.matmul(net.input, 4)]), 3))
        assert noise(quantized(net, tmp_path, Settings()), net) > INT8
    net = Network((2, 4))
    net.returning(net.matmul(net.op(AddOp, [net.matmul(net.input, 4), net.constant(2.5)]), 3))
    module = quantized(net, tmp_path, Settings())
    assert noise(module, net) > INT8
    assert not in_float(module)
    zeros = Network((2, 4))
    y = zeros.op(MatmulOp, [zeros.input, zeros.constant(np.zeros((4, 3))), zeros.constant(np.zeros(3))])
    assert noise(quantized(zeros.returning(y), tmp_path, Settings()), zeros) == inf


@pytest.mark.parametrize("number", [inf, nan])
def test_constants_that_are_no_numbers_stay(number: float) -> None:
    net = Network((2, 4))
    row = net.constant([1.0, number, 1.0, 1.0])
    net.returning(net.matmul(net.op(MulOp, [net.matmul(net.input, 4), row]), 3))
    assert in_float(quantized_by_hand(net)) == {"graph.mul"}


def test_padding_that_integers_cannot_mean_stays(tmp_path: Path) -> None:
    padded = between(lambda net, x: net.op(PadOp, [x], mode="constant", pads=(0, 1, 0, 0, 0, 0, 0, 0), value=1e6))
    module = quantized(padded, tmp_path, Settings())
    assert in_float(module) == {"graph.pad"}


def test_operands_on_far_scales_are_added_in_float() -> None:
    net = Network((2, 4))
    x = net.matmul(net.input, 4)
    net.returning(net.matmul(net.op(AddOp, [x, net.matmul(x, 4)]), 3))
    module = quantized_by_hand(net, {1: 1e9})
    assert in_float(module) == {"graph.add"}


def test_operands_that_are_joined_come_to_the_scale_of_the_result() -> None:
    net = Network(IMAGE)
    parts = [net.conv(net.input, 4) for _ in range(3)]
    joined = net.op(ConcatOp, parts, axis=3)
    net.returning(net.conv(joined, 3))
    numbers = {value: number for number, value in enumerate(float_values(main_of(net.module)).values())}
    module = quantized_by_hand(net, {numbers[parts[0]]: 0.1, numbers[parts[1]]: 0.03})
    (concat,) = (op for op in module.walk() if isinstance(op, ConcatOp))
    assert [isinstance(operand.owner, RequantizeOp) for operand in concat.operands] == [True, True, False]
    assert len({scaling_of(value) for value in (*concat.operands, concat.output)}) == 1
    assert not in_float(module)
    (inputs,) = net.samples(1)
    wide, narrow = (next(iter(GraphRunner(each).run(inputs).values())) for each in (net.module, module))
    assert np.abs(wide - narrow).max() < 0.4


def test_a_weight_that_ops_share_is_one_constant_where_its_integers_are_the_same(tmp_path: Path) -> None:
    net = Network((2, 4))
    weight, small, huge = net.constant(net.normal(4, 4)), net.constant(np.ones(4)), net.constant(np.full(4, 1e9))
    x = net.input
    for bias in (small, small, huge):
        x = net.op(MatmulOp, [x, weight, bias])
    module = quantized(net.returning(x), tmp_path, Settings())
    found = [op.rhs for op in module.walk() if isinstance(op, contraction.MatmulOp)]
    assert len(found) == 3
    assert found[0] is found[1]
    assert found[2] is not found[0], "its steps leave room for the bias"


def test_ops_that_only_float_ops_read_stay_in_float(tmp_path: Path) -> None:
    net = Network((2, 4))
    x = net.matmul(net.input, 4)
    net.returning(net.op(SoftmaxOp, [net.op(MulOp, [net.op(AddOp, [x, net.input]), x])], axis=1))
    module = quantized(net, tmp_path, Settings())
    assert in_float(module) == {"graph.add", "graph.mul", "graph.softmax"}
    assert sum(isinstance(op, DequantizeOp) for op in module.walk()) == 1
    assert sum(isinstance(op, QuantizeOp) for op in module.walk()) == 1


def test_listed_ops_stay_in_float_and_so_does_what_lies_between_them(tmp_path: Path) -> None:
    net = Network(IMAGE)
    first = net.conv(net.input, 4)
    second = net.conv(net.op(MaxPoolOp, [first], **POOL), 4)
    net.returning(net.conv(second, 3))
    names = [tensor_name(op) for op in net.block.ops if isinstance(op, ConvOp)]
    module = quantized(net, tmp_path, Settings(in_float=(names[0],), in_original=(names[1],)))
    assert in_float(module) == {"graph.conv", "graph.max_pool"}
    assert sum(op.name == "graph.conv" for op in module.walk()) == 2
    assert noise(module, net) > INT8


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("precision", "least"), [("Int8", 17), ("Int16", 60)])
def test_random_networks(seed: int, precision: str, least: float, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    net = Network((*random.integers(1, 6, 3).tolist(), 4), seed, bias=0 if precision == "Int16" else 1)
    x = net.conv(net.input, 4)
    for name in random.choice(KEEPING, 4):
        x = net.conv(MIDDLES[name](net, x), 4)
    net.returning(x)
    module = quantized(net, tmp_path, Settings(quantization_precision=precision, enable_channelwise=seed % 2 == 0))
    assert noise(module, net) > least
    assert not in_float(module)
