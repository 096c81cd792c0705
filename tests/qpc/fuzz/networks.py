"""Small networks whose QPCs hold every kind of instruction, and many kernels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

import aic

Port = tuple[str, int, list[int] | list[int | str]]


def compiled(folder: Path) -> dict[str, bytes]:
    """QPCs by name."""
    return {
        "convolution": _compiled(_convolution(), folder / "convolution", aic_num_cores=3),
        "attention": _compiled(_attention(), folder / "attention", aic_num_cores=2, convert_to_fp16=True),
        "specialized": _specialized(folder / "specialized"),
        "recurrence": _compiled(_recurrence(), folder / "recurrence", aic_num_cores=2, combine_inputs=True),
    }


def _compiled(model: onnx.ModelProto, folder: Path, **options: object) -> bytes:
    folder.mkdir()
    onnx.save(model, folder / "model.onnx")
    return Path(aic.compile(folder / "model.onnx", aic_binary_dir=folder / "qpc", **options).path).read_bytes()


def _specialized(folder: Path) -> bytes:
    """Two lengths of rows that a state of the card is added to."""
    model = _model(
        [
            helper.make_node("MatMul", ["x", "w"], ["a"]),
            helper.make_node("Add", ["a", "s"], ["y"]),
            helper.make_node("Relu", ["s"], ["s_RetainedState"]),
        ],
        [("x", TensorProto.FLOAT, ["rows", 8]), ("s", TensorProto.FLOAT, [1, 6])],
        [("y", TensorProto.FLOAT, ["rows", 6]), ("s_RetainedState", TensorProto.FLOAT, [1, 6])],
        {"w": _drawn(8, 6)},
    )
    config = folder.parent / "spec.json"
    config.write_text('{"specializations": [{"rows": "3"}, {"rows": "7", "compile_opts": "-ols=2"}]}')
    return _compiled(model, folder, aic_num_cores=2, network_specialization_config=config, retained_state=True)


def _model(
    nodes: Sequence[NodeProto], inputs: Sequence[Port], outputs: Sequence[Port], constants: dict[str, object]
) -> onnx.ModelProto:
    ports = [[helper.make_tensor_value_info(*port) for port in side] for side in (inputs, outputs)]
    values = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(list(nodes), "network", *ports, values)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)


def _convolution() -> onnx.ModelProto:
    node = helper.make_node
    return _model(
        [
            node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
            node("Relu", ["a"], ["b"]),
            node("MaxPool", ["b"], ["c"], kernel_shape=[2, 2], strides=[2, 2]),
            node("Flatten", ["c"], ["d"]),
            node("MatMul", ["d", "m"], ["e"]),
            node("Softmax", ["e"], ["y"], axis=-1),
            node("Gather", ["t", "i"], ["z"], axis=0),
        ],
        [("x", TensorProto.FLOAT, [1, 4, 6, 6]), ("i", TensorProto.INT64, [5])],
        [("y", TensorProto.FLOAT, [1, 10]), ("z", TensorProto.FLOAT, [5, 6])],
        {"w": _drawn(8, 4, 3, 3), "m": _drawn(72, 10), "t": _drawn(9, 6)},
    )


def _attention() -> onnx.ModelProto:
    node = helper.make_node
    return _model(
        [
            node("MatMul", ["x", "wq"], ["q"]),
            node("MatMul", ["x", "wk"], ["k"]),
            node("Transpose", ["k"], ["kt"], perm=[0, 2, 1]),
            node("MatMul", ["q", "kt"], ["s"]),
            node("Softmax", ["s"], ["p"], axis=-1),
            node("MatMul", ["p", "x"], ["o"]),
            node("Add", ["o", "x"], ["r"]),
            node("LayerNormalization", ["r", "g", "b"], ["y"], axis=-1),
            node("ReduceMean", ["y"], ["m"], axes=[1], keepdims=0),
            node("TopK", ["m", "n"], ["top", "at"], axis=-1),
        ],
        [("x", TensorProto.FLOAT, [1, 7, 16])],
        [("y", TensorProto.FLOAT, [1, 7, 16]), ("top", TensorProto.FLOAT, [1, 3]), ("at", TensorProto.INT64, [1, 3])],
        {"wq": _drawn(16, 16), "wk": _drawn(16, 16), "g": _drawn(16), "b": _drawn(16), "n": np.array([3])},
    )


def _recurrence() -> onnx.ModelProto:
    node = helper.make_node
    return _model(
        [
            node("LSTM", ["x", "w", "r"], ["y"], hidden_size=5),
            node("Pad", ["x", "n"], ["u"]),
            node("Resize", ["v", "", "s"], ["z"], mode="linear"),
            node("ConvTranspose", ["v", "t"], ["k"], strides=[2, 2]),
        ],
        [("x", TensorProto.FLOAT, [6, 2, 4]), ("v", TensorProto.FLOAT, [1, 2, 5, 5])],
        [
            ("y", TensorProto.FLOAT, [6, 1, 2, 5]),
            ("u", TensorProto.FLOAT, [6, 3, 6]),
            ("z", TensorProto.FLOAT, [1, 2, 10, 10]),
            ("k", TensorProto.FLOAT, [1, 3, 11, 11]),
        ],
        {
            "w": _drawn(1, 20, 4),
            "r": _drawn(1, 20, 5),
            "n": np.array([0, 1, 0, 0, 0, 2]),
            "s": np.array([1, 1, 2, 2], np.float32),
            "t": _drawn(2, 3, 3, 3),
        },
    )
