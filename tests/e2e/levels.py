"""One network, compiled for some cores, run at every level."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

import aic
from aic.emit import emit_qpc
from aic.importer import import_model
from aic.interpreter.graph import GraphRunner
from aic.interpreter.sharded import run_sharded
from aic.nsp.values import load_program
from aic.phases import phases_between, run_phases
from aic.qpc.validate import validate
from dialects.aic import TargetAttr
from dialects.module import set_target
from dialects.weights import drop_store, store_of
from tests.models.reference import FP32_BOUND, relative_error

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Case:
    """A network with inputs, the output to look at, what onnxruntime gives, and the error that fp16 may have."""

    model: Path
    inputs: Arrays
    output: str
    expected: npt.NDArray[Any]
    fp16_bound: float
    symbols: Mapping[str, int]


def outputs_of_levels(
    module: ModuleOp, inputs: Arrays, *, fp16: bool, folder: Path
) -> dict[str, dict[str, npt.NDArray[Any]]]:
    """All outputs of an imported module at the graph, sharded, tile and scheduled level, and from the loaded QPC.

    The QPC is validated.
    """
    results: dict[str, dict[str, npt.NDArray[Any]]] = {}

    def lower(phase: str) -> ModuleOp:
        return run_phases(module, phases_between(phase, phase), fp16=fp16)

    lower("graph")
    results["graph"] = GraphRunner(module).run(inputs)
    lower("shard")
    results["sharded"] = run_sharded(module, inputs)
    lower("tile")
    results["tile"] = load_program(module).run(inputs)
    lower("schedule")
    results["scheduled"] = load_program(module).run(inputs)
    path = folder / "programqpc.bin"
    emit_qpc(module, path)
    drop_store(store_of(module).folder)
    assert not validate(path).errors
    results["QPC"] = aic.Session(path).run(inputs)
    path.unlink()
    return results


def run_levels(case: Case, cores: int, *, fp16: bool, folder: Path) -> dict[str, npt.NDArray[Any]]:
    """The output at every level; the QPC is found to give the bits of the tile level."""
    module = import_model(case.model, symbols=dict(case.symbols))
    set_target(module, TargetAttr.of("pro"), cores)
    levels = outputs_of_levels(module, case.inputs, fp16=fp16, folder=folder)
    results = {level: outputs[case.output] for level, outputs in levels.items()}
    np.testing.assert_array_equal(results["tile"], results["scheduled"])
    np.testing.assert_array_equal(results["tile"], results["QPC"])
    return results


def check_qpc(case: Case, cores: int, *, fp16: bool, folder: Path) -> None:
    """What is run from the QPC agrees with onnxruntime; for networks too large for every level."""
    qpc = aic.compile(
        case.model,
        onnx_define_symbol=dict(case.symbols),
        aic_num_cores=cores,
        convert_to_fp16=fp16,
        aic_binary_dir=folder / "qpc",
    )
    assert not validate(qpc.path).errors
    result = aic.Session(qpc.path).run(case.inputs)[case.output]
    qpc.path.unlink()
    bound = case.fp16_bound if fp16 else FP32_BOUND
    assert relative_error(result, case.expected) <= bound


def check_levels(case: Case, cores: int, *, fp16: bool, folder: Path) -> None:
    """Every level agrees with onnxruntime: to 1e-5 in fp32, to the case's bound in fp16."""
    bound = case.fp16_bound if fp16 else FP32_BOUND
    results = run_levels(case, cores, fp16=fp16, folder=folder)
    errors = {level: relative_error(result, case.expected) for level, result in results.items()}
    assert max(errors.values()) <= bound, f"errors {errors} exceed {bound}"
