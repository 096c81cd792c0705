"""What a network should compute, by others: onnxruntime, onnx's own reference, and where these disagree, node by node.

A network that rounds, compares or casts turns a last bit into a whole step, so that two right implementations may
disagree at its end. Each node for itself they agree on: it is given what we computed for its operands.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from aic.importer import import_model
from aic.interpreter.graph import GraphRunner
from tests.models import reference

Arrays = dict[str, npt.NDArray[Any]]

_CLOSE = {"float16": 4e-3, "float32": 1e-5, "float64": 1e-7}
"""By how much two right implementations of a node may differ, as a share of the largest element. (Some of onnx's own
compute float64 in float32.)
"""

_LARGE_WINDOW = 1 << 14
"""Elements."""


def disagreements(path: Path, inputs: Mapping[str, npt.NDArray[Any]]) -> list[str]:
    """Where the imported network does not compute what it should; empty when it does."""
    outputs = computed(path, inputs)
    try:
        expected = reference.run(path, inputs)
    except Exception:  # onnxruntime has no kernel for some node
        return list(_wrong_nodes(path, inputs))
    if all(close(outputs[name], values) for name, values in expected.items()):
        return []
    return list(_wrong_nodes(path, inputs))


def computed(path: Path, inputs: Mapping[str, npt.NDArray[Any]], intermediate: tuple[str, ...] = ()) -> Arrays:
    """Outputs at the graph level, as imported."""
    runner = GraphRunner(import_model(path, intermediate=intermediate))
    with np.errstate(all="ignore"):
        return runner.run({port.name: inputs[port.name] for port in runner.inputs})


def close(actual: npt.NDArray[Any], expected: npt.NDArray[Any]) -> bool:
    """Whether two arrays are what one computation may give; NaN equals NaN."""
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        return False
    same = (actual == expected) | ((actual != actual) & (expected != expected))
    if actual.dtype.kind != "f":
        return bool(same.all())
    finite = np.abs(expected[np.isfinite(expected)]).astype(np.float64)
    bound = _CLOSE[actual.dtype.name] * finite.max(initial=0.0)
    with np.errstate(all="ignore"):
        apart = np.abs(actual.astype(np.float64) - expected.astype(np.float64))
    return bool((same | (apart <= bound)).all())


def _wrong_nodes(path: Path, inputs: Mapping[str, npt.NDArray[Any]]) -> Iterator[str]:
    """Nodes for which no implementation gives what we do, on the operands that we computed."""
    model = onnx.load(path)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    made = [name for node in model.graph.node if node.op_type not in ("Constant", "If") for name in node.output]
    tensors: Arrays = {**constants, **inputs, **_every_tensor(path, inputs, made)}
    for node in model.graph.node:
        if node.op_type == "Constant":
            tensors[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        elif all(name in tensors for name in (*node.input, *node.output) if name):
            given = {name: tensors[name] for name in node.input if name}
            # One that agrees is enough: onnx's own reference takes minutes for some nodes.
            agreements = (
                all(close(tensors[name], one[name]) for name in node.output)
                for one in _implementations(model, node, given)
            )
            if next(agreements, True) is False and not any(agreements):
                yield f"{node.op_type} node {node.name!r}"


def _every_tensor(path: Path, inputs: Mapping[str, npt.NDArray[Any]], names: list[str]) -> Arrays:
    """Tensors inside the network, by name."""
    outputs = {value.name for value in onnx.load(path).graph.output}
    return computed(path, inputs, tuple(name for name in names if name not in outputs))


def _implementations(model: onnx.ModelProto, node: onnx.NodeProto, given: Arrays) -> Iterator[Arrays]:
    """What others compute for one node."""
    graph = helper.make_graph(
        [node],
        "node",
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in given.items()
        ],
        [helper.make_empty_tensor_value_info(name) for name in node.output],
    )
    alone = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for run in (reference.run,) if _has_large_window(node) else (reference.run, _run_by_onnx):
            with suppress(Exception):  # it has no kernel for these element types
                yield run(alone, given)


def _has_large_window(node: onnx.NodeProto) -> bool:
    """Whether onnx's own reference, which goes through windows in Python, would take an hour."""
    return any(a.name == "kernel_shape" and prod(a.ints) > _LARGE_WINDOW for a in node.attribute)


def _run_by_onnx(model: onnx.ModelProto, given: Arrays) -> Arrays:
    names = [value.name for value in model.graph.output]
    return dict(zip(names, ReferenceEvaluator(model).run(None, given), strict=True))
