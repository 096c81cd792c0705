"""What a network should yield: onnxruntime in fp32, and onnxruntime with every tensor rounded to fp16."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]

FP32_BOUND = 1e-5
"""Relative error allowed in fp32."""
FP16_BOUND = 5e-3
"""Relative error allowed in fp16, or `FP16_RATIO` times that of `rounded_to_fp16`, whichever is larger."""
FP16_RATIO = 1.5


def relative_error(actual: npt.NDArray[Any], expected: npt.NDArray[Any]) -> float:
    """Norm of the difference over the norm of what is expected."""
    assert actual.shape == expected.shape, f"{actual.shape} against {expected.shape}"
    wanted = expected.astype(np.float64)
    return float(np.linalg.norm(actual.astype(np.float64) - wanted) / np.linalg.norm(wanted))


def fp16_bound(model: onnx.ModelProto | Path, inputs: Mapping[str, npt.NDArray[Any]], output: str) -> float:
    """The relative error that fp16 may have on this output for these inputs."""
    return fp16_bounds(model, inputs, run(model, inputs))[output]


def fp16_bounds(
    model: onnx.ModelProto | Path, inputs: Mapping[str, npt.NDArray[Any]], expected: Arrays
) -> dict[str, float]:
    """The same for every output, of which the values are `expected`."""
    rounded = run(rounded_to_fp16(model), inputs)
    return {
        name: max(FP16_BOUND, FP16_RATIO * relative_error(rounded[name], wanted)) for name, wanted in expected.items()
    }


def run(model: onnx.ModelProto | Path, inputs: Mapping[str, npt.NDArray[Any]]) -> Arrays:
    """All outputs by name, from onnxruntime on the CPU. The graph is run as it stands, without optimization."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False  # which would keep what the largest network took for the life of the process
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def rounded_to_fp16(model: onnx.ModelProto | Path) -> onnx.ModelProto:
    """The model with every float tensor rounded to fp16: inputs, constants (clamped to its range), results of nodes."""
    source = onnx.load(model) if isinstance(model, Path) else model
    typed = onnx.shape_inference.infer_shapes(source)
    graph = typed.graph
    floats = {
        value.name
        for value in (*graph.input, *graph.value_info, *graph.output)
        if value.type.tensor_type.elem_type == TensorProto.FLOAT
    }
    rounded = onnx.ModelProto()
    rounded.CopyFrom(source)
    rounded.ir_version = max(source.ir_version, 4)
    del rounded.graph.node[:], rounded.graph.initializer[:], rounded.graph.input[:]
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in source.graph.input if value.name not in constants]
    rounded.graph.input.extend(inputs)
    rounded.graph.initializer.extend(_rounded_tensor(tensor) for tensor in source.graph.initializer)

    renamed = {value.name: f"{value.name}/rounded" for value in inputs if value.name in floats}
    for name, target in renamed.items():
        rounded.graph.node.extend(_rounding(name, target))
    for node in source.graph.node:
        rounded.graph.node.extend(_rounded_node(node, renamed, floats))
    return rounded


def _rounding(source: str, target: str) -> list[onnx.NodeProto]:
    half = f"{target}/half"
    return [
        helper.make_node("Cast", [source], [half], to=TensorProto.FLOAT16),
        helper.make_node("Cast", [half], [target], to=TensorProto.FLOAT),
    ]


def _rounded_node(node: onnx.NodeProto, renamed: Mapping[str, str], floats: set[str]) -> list[onnx.NodeProto]:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.input[:] = [renamed.get(name, name) for name in node.input]
    if node.op_type == "Constant":
        for attribute in copy.attribute:
            if attribute.name == "value":
                attribute.t.CopyFrom(_rounded_tensor(attribute.t))
        return [copy]
    rounded = [name for name in node.output if name in floats]
    copy.output[:] = [f"{name}/exact" if name in rounded else name for name in node.output]
    return [copy, *(cast for name in rounded for cast in _rounding(f"{name}/exact", name))]


def _rounded_tensor(tensor: onnx.TensorProto) -> onnx.TensorProto:
    if tensor.data_type != TensorProto.FLOAT:
        return tensor
    values = np.clip(numpy_helper.to_array(tensor), -65504, 65504).astype(np.float16).astype(np.float32)
    return numpy_helper.from_array(values, tensor.name)
