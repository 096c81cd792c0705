"""Drawn weights: every layer has unit variance, statistics are sensible, one seed gives one network."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from tests.models import light, reference
from tools.drawn_weights import draw_weights


@pytest.fixture(scope="module")
def drawn() -> onnx.ModelProto:
    return draw_weights(onnx.load(light.light_path("resnet50")))


def test_layers_have_unit_variance(drawn: onnx.ModelProto) -> None:
    observed = onnx.ModelProto()
    observed.CopyFrom(drawn)
    layers = [node.output[0] for node in drawn.graph.node if node.op_type in ("Conv", "Gemm")]
    del observed.graph.output[:]
    observed.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in layers)
    values = reference.run(observed, {"gpu_0/data_0": light.image(9)})
    assert len(layers) == 54
    for name in layers:
        assert 0.7 < values[name].std() < 1.4, name


def test_statistics_are_positive_and_differ(drawn: onnx.ModelProto) -> None:
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in drawn.graph.initializer}
    for node in drawn.graph.node:
        if node.op_type == "BatchNormalization":
            scale, _, mean, variance = (tensors[name] for name in node.input[1:])
            assert variance.min() > 0.01
            assert min(np.ptp(values) for values in (scale, mean, variance)) > 0


def test_the_tensor_before_softmax_is_an_output(drawn: onnx.ModelProto) -> None:
    assert [output.name for output in drawn.graph.output] == ["gpu_0/softmax_1", "r174"]
    assert [value.name for value in drawn.graph.input] == ["gpu_0/data_0"]


def test_a_seed_gives_one_network() -> None:
    model = onnx.load(light.light_path("squeezenet"))
    first, second, other = (draw_weights(model, seed).SerializeToString() for seed in (1, 1, 2))
    assert first == second
    assert first != other
