"""Custom inputs and outputs: the network computes what it did, on what the host gives and to what it gets."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import aic
from aic.load import validate_qpc
from dialects.retained import retaining
from tests.models import convolutional, reference, symbolic
from tests.models.cache import kept
from tests.models.custom_io import Array, Asked, of_model, to_model, write_custom_io
from tests.models.digits import DATA, DIGITS_DYN, digits_test
from tests.models.inputs import drawn_inputs
from tests.models.light import drawn_path, image
from tests.models.quantized import RECIPES, Recipe, quantized

IMAGES, CLASSES, _ = digits_test()
PIXEL = Asked("x", "NHWC", "int8", 1 / 255, -128)
"""Digits are from 0 to 1."""


def run(
    model: Path, asked: Sequence[Asked], inputs: Mapping[str, Array], folder: Path, **options: Any
) -> dict[str, Array]:
    """Outputs of a network with custom inputs and outputs, on inputs that are as asked for."""
    file = write_custom_io(folder / "io.yaml", asked)
    qpc = aic.compile(model, custom_io_list_file=file, **options)
    assert "mdp_auto_partition" in options or not validate_qpc(qpc.path).findings
    session = aic.Session(qpc.path)
    assert {tensor.name: (tensor.dtype, tensor.shape) for tensor in session.inputs} == {
        name: (array.dtype, array.shape) for name, array in inputs.items()
    }
    outputs = session.run(inputs)
    assert {tensor.name: (tensor.dtype, tensor.shape) for tensor in session.outputs} == {
        name: (array.dtype, array.shape) for name, array in outputs.items()
    }
    return outputs


@cache
def unet() -> tuple[Path, dict[str, Array]]:
    """A small network from images to images, and inputs."""
    model = kept(convolutional.unet(40, batch=2, base=8, depth=3), "custom-io-unet")
    return model, drawn_inputs(model)


@pytest.mark.parametrize("fp16", [False, True])
@pytest.mark.parametrize(
    "asked",
    [
        (Asked("x", "NHWC"), Asked("y", "NHWC")),
        (Asked("x", "NCHW", "float16"), Asked("y", "NHWC", "float16")),
        (Asked("x", "NHWC", "int8", 0.03, 5), Asked("y", None, "int8", 0.02, -7)),
        (Asked("y", "NHWC", "int8", 0.5, 100),),
    ],
    ids=lambda asked: "-".join(f"{each.layout} {each.precision}" for each in asked),
)
def test_outputs_are_those_of_the_plain_network(asked: Sequence[Asked], fp16: bool, tmp_path: Path) -> None:
    """Bit for bit, on the same numbers; and those numbers are onnxruntime's."""
    model, numbers = unet()
    given = of_model(asked, numbers)
    seen = to_model(asked, given)
    outputs = run(model, asked, given, tmp_path, convert_to_fp16=fp16, aic_num_cores=3)
    plain = aic.Session(aic.compile(model, convert_to_fp16=fp16, aic_num_cores=3).path).run(seen)
    expected = of_model(asked, plain)
    (custom_y,) = (each for each in asked if each.name == "y")
    np.testing.assert_array_equal(outputs["y"], expected["y"])
    there = reference.run(model, seen)["y"]
    steps = 0.0 if custom_y.scale is None else custom_y.scale
    difference = np.abs(custom_y.to_model(outputs["y"]) - np.clip(there, *_reach(custom_y)))
    assert difference.max() <= steps / 2 + (2e-2 if fp16 else 2e-3) * np.abs(there).max()


def _reach(asked: Asked) -> tuple[float, float]:
    """The numbers that an output can mean."""
    if asked.scale is None or asked.offset is None:
        return -np.inf, np.inf
    return asked.scale * (-128 - asked.offset), asked.scale * (127 - asked.offset)


def test_layouts_of_images_cost_nothing(tmp_path: Path) -> None:
    """Convolutions have channels last: with such inputs and outputs the network has no transposes at all."""
    model, _ = unet()
    asked = write_custom_io(tmp_path / "io.yaml", [Asked("x", "NHWC"), Asked("y", "NHWC")])
    aic.compile(model, dump_dir=tmp_path / "plain")
    aic.compile(model, custom_io_list_file=asked, dump_dir=tmp_path / "custom")
    counts = [(tmp_path / name / "01.graph.mlir").read_text().count("graph.transpose") for name in ("plain", "custom")]
    assert counts == [2, 0]


def test_resnet50_in_fp16(tmp_path: Path) -> None:
    model = drawn_path("resnet50")
    (name, *others) = [port.name for port in aic.Session(_resnet(model).path).outputs]
    asked = [Asked("gpu_0/data_0", "NHWC", "int8", 0.04, -3), Asked(name, None, "float16")]
    given = of_model(asked, {"gpu_0/data_0": image(1)})
    outputs = run(model, asked, given, tmp_path, convert_to_fp16=True, aic_num_cores=16)
    seen = to_model(asked, given)
    plain = aic.Session(_resnet(model).path).run(seen)
    np.testing.assert_array_equal(outputs[name], plain[name].astype(np.float16))
    expected = reference.run(model, seen)
    for output in (name, *others):
        assert reference.relative_error(outputs[output], expected[output]) <= reference.fp16_bound(model, seen, output)


@cache
def _resnet(model: Path) -> aic.Qpc:
    return aic.compile(model, convert_to_fp16=True, aic_num_cores=16)


# ----------------------------------------------------------------------------------------------------------- integers


BATCH = 50
"""Images of one inference."""


def quantizing(asked: Sequence[Asked]) -> dict[str, Any]:
    """Options that quantize the digits network, by images as they are asked for."""
    with np.load(DATA / "digits_calib.npz") as data:
        images = data["x"][: len(data["x"]) // BATCH * BATCH]
    return {
        "convert_to_quantize": True,
        "calibration_inputs": [of_model(asked, {"x": part}) for part in images.reshape(-1, BATCH, 1, 8, 8)],
        "enable_channelwise": True,
        "onnx_define_symbol": {"batch": BATCH},
    }


def logits_of(qpc: aic.Qpc, asked: Sequence[Asked]) -> Array:
    """The logits of all images, as they are asked for."""
    session = aic.Session(qpc.path)
    parts = [session.run(of_model(asked, {"x": part})) for part in IMAGES.reshape(-1, BATCH, 1, 8, 8)]
    return np.concatenate([part["logits"] for part in parts])


@pytest.mark.parametrize("precision", ["int8", "float16", None])
def test_digits_in_int8(precision: str | None, tmp_path: Path) -> None:
    """As many right as with inputs in fp32. Where pixels are integers, the network has nothing but integers."""
    asked = [PIXEL if precision == "int8" else Asked("x", "NHWC", precision), Asked("logits", None, "int8", 0.12, 3)]
    file = write_custom_io(tmp_path / "io.yaml", asked)
    qpc = aic.compile(DIGITS_DYN, custom_io_list_file=file, **quantizing(asked), dump_dir=tmp_path / "ir")
    logits = logits_of(qpc, asked)
    assert logits.dtype == np.int8
    assert int((logits.argmax(axis=1) == CLASSES).sum()) >= 446
    sharded = (tmp_path / "ir" / "04.shard.mlir").read_text()
    assert sharded.count("= quantized.quantize") == (precision != "int8")
    assert "quantized.dequantize" not in sharded
    assert sharded.count("= quantized.requantize") == 1  # of the logits, to their scale
    assert precision != "int8" or not any(f"x{element}" in sharded for element in ("f16", "f32"))


def test_scales_of_int8_are_those_of_the_external_file(tmp_path: Path) -> None:
    """Those of the custom I/O file do not count there."""
    external = tmp_path / "external.yaml"
    external.write_text(
        "- {NodeOutputName: x, Scale: 0.003921569, Offset: -128}\n- {NodeOutputName: logits, Scale: 0.13, Offset: 2}\n"
    )
    asked = [PIXEL, Asked("logits", None, "int8", 0.13, 2)]
    ignored = write_custom_io(tmp_path / "io.yaml", [Asked("x", "NHWC", "int8", 7.0, 7), Asked("logits", None, "int8")])
    options = quantizing(asked)
    qpc = aic.compile(
        DIGITS_DYN, custom_io_list_file=ignored, external_quantization=external, **options, dump_dir=tmp_path / "ir"
    )
    logits = logits_of(qpc, asked)
    assert int((logits.argmax(axis=1) == CLASSES).sum()) >= 446
    sharded = (tmp_path / "ir" / "04.shard.mlir").read_text()
    assert "quantized.requantize" not in sharded  # the last product has the scale of the output
    assert "quantized.dequantize" not in sharded


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_integers_go_through_a_model_that_arrives_quantized(recipe: Recipe, tmp_path: Path) -> None:
    """With the scales of its first and last integers, inputs and outputs are those integers."""
    with np.load(DATA / "digits_calib.npz") as data:
        samples = [{"x": images} for images in np.split(data["x"], 8)]
    model = quantized(DIGITS_DYN, samples, recipe, tmp_path / "model.onnx")
    asked = [Asked("x", "NHWC", "int8", *_scale_at(model, "QuantizeLinear", "x"))]
    asked.append(Asked("logits", None, "int8", *_scale_at(model, "DequantizeLinear", "logits")))
    given = of_model(asked, {"x": IMAGES[:4]})
    outputs = run(model, asked, given, tmp_path, batchsize=4, dump_dir=tmp_path / "ir")
    plain = aic.Session(aic.compile(model, batchsize=4).path).run(to_model(asked, given))
    np.testing.assert_array_equal(outputs["logits"], of_model(asked, plain)["logits"])
    sharded = (tmp_path / "ir" / "04.shard.mlir").read_text()
    assert not re.search(r"quantized\.(de|re)?quantize ", sharded)


def _scale_at(model: Path, operator: str, tensor: str) -> tuple[float, int]:
    """Scale and offset of the node between a tensor and its integers, which have a sign for us."""
    graph = onnx.load(model).graph
    (node,) = (each for each in graph.node if each.op_type == operator and tensor in (each.input[0], each.output[0]))
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    zero = constants[node.input[2]]
    return float(constants[node.input[1]]), int(zero) - (128 if zero.dtype == np.uint8 else 0)


def _of_integers() -> onnx.ModelProto:
    """A convolution between ports of int8, which the model itself gives their meaning."""
    random = np.random.default_rng(3)
    constants = {
        "in": np.float32(0.05), "zin": np.int8(4), "ws": np.float32(0.01), "zw": np.int8(0),
        "out": np.float32(0.1), "zout": np.int8(-9), "w": random.integers(-99, 99, (4, 3, 3, 3)).astype(np.int8),
    }  # fmt: skip
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "in", "zin"], ["xf"], "dx"),
        helper.make_node("DequantizeLinear", ["w", "ws", "zw"], ["wf"], "dw"),
        helper.make_node("Conv", ["xf", "wf"], ["yf"], "conv"),
        helper.make_node("QuantizeLinear", ["yf", "out", "zout"], ["y"], "qy"),
    ]
    shapes = {"x": [1, 3, 8, 8], "y": [1, 4, 6, 6]}
    ports = [helper.make_tensor_value_info(name, TensorProto.INT8, shape) for name, shape in shapes.items()]
    given = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "integers", ports[:1], ports[1:], given)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_integers_of_the_model_in_another_layout(tmp_path: Path) -> None:
    """They stay what they are, and cost no transposes."""
    model = kept(_of_integers(), "custom-io-integers")
    asked = [Asked("x", "NHWC"), Asked("y", "NHWC")]
    integers = {"x": np.random.default_rng(6).integers(-128, 128, (1, 3, 8, 8)).astype(np.int8)}
    outputs = run(model, asked, of_model(asked, integers), tmp_path, dump_dir=tmp_path / "ir")
    expected = aic.Session(aic.compile(model).path).run(integers)
    np.testing.assert_array_equal(outputs["y"], asked[1].of_model(expected["y"]))
    assert "graph.transpose" not in (tmp_path / "ir" / "02.quantize.mlir").read_text()


@pytest.mark.parametrize("precision", ["float", "float16", "int8"])
def test_integers_of_the_model_become_numbers(precision: str, tmp_path: Path) -> None:
    """By the scale that the model has for them; or integers on another scale."""
    model = kept(_of_integers(), "custom-io-integers")
    scales = (0.02, 7) if precision == "int8" else (None, None)
    asked = [Asked("x", "NHWC", precision, *scales), Asked("y", "NHWC", precision, *scales)]
    given = of_model(asked, {"x": np.random.default_rng(4).uniform(-3, 3, (1, 3, 8, 8)).astype(np.float32)})
    outputs = run(model, asked, given, tmp_path)
    integers = Asked("x", None, "int8", 0.05, 4).of_model(to_model(asked, given)["x"])
    means = Asked("y", None, "int8", 0.1, -9).to_model(reference.run(model, {"x": integers})["y"])
    np.testing.assert_allclose(to_model(asked, outputs)["y"], asked[1].to_model(asked[1].of_model(means)), atol=2e-3)


# ----------------------------------------------------------------------------------------------- with other features


@pytest.mark.parametrize(("precision", "allowed"), [("float16", 0.0), ("int8", 0.1)])
def test_state_in_fewer_bits(precision: str, allowed: float, tmp_path: Path) -> None:
    """Keys and values on the card take half the memory of fp32, with the logits of fp16, or a quarter."""
    sizes = symbolic.Sizes()
    model = kept(symbolic.decoder("llama", sizes), "custom-io-decoder")
    state = [f"past_{what}.{layer}" for layer in range(sizes.layers) for what in ("key", "value")]
    file = write_custom_io(tmp_path / "io.yaml", [
        Asked(each, None, precision, 0.04, 0) for name in state for each in (name, retaining(name))
    ])  # fmt: skip
    (tmp_path / "spec.json").write_text(json.dumps({"specializations": [{"sequence": "8"}, {"sequence": "1"}]}))
    options: dict[str, Any] = {
        "network_specialization_config": tmp_path / "spec.json",
        "retained_state": True,
        "convert_to_fp16": True,
    }
    sessions = [aic.Session(aic.compile(model, custom_io_list_file=io, **options).path) for io in (None, file)]
    steps: list[dict[str, Array]] = [dict(symbolic.prompt(sizes, 5, 8))]
    steps += [{"input_ids": np.array([[9 + place]]), "position_ids": np.array([[place]])} for place in range(5, 12)]
    for inputs in steps:
        plain, custom = (session.run(inputs)["logits"] for session in sessions)
        assert np.abs(plain - custom).max() <= allowed * np.abs(plain).max()
    kept_types = [{array.dtype for array in session.state.values()} for session in sessions]
    assert kept_types == [{np.dtype(np.float32)}, {np.dtype(precision)}]


def test_half_of_a_state_is_refused(tmp_path: Path) -> None:
    model = kept(symbolic.decoder("llama", symbolic.Sizes()), "custom-io-decoder")
    file = write_custom_io(tmp_path / "io.yaml", [Asked("past_key.0", None, "float16")])
    with pytest.raises(aic.AicError) as caught:
        aic.compile(model, custom_io_list_file=file, retained_state=True, onnx_define_symbol={"sequence": 1})
    assert "input 'past_key.0' is tensor<" in str(caught.value)
    assert "xf16>, but output 'past_key.0_RetainedState', which is to become it, tensor<" in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"aic_num_cores": 4, "sdp_cluster_sizes": (2, 2)},
        {"mdp_auto_partition": 2},
        {"aic_num_cores": 2, "combine_inputs": True, "combine_outputs": True},
        {"validate_passes": True, "convert_to_fp16": True},
        {"output_node_name": ["/4/MaxPool_output_0"]},
    ],
    ids=lambda options: " ".join(options),
)
def test_with_other_options(options: dict[str, Any], tmp_path: Path) -> None:
    asked = [PIXEL, Asked("logits", None, "float16"), Asked("/4/MaxPool_output_0", "NHWC", "float16")]
    asked = asked if "output_node_name" in options else asked[:2]
    given = of_model(asked, {"x": IMAGES[:1]})
    options = options | {"onnx_define_symbol": {"batch": 1}}
    outputs = run(DIGITS_DYN, asked, given, tmp_path, **options)
    plain = aic.Session(aic.compile(DIGITS_DYN, **options).path).run(to_model(asked, given))
    for name, array in of_model(asked, plain).items():
        np.testing.assert_array_equal(outputs[name], array)


def test_every_specialization_has_them(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text(json.dumps({"specializations": [{"batch": "1"}, {"batch": "4"}]}))
    file = write_custom_io(tmp_path / "io.yaml", [PIXEL])
    session = aic.Session(
        aic.compile(DIGITS_DYN, custom_io_list_file=file, network_specialization_config=tmp_path / "spec.json").path
    )
    assert [each.inputs[0].shape for each in session.specializations] == [(1, 8, 8, 1), (4, 8, 8, 1)]
    for batch in (1, 4):
        outputs = session.run(of_model([PIXEL], {"x": IMAGES[:batch]}))
        expected = reference.run(DIGITS_DYN, {"x": PIXEL.to_model(PIXEL.of_model(IMAGES[:batch]))})
        assert reference.relative_error(outputs["logits"], expected["logits"]) <= reference.FP32_BOUND
