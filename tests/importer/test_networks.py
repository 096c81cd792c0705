"""Networks against onnxruntime, and against the outputs that ship with them."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from aic.importer import import_model
from aic.interpreter.graph import GraphRunner, run_graph
from dialects.graph.kernels import Array
from dialects.weights import drop_store

DATA = Path(__file__).parents[1] / "data"
LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"


def relative_error(actual: Array, expected: Array) -> float:
    return float(np.linalg.norm(actual - expected) / np.linalg.norm(expected))


def test_digits_one_by_one() -> None:
    images, labels = (np.load(DATA / "digits_test.npz")[name] for name in ("x", "y"))
    runner = GraphRunner(import_model(DATA / "digits_cnn_bn.onnx"))
    logits = np.concatenate([runner.run({"x": image[None]})["logits"] for image in images])
    assert (logits.argmax(axis=1) == labels).sum() == 448
    assert relative_error(logits, np.load(DATA / "digits_test.npz")["logits_fp32"]) < 1e-5


def test_digits_in_one_batch() -> None:
    images = np.load(DATA / "digits_test.npz")["x"]
    module = import_model(DATA / "digits_cnn_dyn.onnx", symbols={"batch": len(images)})
    session = onnxruntime.InferenceSession(DATA / "digits_cnn_dyn.onnx")
    assert relative_error(run_graph(module, {"x": images})["logits"], session.run(None, {"x": images})[0]) < 1e-5


# Not SqueezeNet: the last bit of a sum decides its Softmax of equal numbers, and how BLAS cuts sums is a matter of the
# processor.
@pytest.mark.parametrize("name", ["light_resnet50", "light_shufflenet", "light_bvlc_alexnet"])
def test_light_networks_yield_what_ships_with_them(name: str) -> None:
    module = import_model(LIGHT / f"{name}.onnx", weights_dir=name)
    runner = GraphRunner(module)
    drop_store(name)
    (port,) = runner.inputs
    shape = port.type.get_shape()
    image = (np.arange(np.prod(shape)).reshape(shape) / np.prod(shape)).astype(np.float32)
    (actual,) = runner.run({port.name: image}).values()
    shipped = onnx.TensorProto.FromString((LIGHT / f"{name}_output_0.pb").read_bytes())
    assert relative_error(actual, numpy_helper.to_array(shipped)) < 1e-5


@pytest.mark.parametrize("name", ["inception_v1", "inception_v2", "densenet121", "vgg19", "zfnet512"])
def test_other_light_networks_import(name: str) -> None:
    module = import_model(LIGHT / f"light_{name}.onnx", weights_dir=name)
    drop_store(name)
    module.verify()
