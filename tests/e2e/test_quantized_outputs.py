"""`-output-node-name` with quantized networks: tensors inside come out as numbers, the same at every level."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest

import aic
from aic.compiler import lower
from aic.interpreter.graph import GraphRunner
from aic.interpreter.sharded import run_sharded
from aic.nsp.values import load_program
from aic.options import options_from_keywords
from aic.phases import phases_between, run_phases
from aic.quantization import Sample
from dialects.graph.kernels import Array
from tests.e2e.test_quantized_models import OPERATORS, QDQ, small
from tests.models import reference
from tests.models.digits import DIGITS_BN, digits_test
from tests.models.quantized import run_with_integers
from tools.aic_exec import main

ASKED = ("/1/BatchNormalization", "/3/Add_output_0", "/7/Relu:0", "/11/Gemm_output_0")
TENSORS = ("/1/BatchNormalization_output_0", "/3/Add_output_0", "/7/Relu_output_0", "/11/Gemm_output_0")
IMAGES = [{"x": image[None]} for image in digits_test()[0][:4]]


def levels(
    model: Path, asked: Sequence[str], inputs: Mapping[str, Array], cores: int, quantize: bool
) -> list[dict[str, Array]]:
    """All outputs, at the quantized, the sharded, the tile and the scheduled level, and from the loaded QPC."""
    options = options_from_keywords(
        model=model, output_node_name=asked, aic_num_cores=cores, convert_to_quantize=quantize
    )
    samples = [Sample(inputs, "the test")]
    module = lower(options, "quantize", samples=lambda _: samples)
    found = [GraphRunner(module).run(inputs)]
    run_phases(module, phases_between("shard", "shard"), quantized=True)
    found.append(run_sharded(module, inputs))
    for phase in ("tile", "schedule"):
        run_phases(module, phases_between(phase, phase), quantized=True)
        found.append(load_program(module).run(inputs))
    calibration = {"convert_to_quantize": True, "calibration_inputs": [inputs]} if quantize else {}
    qpc = aic.compile(model, output_node_name=asked, aic_num_cores=cores, **calibration)
    return [*found, aic.Session(qpc.path).run(inputs)]


@pytest.mark.parametrize("cores", [1, 3])
def test_every_level_gives_the_numbers_of_integers(cores: int) -> None:
    model = onnx.load(DIGITS_BN)
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in TENSORS)
    expected = reference.run(model, IMAGES[0])
    first, *others = levels(DIGITS_BN, ASKED, IMAGES[0], cores, quantize=True)
    assert list(first) == ["logits", *TENSORS]
    for name, wanted in expected.items():
        assert first[name].dtype == np.float32
        assert 0 < reference.relative_error(first[name], wanted) < 0.03, name
        assert len(np.unique(first[name])) <= 256, "they are integers times a scale"
        for other in others:
            np.testing.assert_array_equal(other[name], first[name])


@pytest.mark.parametrize("cores", [1, 3])
@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("image", ("t3_QuantizeLinear_Output", "t3_DequantizeLinear_Output", "t3", "t12")),
        ("tokens", ("t9_QuantizeLinear_Output", "t9_DequantizeLinear_Output", "t9", "t14")),
    ],
)
def test_tensors_of_models_that_arrive_quantized(name: str, asked: Sequence[str], cores: int) -> None:
    model, inputs = small(name, QDQ)
    expected = run_with_integers(model, inputs)
    first, *others = levels(model, asked, inputs, cores, quantize=False)
    integers, numbers, before = (first[tensor] for tensor in asked[:3])
    assert integers.dtype == np.int8
    np.testing.assert_array_equal(integers, expected[asked[0].removesuffix("_QuantizeLinear_Output")])
    assert numbers.dtype == before.dtype == np.float32
    assert len(np.unique(before)) <= 256
    np.testing.assert_array_equal(before, numbers)
    for other in others:
        for tensor in first:
            np.testing.assert_array_equal(other[tensor], first[tensor])


def test_to_ask_changes_nothing_else() -> None:
    """The operation whose result is asked for still computes on integers."""
    model, inputs = small("image", QDQ)
    (plain,) = levels(model, (), inputs, 2, quantize=False)[-1].values()
    for tensor in ("t3", "t4", "t12", "t15_DequantizeLinear_Output"):
        asked = levels(model, (tensor,), inputs, 2, quantize=False)[-1]
        np.testing.assert_array_equal(asked["y"], plain, tensor)


def test_integers_between_operators_on_integers() -> None:
    model, inputs = small("image", OPERATORS)
    expected = run_with_integers(model, inputs)
    asked = ("t0_quantized", "t9_quantized", "x_quantized")
    first, *others = levels(model, asked, inputs, 2, quantize=False)
    for tensor in asked:
        assert first[tensor].dtype == np.uint8
        np.testing.assert_array_equal(first[tensor], expected[tensor.removesuffix("_quantized")])
        for other in others:
            np.testing.assert_array_equal(other[tensor], first[tensor])


def test_from_the_command_line(tmp_path: Path) -> None:
    IMAGES[0]["x"].tofile(tmp_path / "x.raw")
    (tmp_path / "list.txt").write_text(f"{tmp_path}/x.raw\n")
    inputs, asked = f"-input-list-file={tmp_path}/list.txt", f"-output-node-name={TENSORS[1]}"
    made: list[Array] = []
    for number, where in enumerate((["-run-on-interpreter"], [], ["-aic-num-cores=4"])):
        out = tmp_path / str(number)
        assert main([f"-m={DIGITS_BN}", inputs, asked, "-convert-to-quantize", f"-write-output-dir={out}", *where]) == 0
        (file,) = out.glob("*Add_output_0*")
        made.append(np.fromfile(file, np.float32))
    assert made[0].size == 16 * 8 * 8
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])
