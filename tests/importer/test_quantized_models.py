"""Models that arrive quantized, as graphs: numbers limited to what integers can mean, scales as attributes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper
from xdsl.dialects.builtin import ModuleOp

from aic.importer import ImportFailure, import_proto
from aic.interpreter.graph import GraphRunner, run_graph
from aic.phases import phases_between, run_phases
from dialects.graph.base import GraphOp, numbers
from dialects.graph.constant import ConstantOp
from dialects.graph.unary import ClipOp
from dialects.module import main_of
from dialects.quantized.parameters import LIMITS, Parameters, quantized
from dialects.quantized.types import UniformType
from dialects.weights import store_of
from passes.quantization.scales import is_quantized, wanted_type
from tests.importer.models import model, tensor
from tests.models import reference

RANDOM = np.random.default_rng(0)
MICROSOFT = "com.microsoft"
Constants = dict[str, Any]


def node(operator: str, operands: Sequence[str], result: str, **attributes: Any) -> NodeProto:
    ours = operator.startswith(("QLinear", "QGemm")) and operator not in ("QLinearConv", "QLinearMatMul")
    domain = attributes.pop("domain", MICROSOFT if ours else "")
    return helper.make_node(operator, operands, [result], f"node {result}", domain=domain, **attributes)


def proto(
    nodes: Sequence[NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[str],
    constants: Constants,
    opset: int = 21,
) -> onnx.ModelProto:
    made = model(nodes, inputs, outputs, constants, opset)
    made.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
    made.ir_version = 10
    return made


def imported(*given: Any) -> ModuleOp:
    return import_proto(proto(*given))


def there_and_back(x: str, result: str, scale: str = "s", zero: str = "z", **attributes: Any) -> list[NodeProto]:
    return [
        node("QuantizeLinear", [x, scale, zero], f"{result}_q", **attributes),
        node("DequantizeLinear", [f"{result}_q", scale, zero], result, **attributes),
    ]


def scale(value: float, offset: int, bits: int = 8) -> UniformType:
    return UniformType.of(Parameters(value, offset), bits)


def ops(module: ModuleOp) -> list[str]:
    return [op.name for op in main_of(module).body.block.ops if isinstance(op, GraphOp)]


def scales(module: ModuleOp) -> list[UniformType]:
    found = [wanted_type(op.output) for op in module.walk() if isinstance(op, GraphOp)]
    return [kind for kind in found if kind is not None]


@pytest.mark.parametrize(
    ("zero", "offset"),
    [
        (np.uint8(3), -125),
        (np.uint8(128), 0),
        (np.int8(-128), -128),
        (np.uint16(0), -32768),
        (np.uint16(40000), 7232),
        (np.int16(5), 5),
    ],
)
@pytest.mark.parametrize("domain", ["", MICROSOFT])
def test_there_and_back_is_a_limit_with_a_scale(zero: npt.NDArray[Any], offset: int, domain: str) -> None:
    constants = {"s": np.float32(0.25), "z": zero}
    module = imported(there_and_back("x", "y", domain=domain), [tensor("x", [2, 3])], ["y"], constants)
    (limit,) = (op for op in module.walk() if isinstance(op, GraphOp))
    bits = 8 * zero.dtype.itemsize
    assert isinstance(limit, ClipOp)
    assert wanted_type(limit.output) == scale(0.25, offset, bits)
    assert numbers(limit.bounds) == tuple((end - offset) * 0.25 for end in LIMITS[bits])
    assert is_quantized(module)


def test_the_type_without_zero_point() -> None:
    half = {"s": np.float32(0.5)}
    nodes = [node("QuantizeLinear", ["x", "s"], "q"), node("DequantizeLinear", ["q", "s"], "y")]
    assert scales(imported(nodes, [tensor("x", [2])], ["y"], half)) == [scale(0.5, -128)]
    nodes[0] = node("QuantizeLinear", ["x", "s"], "q", output_dtype=TensorProto.INT16)
    assert scales(imported(nodes, [tensor("x", [2])], ["y"], half)) == [scale(0.5, 0, 16)]


def test_what_is_limited_already_is_not_limited_again() -> None:
    nodes = [
        *there_and_back("x", "a"),
        *there_and_back("a", "b"),
        node("MaxPool", ["b"], "c", kernel_shape=[2, 2]),
        *there_and_back("c", "d"),
        node("Flatten", ["d"], "e"),
        *there_and_back("e", "f", "t"),
        *there_and_back("e", "g"),
    ]
    constants = {"s": np.float32(0.5), "t": np.float32(0.25), "z": np.int8(0)}
    module = imported(nodes, [tensor("x", [1, 2, 4, 4])], ["f", "g"], constants)
    assert scales(module) == [scale(0.5, 0), scale(0.25, 0)]


def test_each_scale_of_a_value_has_a_limit_of_its_own() -> None:
    nodes = [*there_and_back("x", "a"), *there_and_back("x", "b", "t"), node("Add", ["a", "b"], "y")]
    constants = {"s": np.float32(0.5), "t": np.float32(2.0), "z": np.int8(0)}
    module = imported([*nodes, node("Relu", ["x"], "r")], [tensor("x", [2])], ["y", "r"], constants)
    assert scales(module) == [scale(0.5, 0), scale(2.0, 0)]
    found = run_graph(module, {"x": np.array([-100, 90], np.float32)})
    assert found["y"].tolist() == [-164.0, 153.5]
    assert found["r"].tolist() == [0.0, 90.0]


def constants_of(module: ModuleOp) -> list[ConstantOp]:
    return [op for op in module.walk() if isinstance(op, ConstantOp)]


def integers(module: ModuleOp, op: ConstantOp) -> npt.NDArray[np.signedinteger]:
    """What the scales of a constant make of its numbers."""
    kind, store = wanted_type(op.output), store_of(module)
    assert kind is not None
    along = [1] * op.result_type.get_num_dims()
    if kind.channel_axis is not None:
        along[kind.channel_axis] = -1
    of_channels = [store.held(values).reshape(along) for values in (kind.scales, kind.offsets)]
    held = store.held(op.value).astype(np.float32)
    return quantized(held, of_channels[0].astype(np.float32), of_channels[1], kind.bits)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("outputs", [6, 60])
@pytest.mark.parametrize("stop", ["import", "graph"])
def test_weights_come_back_along_their_dimension(dtype: Any, outputs: int, stop: str) -> None:
    limits = np.iinfo(dtype)
    weight = RANDOM.integers(limits.min, limits.max, (outputs, 4, 3, 2), dtype, endpoint=True)
    zeros = RANDOM.integers(limits.min, limits.max, outputs, dtype)
    steps = RANDOM.random(outputs).astype(np.float32) + np.float32(0.01)
    nodes = [
        node("DequantizeLinear", ["w", "s", "z"], "wide", axis=0),
        node("Conv", ["x", "wide"], "c"),
        *there_and_back("c", "y", "t", "u"),
    ]
    constants = {"w": weight, "s": steps, "z": zeros, "t": np.float32(1), "u": np.int8(0)}
    module = imported(nodes, [tensor("x", [1, 4, 5, 5])], ["y"], constants)
    run_phases(module, phases_between("import", stop))
    (constant,) = constants_of(module)
    shift = 128 if dtype == np.uint8 else 0
    np.testing.assert_array_equal(integers(module, constant), weight.transpose(2, 3, 1, 0).astype(np.int16) - shift)
    kind = wanted_type(constant.output)
    assert kind is not None
    assert kind.channel_axis == 3
    np.testing.assert_array_equal(store_of(module).held(kind.offsets), zeros.astype(np.int32) - shift)


def test_weights_that_are_quantized_by_nodes() -> None:
    weight = RANDOM.standard_normal((8, 5)).astype(np.float32)
    nodes = [
        *there_and_back("w", "wide", axis=1),
        node("MatMul", ["x", "wide"], "c"),
        *there_and_back("c", "y", "t", "u"),
    ]
    steps = RANDOM.random(5).astype(np.float32) / 64
    constants = {"w": weight, "s": steps, "z": np.arange(5, dtype=np.int8), "t": np.float32(1), "u": np.int8(0)}
    module = imported(nodes, [tensor("x", [2, 8])], ["y"], constants)
    (constant,) = constants_of(module)
    expected = np.clip(np.rint(weight / steps) + np.arange(5), -128, 127)
    np.testing.assert_array_equal(integers(module, constant), expected)


def test_biases_are_numbers() -> None:
    bias = np.array([1 << 20, -(1 << 28), 7], np.int32)
    nodes = [
        node("DequantizeLinear", ["b", "s"], "wide"),
        node("MatMul", ["x", "w"], "c"),
        node("Add", ["c", "wide"], "a"),
        *there_and_back("a", "y", "t", "z"),
    ]
    constants = {
        "b": bias,
        "s": np.float32(1e-4),
        "w": np.ones((4, 3), np.float32),
        "t": np.float32(1),
        "z": np.int8(0),
    }
    module = imported(nodes, [tensor("x", [1, 4])], ["y"], constants)
    assert all(wanted_type(op.output) is None for op in constants_of(module))
    assert len(scales(module)) == 1
    held = [store_of(module).held(op.value).astype(np.float32) for op in constants_of(module)]
    np.testing.assert_allclose(next(values for values in held if values.ndim == 1), bias * np.float32(1e-4), rtol=1e-6)


def test_few_bits_alone_quantize_nothing() -> None:
    nodes = [node("DequantizeLinear", ["w", "s"], "wide"), node("MatMul", ["x", "wide"], "y")]
    module = imported(nodes, [tensor("x", [1, 4])], ["y"], {"w": np.ones((4, 3), np.int8), "s": np.float32(0.5)})
    assert not is_quantized(module)
    assert "quantized." not in str(module)
    assert run_graph(module, {"x": np.ones((1, 4), np.float32)})["y"].tolist() == [[2.0] * 3]


SCALES: Constants = {
    "xs": np.float32(0.02),
    "xz": np.uint8(120),
    "ws": np.array([0.01, 0.02, 0.015, 0.005], np.float32),
    "wz": np.zeros(4, np.int8),
    "ss": np.float32(0.013),
    "sz": np.int8(0),
    "ys": np.float32(0.03),
    "yz": np.uint8(100),
    "unit": np.float32(1 / 256),
    "zero": np.uint8(0),
}
X, Y = ["xs", "xz"], ["ys", "yz"]
# Of 7 bits: with more, kernels of onnxruntime saturate on processors without VNNI.
WIDE = RANDOM.integers(-63, 63, (4, 3, 3, 3), np.int8)
MATRIX = RANDOM.integers(-63, 63, (6, 4), np.int8)
BIAS = RANDOM.integers(-3000, 3000, 4).astype(np.int32)
OPERATORS: dict[str, tuple[NodeProto, tuple[int, ...], Constants, float]] = {
    "conv": (
        node("QLinearConv", ["q", *X, "w", "ws", "wz", *Y, "b"], "r", pads=[1] * 4, strides=[2, 1]),
        (2, 3, 6, 5),
        {"w": WIDE, "b": BIAS},
        0.03,
    ),
    "grouped conv": (
        node("QLinearConv", ["q", *X, "w", "ss", "sz", *Y], "r", group=2),
        (2, 6, 6, 5),
        {"w": WIDE},
        0.03,
    ),
    "matmul": (node("QLinearMatMul", ["q", *X, "w", "ws", "wz", *Y], "r"), (2, 3, 6), {"w": MATRIX}, 0.03),
    "gemm": (
        node("QGemm", ["q", *X, "w", "ws", "wz", "b", *Y], "r", transB=1, alpha=0.5),
        (3, 6),
        {"w": MATRIX.T.copy(), "b": BIAS},
        0.03,
    ),
    "gemm of numbers": (
        node("QGemm", ["q", *X, "w", "ss", "sz", "b"], "y", transB=0),
        (3, 6),
        {"w": MATRIX, "b": BIAS},
        1e-4,
    ),
    "add": (node("QLinearAdd", ["q", *X, "q", *X, *Y], "r"), (2, 3, 6), {}, 0.03),
    "mul": (
        node("QLinearMul", ["q", *X, "w", "xs", "xz", *Y], "r"),
        (2, 3),
        {"w": np.array([3, 90, 255], np.uint8)},
        0.03,
    ),
    "concat": (node("QLinearConcat", [*Y, "q", *X, "q", *X], "r", axis=1), (2, 3, 4), {}, 0.03),
    "sigmoid": (node("QLinearSigmoid", ["q", *X, "unit", "zero"], "r"), (2, 30), {}, 1 / 256),
    "leaky relu": (node("QLinearLeakyRelu", ["q", *X, *Y], "r", alpha=0.3), (2, 30), {}, 0.03),
    "softmax": (node("QLinearSoftmax", ["q", *X, "unit", "zero"], "r", axis=-1, opset=13), (2, 3, 10), {}, 1 / 256),
    "softmax of a matrix": (
        node("QLinearSoftmax", ["q", *X, "unit", "zero"], "r", axis=1, opset=12),
        (2, 3, 4),
        {},
        1 / 256,
    ),
    "average pool": (
        node("QLinearAveragePool", ["q", *X, *Y], "r", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 0]),
        (2, 3, 6, 5),
        {},
        0.03,
    ),
    "global average pool": (node("QLinearGlobalAveragePool", ["q", *X, *Y], "r"), (2, 3, 6, 5), {}, 0.03),
    "max pool": (node("MaxPool", ["q"], "r", kernel_shape=[2, 2]), (2, 3, 6, 5), {}, 0.02),
    "reshape": (node("Reshape", ["q", "to"], "r"), (2, 3, 4), {"to": np.array([6, 4])}, 0.02),
    "transpose": (node("Transpose", ["q"], "r", perm=[1, 2, 0]), (2, 3, 4), {}, 0.02),
    "slice": (node("Slice", ["q", "a", "b"], "r"), (2, 3), {"a": np.array([0, 1]), "b": np.array([1, 3])}, 0.02),
    "gather": (node("Gather", ["q", "at"], "r", axis=1), (2, 3), {"at": np.array([2, 0, 0])}, 0.02),
    "pad": (node("Pad", ["q", "p", "v"], "r"), (2, 3), {"p": np.array([0, 1, 0, 2]), "v": np.uint8(130)}, 0.02),
    "pad with the least integer": (node("Pad", ["q", "p"], "r"), (2, 3), {"p": np.array([0, 1, 0, 2])}, 0.02),
    "concat of integers": (node("Concat", ["q", "q"], "r", axis=0), (2, 3), {}, 0.02),
    "argmax": (node("ArgMax", ["q"], "y", axis=1), (4, 30), {}, 0),
    "cast": (node("Cast", ["q"], "y", to=TensorProto.FLOAT), (4, 30), {}, 0),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_on_integers(name: str) -> None:
    """Near what onnxruntime computes, as far as integers lie apart."""
    operator, shape, constants, step = OPERATORS[name]
    after = ["unit", "zero"] if step == 1 / 256 else X if step == 0.02 else Y
    nodes = [node("QuantizeLinear", ["x", *X], "q"), operator]
    nodes += [node("DequantizeLinear", ["r", *after], "y")] if operator.output[0] == "r" else []
    made = proto(nodes, [tensor("x", shape)], ["y"], {**SCALES, **constants})
    steps = RANDOM.integers(-120, 136, shape)
    inputs = {"x": (steps * np.float32(0.02)).astype(np.float32)}
    (expected,) = reference.run(made, inputs).values()
    module = import_proto(made)
    (found,) = GraphRunner(module).run(inputs).values()
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.51 * step + 1e-6)
    assert ("quantized.quantize" in ops(module)) == (name in ("argmax", "cast"))


@pytest.mark.parametrize("kind", [TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16, TensorProto.UINT16])
def test_integers_come_in_and_go_out(kind: int) -> None:
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    nodes = [node("DequantizeLinear", ["x", "s", "z"], "a"), node("Mul", ["a", "two"], "b")]
    nodes += [node("QuantizeLinear", ["b", "t", "z"], "y")]
    constants = {"s": np.float32(0.5), "z": np.array(3, dtype), "two": np.float32(2), "t": np.float32(0.75)}
    made = proto(nodes, [tensor("x", [256], kind)], ["y"], constants)
    info = np.iinfo(dtype)
    inputs = {"x": np.linspace(info.min, info.max, 256).astype(dtype)}
    (expected,) = reference.run(made, inputs).values()
    (found,) = run_graph(import_proto(made), inputs).values()
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_sums_that_come_in() -> None:
    nodes = [node("DequantizeLinear", ["x", "s", "z"], "y")]
    constants = {"s": np.float32(0.5), "z": np.int32(0)}
    module = imported(nodes, [tensor("x", [2], TensorProto.INT32)], ["y"], constants)
    assert run_graph(module, {"x": np.array([-7, 1 << 20], np.int32)})["y"].tolist() == [-3.5, 1 << 19]


def test_a_relu_that_the_tools_leave_to_the_integers_is_one() -> None:
    weight = RANDOM.standard_normal((4, 3)).astype(np.float32)
    nodes = [*there_and_back("x", "a"), node("MatMul", ["a", "w"], "c"), *there_and_back("c", "y", "t", "z")]
    constants = {"s": np.float32(0.02), "t": np.float32(0.05), "z": np.uint8(0), "w": weight}
    module = imported(nodes, [tensor("x", [8, 4])], ["y"], constants)
    run_phases(module, phases_between("import", "graph"))
    x = RANDOM.random((8, 4)).astype(np.float32)
    np.testing.assert_allclose(run_graph(module, {"x": x})["y"], np.maximum(x @ weight, 0), atol=1e-5)


@pytest.mark.parametrize(
    ("nodes", "inputs", "message"),
    [
        (there_and_back("x", "y", "given"), [tensor("given", [])], "node y_q': a scale that is computed"),
        (
            there_and_back("x", "y", "s", "zero"),
            [tensor("zero", [], TensorProto.INT8)],
            "a zero point that is computed",
        ),
        (there_and_back("x", "y", "negative"), [], "scales are numbers above 0"),
        (there_and_back("x", "y", "infinite"), [], "scales are numbers above 0"),
        (there_and_back("x", "y", "three", "zeros"), [], "a scale per channel of values that are computed"),
        (there_and_back("x", "y", "two"), [], "2 scales for dimension 1 of tensor<2x3xf32>"),
        (there_and_back("x", "y", "two", "zeros"), [], "3 zero points for 2 scales"),
        (there_and_back("x", "y", "s", "z", block_size=2), [], "block_size = 2"),
        ([node("DequantizeLinear", ["w", "half"], "y")], [], "f16 does not keep numbers apart"),
        ([node("DequantizeLinear", ["w", "huge"], "y")], [], "f32 does not keep numbers apart"),
        ([helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "a", "b"])], [], "a scale that is computed"),
        (
            [
                node("QuantizeLinear", ["x", "s", "z"], "q"),
                node("QLinearGlobalAveragePool", ["q", "s", "z", "s", "z"], "y", channels_last=1),
            ],
            [],
            "channels_last = 1",
        ),
    ],
)
def test_what_is_refused(nodes: list[NodeProto], inputs: list[onnx.ValueInfoProto], message: str) -> None:
    constants = {
        "s": np.float32(1),
        "z": np.int8(0),
        "negative": np.float32(-1),
        "infinite": np.float32(np.inf),
        "two": np.ones(2, np.float32),
        "three": np.ones(3, np.float32),
        "zeros": np.zeros(3, np.int8),
        "w": np.arange(-32768, 32767, 3).astype(np.int16),
        "half": np.float16(0.5),
        "huge": np.float32(1e37),
    }
    (result,) = nodes[-1].output[:1]
    with pytest.raises(ImportFailure, match=message):
        imported(nodes, [tensor("x", [2, 3]), *inputs], [result], constants)
