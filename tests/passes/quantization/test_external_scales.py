"""Encodings by other tools: what they say stands before what a profile says, of activations and of weights."""

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import numpy_helper
from xdsl.dialects.builtin import ModuleOp

from aic.compiler import lower
from aic.importer import import_model
from aic.interpreter.graph import GraphRunner
from aic.options import options_from_keywords
from dialects.errors import AicError
from dialects.graph.base import GraphOp
from dialects.graph.constant import ConstantOp
from dialects.graph.contraction import MatmulOp
from dialects.graph.locations import tensor_name
from dialects.graph.unary import ReluOp
from dialects.module import main_of
from dialects.quantized.contraction import QuantizedContractionOp
from dialects.quantized.types import UniformType
from dialects.weights import store_of
from passes.pipelines.graph import UNQUANTIZED_PIPELINE
from passes.quantization.scales import wanted_type
from passes.quantization.settings import Settings, set_settings, settings_of
from tests.models.digits import DIGITS_BN, DIGITS_DYN, digits_test
from tests.models.reference import run
from tests.passes.quantization.small_networks import Network, in_float, noise
from tests.passes.running import apply

IMAGES = 50


def digits(path: Path = DIGITS_DYN) -> ModuleOp:
    """The network as it is when it is quantized."""
    return apply(import_model(path, batch_size=IMAGES), UNQUANTIZED_PIPELINE)


def encode(kind: str, low: float, high: float) -> dict[str, object]:
    """What AIMET exports of a range."""
    bits, symmetric = 8, kind == "strict"
    if symmetric:
        scale, offset = max(-low, high) / 127, -127
    else:
        scale = (max(high, 0.0) - min(low, 0.0)) / 255
        offset = round(min(low, 0.0) / scale)
    ends = {"min": scale * offset, "max": scale * (offset + (254 if symmetric else 255))}
    return {"bitwidth": bits, "dtype": "int", "is_symmetric": str(symmetric), "scale": scale, "offset": offset, **ends}


def aimet(images: npt.NDArray[np.float32]) -> dict[str, Any]:
    """Encodings of all activations by their ranges, and of all weights by channel, as AIMET exports them."""
    model = onnx.load(DIGITS_DYN)
    parameters = {
        tensor.name: [encode("strict", float(channel.min()), float(channel.max())) for channel in values]
        for tensor in model.graph.initializer
        if (values := numpy_helper.to_array(tensor)).ndim > 1
    }
    del model.graph.output[:]
    names = [output for node in model.graph.node for output in node.output]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    tensors = {"x": images, **run(model, {"x": images})}
    activations = {name: [encode("", float(values.min()), float(values.max()))] for name, values in tensors.items()}
    return {"version": "0.6.1", "activation_encodings": activations, "param_encodings": parameters}


def attached(module: ModuleOp, content: object, path: Path, **given: Any) -> ModuleOp:
    """The module with the scales of an external file."""
    path.write_text(json.dumps(content))
    set_settings(module, Settings(external_quantization=str(path), **given))
    return apply(module, "attach-scales")


def test_encodings_alone_quantize_a_network(tmp_path: Path) -> None:
    images, classes, expected = digits_test()
    images, classes, expected = images[:IMAGES], classes[:IMAGES], expected[:IMAGES]
    content, path = aimet(images), tmp_path / "encodings.json"
    path.write_text(json.dumps(content))
    options = options_from_keywords(model=DIGITS_DYN, batchsize=IMAGES, external_quantization=path)
    module = lower(options, "quantize")
    assert not in_float(module)
    (logits,) = GraphRunner(module).run({"x": images}).values()
    assert np.abs(logits - expected).max() / np.abs(expected).max() < 0.02
    assert (logits.argmax(1) == classes).all()
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(DIGITS_DYN).graph.initializer}
    for op in module.walk():
        if isinstance(op, QuantizedContractionOp):
            check_weight(op, weights, content["param_encodings"], module)


def check_weight(
    op: QuantizedContractionOp, weights: Mapping[str, npt.NDArray[np.float32]], encodings: Any, module: ModuleOp
) -> None:
    """Checks that the integers of a weight are what its encoding makes of the model's numbers."""
    constant = op.operands[1].owner
    assert isinstance(constant, ConstantOp)
    name = tensor_name(constant)
    scales = np.array([channel["scale"] for channel in encodings[name]], np.float32)
    original = weights[name]
    integers = np.rint(original / scales.reshape(-1, *(1,) * (original.ndim - 1)))
    order = (2, 3, 1, 0) if original.ndim == 4 else (1, 0)
    np.testing.assert_array_equal(store_of(module).stored_bytes(constant.value), integers.transpose(order))
    assert np.abs(integers).max() == 127
    element = constant.result_type.element_type
    assert isinstance(element, UniformType)
    assert element.channel_axis == original.ndim - 1


def test_weights_that_were_changed_have_no_encodings(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    module = digits(DIGITS_BN)
    content = {"version": "0.6.1", "param_encodings": {"0.weight": [encode("strict", -1, 1)] * 16}}
    with caplog.at_level(logging.WARNING, "aic"):
        attached(module, content, tmp_path / "encodings.json")
    assert "a batch normalization was folded into these weights: 0.weight" in caplog.text
    assert not any(wanted_type(op.output) for op in module.walk() if isinstance(op, ConstantOp))


def entry(name: str, **more: object) -> dict[str, object]:
    return {"NodeOutputName": name, "Scale": 0.5, "Offset": 0, **more}


def pair(weight: npt.NDArray[np.float32]) -> Network:
    """A product with a matrix, a ReLU, a product."""
    net = Network((2, 3))
    x = net.op(MatmulOp, [net.input, net.constant(weight)])
    return net.returning(net.matmul(net.op(ReluOp, [x]), 3))


def named(net: Network) -> dict[str, str]:
    """Names of the tensors of a pair by what they are."""
    names = [tensor_name(op) for op in net.block.ops if isinstance(op, GraphOp | ConstantOp)]
    return dict(zip(("weight", "first", "relu", "weight of second", "bias", "second"), names, strict=True))


def test_floating_point_entries_keep_makers_in_float(tmp_path: Path) -> None:
    net = pair(np.eye(3, dtype=np.float32))
    names = named(net)
    given = [entry(names[each]) for each in ("first", "second")] + [entry("input0")]
    content = [*given, {"NodeOutputName": names["relu"], "Precision": "float32"}]
    half = [{"NodeOutputName": names["weight of second"], "Precision": "float16"}]
    module = attached(net.module, [*content, *half], tmp_path / "e.json")
    assert settings_of(module).in_original == (names["relu"],)
    assert settings_of(module).in_float == (names["second"],)
    apply(module, "quantize-operations,convert-to-fp16")
    kinds = [(op.name, str(op.result_type.element_type)) for op in module.walk() if isinstance(op, GraphOp)]
    assert ("graph.relu", "f32") in kinds
    assert ("graph.matmul", "f16") in kinds
    assert [name for name, _ in kinds].count("quantized.matmul") == 1


def test_what_is_not_named_stays_in_float(tmp_path: Path) -> None:
    net = pair(np.eye(3, dtype=np.float32))
    names = named(net)
    module = attached(net.module, [entry(names["first"]), entry("input0")], tmp_path / "e.json")
    apply(module, "quantize-operations")
    assert in_float(module) == {"graph.matmul"}


@pytest.mark.parametrize("bits", [8, 16])
def test_the_least_integer_of_a_strict_weight_is_not_used(bits: int, tmp_path: Path) -> None:
    low = np.float32(-1.5)
    net = pair(np.array([[low, 1, 0], [0, 1, 0], [0, 0, 1]], np.float32))
    names, least = named(net), 1 - (1 << (bits - 1))
    encoding = {"bitwidth": bits, "dtype": "int", "is_symmetric": "True", "scale": 1 / -least, "offset": least}
    content = {"version": "0.6.1", "param_encodings": {names["weight"]: [encoding]}}
    module = attached(net.module, content, tmp_path / "e.json")
    (weight,) = (op for op in module.walk() if isinstance(op, ConstantOp) and wanted_type(op.output) is not None)
    kind = wanted_type(weight.output)
    assert kind is not None
    assert (kind.bits, kind.scaling.offset) == (bits, 0)
    values = store_of(module).held(weight.value)
    assert np.rint(values.min() / kind.scaling.scale) == least
    np.testing.assert_array_equal(np.delete(values.reshape(-1), 0), [1, 0, 0, 1, 0, 0, 0, 1])


def test_weights_of_8_bits_on_activations_of_16(tmp_path: Path) -> None:
    net = pair(np.array([[1, 0.5, -1], [0.25, 1, 0], [0, 0.125, 1]], np.float32))
    names = named(net)
    wide = {"Precision": "int16", "Scale": 6e-4}
    content = [entry(name, **wide) for name in ("input0", names["first"], names["relu"], names["second"])]
    content += [entry(names[weight], Scale=0.01) for weight in ("weight", "weight of second")]
    plain = net.module.clone()
    module = apply(attached(plain, content, tmp_path / "e.json"), "quantize-operations")
    assert not in_float(module)
    assert noise(module, net) > 30


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([entry("first", Scale=[1, 1, 1], Offset=[0, 0, 0], Axis=0)], "3 scales; only a constant has more than one"),
        ([entry("first", Precision="int32")], "int32 is for biases, and this is no constant"),
        ([entry("weight", Scale=[1, 1], Offset=[0, 0], Axis=1)], "2 scales for 3 output channels"),
        (
            [entry("weight", Scale=[1, 1, 1], Offset=[0, 0, 0], Axis=2)],
            "a scale for each position along dimension 2; output channels lie along dimension 0 or 1",
        ),
    ],
)
def test_encodings_that_do_not_fit_their_tensors(
    entries: list[dict[str, object]], message: str, tmp_path: Path
) -> None:
    net = pair(np.eye(3, dtype=np.float32))
    names = named(net)
    content = [{**each, "NodeOutputName": names[str(each["NodeOutputName"])]} for each in entries]
    with pytest.raises(AicError) as caught:
        attached(net.module, [*content, entry(names["bias"], Precision="int32")], tmp_path / "e.json")
    assert message in str(caught.value)
    assert f"{tmp_path}/e.json: encodings that do not fit the model" in str(caught.value)


def test_channels_lie_where_the_model_has_them(tmp_path: Path) -> None:
    module = digits()
    entries = [
        entry(name, Scale=[0.01] * count, Offset=[0] * count, Axis=axis)
        for name, count, axis in (("onnx::Conv_53", 16, 1), ("11.weight", 64, 1), ("onnx::Conv_56", 32, 0))
    ]
    with pytest.raises(AicError) as caught:
        attached(module, entries, tmp_path / "e.json")
    wrong = "a scale for each position along dimension 1; output channels lie along dimension 0"
    assert str(caught.value).splitlines()[1:] == [f"  '{name}': {wrong}" for name in ("onnx::Conv_53", "11.weight")]


def test_a_tensor_in_another_order_of_dimensions_has_the_same_scale(tmp_path: Path) -> None:
    module = attached(digits(), [entry("/9/AveragePool_output_0")], tmp_path / "e.json")
    kinds = {op.name for op in main_of(module).body.block.ops if isinstance(op, GraphOp) and wanted_type(op.output)}
    assert "graph.average_pool" in kinds


def test_settings_of_the_file_join_those_given(tmp_path: Path) -> None:
    net = pair(np.eye(3, dtype=np.float32))
    names = named(net)
    half = {"NodeOutputName": names["first"], "Precision": "float16"}
    module = attached(net.module, [half], tmp_path / "e.json", in_float=("other", names["first"]))
    expected = Settings(external_quantization=str(tmp_path / "e.json"))
    assert settings_of(module) == replace(expected, in_float=("other", names["first"]))
