"""A small network of which every layer can be given a mistake."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def three_convolutions(folder: Path) -> Path:
    """Three convolutions, the last two of one image with different halos; their difference and their sum."""
    draw = np.random.default_rng(0)
    shapes = {"w1": (8, 4, 3, 3), "w2": (8, 8, 3, 3), "w3": (8, 8, 5, 5)}
    weights = [
        numpy_helper.from_array(draw.standard_normal(shape).astype(np.float32) / 8, name)
        for name, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], name="first", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"], name="rectify"),
        helper.make_node("Conv", ["b", "w2"], ["c"], name="second", pads=[1] * 4),
        helper.make_node("Conv", ["b", "w3"], ["d"], name="third", pads=[2] * 4),
        helper.make_node("Sub", ["c", "d"], ["y"], name="subtract"),
        helper.make_node("Add", ["c", "d"], ["z"], name="join"),
    ]
    ports = {name: [1, 8, 12, 12] for name in ("y", "z")}
    graph = helper.make_graph(
        nodes,
        "validated",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 12, 12])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in ports.items()],
        weights,
    )
    path = folder / "validated.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
