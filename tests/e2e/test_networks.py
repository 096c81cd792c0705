"""Networks in fp16 and fp32 on several numbers of cores, at every level, against onnxruntime.

The quick ones run always; `make sweep` runs all networks on 1, 4, 14 and 16 cores, and from the QPC alone those of real
size that PyTorch exports, on even and ragged splits.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest

import aic
from tests.e2e.levels import Case, check_levels, check_qpc
from tests.models import bert, digits, encoder, exported, light, reference
from tests.models.cache import kept
from tests.models.inputs import drawn_inputs

CORES = (1, 4, 14, 16)
QUICK_CORES = (1, 4, 14)
EXPORTED_CORES = (1, 3, 7, 14, 16)


def _case(model: Path, inputs: dict[str, npt.NDArray[Any]], output: str) -> Case:
    expected = reference.run(model, inputs)[output]
    return Case(model, inputs, output, expected, reference.fp16_bound(model, inputs, output), {})


def _digits() -> Case:
    images, _, _ = digits.digits_test()
    return _case(digits.DIGITS_BN, {"x": images[:1]}, "logits")


def _light(name: str) -> Case:
    model = light.drawn_path(name)
    ports = onnx.load(model, load_external_data=False).graph
    weights = {tensor.name for tensor in ports.initializer}
    image = next(port for port in ports.input if port.name not in weights)
    shape = [dim.dim_value for dim in image.type.tensor_type.shape.dim]
    values = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    return _case(model, {image.name: values}, ports.output[-1].name)


def _bert() -> Case:
    model = kept(bert.bert("older"), "bert_two_layers")
    return _case(model, dict(bert.tokens()), "last_hidden_state")


def _exported(name: str) -> Case:
    model = exported.exported_path(name)
    output = onnx.load(model, load_external_data=False).graph.output[0].name
    return _case(model, drawn_inputs(model), output)


QUICK: dict[str, Callable[[], Case]] = {
    "digits": _digits,
    "resnet50": lambda: _light("resnet50"),
    "squeezenet": lambda: _light("squeezenet"),
    "bert_two_layers": _bert,
}
SLOW: dict[str, Callable[[], Case]] = {
    name: (lambda name=name: _light(name)) for name in light.LIGHT if name not in QUICK
}


@cache
def case_of(name: str) -> Case:
    """The network of that name, its reference computed once."""
    return {**QUICK, **SLOW}[name]() if name not in exported.EXPORTED else _exported(name)


@pytest.mark.parametrize("fp16", [True, False], ids=["fp16", "fp32"])
@pytest.mark.parametrize("cores", QUICK_CORES)
@pytest.mark.parametrize("name", QUICK)
def test_network(name: str, cores: int, fp16: bool, tmp_path: Path) -> None:
    check_levels(case_of(name), cores, fp16=fp16, folder=tmp_path)


@pytest.mark.sweep
@pytest.mark.parametrize("fp16", [True, False], ids=["fp16", "fp32"])
@pytest.mark.parametrize("cores", CORES)
@pytest.mark.parametrize("name", [*QUICK, *SLOW])
def test_every_network(name: str, cores: int, fp16: bool, tmp_path: Path) -> None:
    check_levels(case_of(name), cores, fp16=fp16, folder=tmp_path)


@pytest.mark.sweep
@pytest.mark.parametrize(("cores", "fp16"), [*((cores, True) for cores in EXPORTED_CORES), (14, False)])
@pytest.mark.parametrize("name", exported.EXPORTED)
def test_exported_network(name: str, cores: int, fp16: bool, tmp_path: Path) -> None:
    check_qpc(case_of(name), cores, fp16=fp16, folder=tmp_path)


@pytest.mark.sweep
@pytest.mark.parametrize("name", exported.NARROW)
def test_every_architecture(name: str, tmp_path: Path) -> None:
    """On a number of cores that is another for the next one, so that each number from 1 to 16 is somebody's."""
    check_levels(_exported(name), 1 + exported.NARROW.index(name) % 16, fp16=True, folder=tmp_path)


@pytest.mark.sweep
@pytest.mark.parametrize("cores", CORES)
@pytest.mark.parametrize("name", light.LIGHT)
def test_constant_weights(name: str, cores: int, tmp_path: Path) -> None:
    """The models as shipped, in fp32, on the tensor before their Softmax.

    Behind it one rounding decides everything: their weights are one constant, so the logits are equal numbers of up to
    1e12, and their sums, of equal numbers too, round all one way: hence the wider bound. The shipped outputs
    themselves are checked at the graph level (tests/passes), where every logit is summed alike.
    """
    image, _ = light.light_example(name)
    model = onnx.load(light.light_path(name))
    last = model.graph.node[-1]
    logits = last.input[0] if last.op_type == "Softmax" else last.output[0]
    if last.op_type == "Softmax":
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info(logits))
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    qpc = aic.compile(path, aic_num_cores=cores, aic_binary_dir=tmp_path / "out")
    session = aic.Session(qpc.path)
    inputs = {session.inputs[0].name: image}
    result, expected = session.run(inputs)[logits], reference.run(path, inputs)[logits]
    assert reference.relative_error(result, expected) <= 1e-4


@pytest.mark.parametrize("fp16", [True, False], ids=["fp16", "fp32"])
def test_digits_are_recognized(fp16: bool, tmp_path: Path) -> None:
    """All 450 images in one batch: as many right answers as onnxruntime gives."""
    images, classes, _ = digits.digits_test()
    qpc = aic.compile(
        digits.DIGITS_DYN,
        onnx_define_symbol={"batch": len(images)},
        aic_num_cores=4,
        convert_to_fp16=fp16,
        aic_binary_dir=tmp_path / "out",
    )
    session = aic.Session(qpc.path)
    logits = session.run({session.inputs[0].name: images})[session.outputs[0].name]
    assert int((logits.argmax(axis=1) == classes).sum()) == 448


def test_hidden_keywords_are_told(tmp_path: Path) -> None:
    """2000 examples in four batches: in fp16, within 0.1 %, as many right answers as onnxruntime gives in fp32."""
    tokens, labels = encoder.encoder_test()
    expected = reference.run(encoder.ENCODER, tokens)["logits"]
    assert int((expected.argmax(axis=1) == labels).sum()) == encoder.FP32_RIGHT
    qpc = aic.compile(
        encoder.ENCODER,
        onnx_define_symbol={"batch": len(labels) // 4},
        aic_num_cores=4,
        convert_to_fp16=True,
        aic_binary_dir=tmp_path / "out",
    )
    session = aic.Session(qpc.path)
    batches = [np.split(tokens[name], 4) for name in ("input_ids", "attention_mask")]
    runs = [session.run({"input_ids": ids, "attention_mask": mask}) for ids, mask in zip(*batches, strict=True)]
    logits = np.concatenate([outputs["logits"] for outputs in runs])
    assert abs(int((logits.argmax(axis=1) == labels).sum()) - encoder.FP32_RIGHT) <= 2
