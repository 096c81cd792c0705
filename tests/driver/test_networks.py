"""Whole networks from the loaded QPC, against onnxruntime; the tile level and the QPC agree bit for bit."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest

from aic.compiler import lower
from aic.emit import emit_qpc
from aic.load import load_qpc
from aic.nsp.values.program import load_program
from aic.options import options_from_keywords
from aic.phases import PHASE_NAMES
from aic.qpc.container import open_container
from aic.qpc.elf import PROGRAM_SECTION, read_elf
from aic.qpc.program_format import read_header
from aic.qpc.validate import validate
from aic.session import Session
from dialects import create_context
from tests.models.bert import bert, tokens
from tests.models.light import drawn_path, image
from tests.models.reference import FP16_BOUND, FP16_RATIO, FP32_BOUND, relative_error, rounded_to_fp16, run

BYTES_PER_OPERATION = 64


@dataclass(frozen=True)
class Network:
    """A network with an input, and the output that is compared."""

    path: Path
    inputs: Mapping[str, npt.NDArray[Any]]
    output: str
    expected: npt.NDArray[Any]
    fp16_bound: float


@cache
def network(path: Path) -> Network:
    model = onnx.load(path)
    inputs = tokens() if path.stem == "bert" else {model.graph.input[0].name: image(1)}
    output = model.graph.output[-1].name  # of the light models: before the Softmax
    expected = run(path, inputs)[output]
    rounded = relative_error(run(rounded_to_fp16(path), inputs)[output], expected)
    return Network(path, inputs, output, expected, max(FP16_BOUND, FP16_RATIO * rounded))


@pytest.fixture(scope="module")
def bert_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bert") / "bert.onnx"
    onnx.save(bert("older"), path)
    return path


@pytest.mark.parametrize("cores", [1, 4, 14])
@pytest.mark.parametrize("fp16", [False, True], ids=["fp32", "fp16"])
@pytest.mark.parametrize("name", ["resnet50", "squeezenet", "bert"])
def test_a_network_runs_from_its_qpc(bert_path: Path, tmp_path: Path, name: str, fp16: bool, cores: int) -> None:
    case = network(bert_path if name == "bert" else drawn_path(name))
    options = options_from_keywords(model=case.path, aic_num_cores=cores, convert_to_fp16=fp16)
    module = lower(options, PHASE_NAMES[-2])
    emit_qpc(module, tmp_path / "programqpc.bin")
    assert validate(tmp_path / "programqpc.bin", create_context()).errors == ()

    outputs = Session(tmp_path).run(case.inputs)
    assert relative_error(outputs[case.output], case.expected) < (case.fp16_bound if fp16 else FP32_BOUND)

    at_tile_level = load_program(module).run(case.inputs)
    for output, values in at_tile_level.items():
        np.testing.assert_array_equal(outputs[output], values)


def test_the_encoded_program_is_small(tmp_path: Path) -> None:
    options = options_from_keywords(model=drawn_path("resnet50"), aic_num_cores=16, convert_to_fp16=True)
    emit_qpc(lower(options, PHASE_NAMES[-2]), tmp_path / "x.bin")
    with open_container(tmp_path / "x.bin") as segments:
        program = read_elf(segments["network.elf"].data).sections[PROGRAM_SECTION]
        assert len(program) <= BYTES_PER_OPERATION * read_header(program).operations
    assert sum(1 for _ in load_qpc(tmp_path / "x.bin").module.walk()) > 500
