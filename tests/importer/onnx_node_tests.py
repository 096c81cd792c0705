"""ONNX's own node tests: a model of one operator each, with inputs and the outputs that the standard prescribes."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

from aic.importer import ImportFailure, import_proto
from aic.interpreter.graph import GraphRunner
from dialects.graph.kernels import Array


@dataclass(frozen=True)
class NodeTest:
    """One model with one set of inputs and outputs in its order, and how closely outputs must agree."""

    name: str
    model: onnx.ModelProto
    inputs: list[Any]
    outputs: list[Any]
    rtol: float
    atol: float


def node_tests() -> Iterator[NodeTest]:
    """All node tests of the installed onnx."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = collect_testcases(None)
    for case in cases:
        for inputs, outputs in case.data_sets:
            rtol, atol = max(case.rtol, 1e-3), max(case.atol or 0, 1e-6)
            yield NodeTest(case.name, case.model, [_array(x) for x in inputs], [_array(y) for y in outputs], rtol, atol)


def _array(value: Any) -> Any:
    """Tensors as arrays; sequences and optionals stay what they are."""
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return np.asarray(value) if isinstance(value, np.ndarray | np.generic) else value


def run(test: NodeTest) -> list[Array]:
    """Outputs of the imported model. Raises ImportFailure when it is not supported."""
    names = [value.name for value in test.model.graph.input]
    runner = _imported(test, names)
    feeds = {name: value for name, value in zip(names, test.inputs, strict=False) if name in _ports(runner)}
    return list(runner.run(feeds).values())


def _ports(runner: GraphRunner) -> set[str]:
    return {port.name for port in runner.inputs}


def _imported(test: NodeTest, names: Sequence[str]) -> GraphRunner:
    """The test as it is; failing that, with integers, or all operands but the first, as constants."""
    arrays = {name: value for name, value in zip(names, test.inputs, strict=False) if isinstance(value, np.ndarray)}
    integers = [name for name, value in arrays.items() if value.dtype.kind in "iub"]
    attempts: list[Sequence[str]] = [(), integers, list(arrays)[1:]]
    failure = ImportFailure("not tried")
    for constants in attempts:
        model = onnx.ModelProto()
        model.CopyFrom(test.model)
        model.graph.initializer.extend(numpy_helper.from_array(arrays[name], name) for name in constants)
        try:
            return GraphRunner(import_proto(model, weights_dir="node-test"))
        except ImportFailure as error:
            failure = error
    raise failure


def differences(test: NodeTest, actual: Sequence[Array]) -> str:
    """What differs from the prescribed outputs; empty when nothing does."""
    if len(actual) != len(test.outputs):
        return f"{len(actual)} outputs, {len(test.outputs)} expected"
    for have, want in zip(actual, test.outputs, strict=True):
        want = np.asarray(want)
        if have.shape != want.shape or have.dtype != want.dtype:
            return f"{have.dtype} {have.shape}, expected {want.dtype} {want.shape}"
        atol = max(test.atol, 1e-3) if want.dtype == np.float16 else test.atol
        wide = np.float64 if want.dtype.kind == "f" else want.dtype
        if not np.allclose(have.astype(wide), want.astype(wide), test.rtol, atol, equal_nan=True):
            return "other values"
    return ""
