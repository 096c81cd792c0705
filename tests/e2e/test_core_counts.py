"""Every number of cores compiles and gives the right values."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import aic
from tests.models.reference import FP16_BOUND, relative_error, run

DRAW = np.random.default_rng(11)
SHAPE = (1, 6, 19, 13)
INPUTS = {"image": DRAW.standard_normal(SHAPE).astype(np.float32)}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolution with halos, pooling, a sum and a product, of extents that few numbers divide."""
    path = tmp_path_factory.mktemp("cores") / "model.onnx"
    shapes = {"w1": (22, 6, 3, 3), "w2": (22, 22, 1, 1), "fc": (22 * 9 * 6, 17)}
    weights = [
        numpy_helper.from_array((DRAW.standard_normal(s) / np.sqrt(np.prod(s[1:]))).astype(np.float32), name)
        for name, s in shapes.items()
    ]
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["c1"], "conv1", pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["c1"], ["s1"], "sigmoid"),
        helper.make_node("Conv", ["s1", "w2"], ["c2"], "conv2"),
        helper.make_node("Add", ["s1", "c2"], ["a"], "add"),
        helper.make_node("MaxPool", ["a"], ["p"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p"], ["f"], "flatten"),
        helper.make_node("MatMul", ["f", "fc"], ["y"], "product"),
    ]
    shapes = {"image": SHAPE, "y": (1, 17)}
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    graph = helper.make_graph(nodes, "cores", ports[:1], ports[1:], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.mark.parametrize("cores", range(1, 17))
def test_values(model: Path, cores: int) -> None:
    """From the loaded QPC, against onnxruntime."""
    session = aic.Session(aic.compile(model, aic_num_cores=cores, convert_to_fp16=True).path)
    assert session.cores == cores
    (expected,) = run(model, INPUTS).values()
    assert relative_error(session.run(INPUTS)["y"].reshape(expected.shape), expected) < FP16_BOUND
