"""The light models of the onnx package: as shipped, with constants for weights, and with drawn weights."""

import hashlib
import inspect
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from tests.models.cache import CACHE, kept
from tools import drawn_weights

LIGHT = (
    "bvlc_alexnet",
    "densenet121",
    "inception_v1",
    "inception_v2",
    "resnet50",
    "shufflenet",
    "squeezenet",
    "vgg19",
    "zfnet512",
)
"""Names of the models."""

_FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def light_path(name: str) -> Path:
    """The model as it is shipped."""
    return _FOLDER / f"light_{name}.onnx"


def light_example(name: str) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The input (a ramp from 0 to 1) and output that are shipped with the model."""
    tensor = onnx.TensorProto.FromString((_FOLDER / f"light_{name}_output_0.pb").read_bytes())
    size = 1 * 3 * 224 * 224
    ramp = (np.arange(size).reshape(1, 3, 224, 224) / size).astype(np.float32)
    return ramp, numpy_helper.to_array(tensor)


def drawn_path(name: str, seed: int = 0) -> Path:
    """The model with weights drawn by `tools.drawn_weights`, kept between runs until that module changes.

    Its last output is the tensor before the final Softmax.
    """
    version = hashlib.blake2b(inspect.getsource(drawn_weights).encode(), digest_size=6).hexdigest()
    path = CACHE / f"{name}-{seed}-{version}.onnx"
    if not path.is_file():
        kept(drawn_weights.draw_weights(onnx.load(light_path(name)), seed), path.stem)
    return path


def batched_resnet50(batch: int) -> onnx.ModelProto:
    """Drawn ResNet-50 with another batch size: in its inputs and outputs, and in the one Reshape that names it."""
    model = onnx.load(drawn_path("resnet50"))
    constants = {tensor.name for tensor in model.graph.initializer}
    for value in (*model.graph.input, *model.graph.output):
        if value.name not in constants and value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_value = batch
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.INT64:
            shape = numpy_helper.to_array(tensor).copy()
            shape[0] = batch
            tensor.CopyFrom(numpy_helper.from_array(shape, tensor.name))
    return model


def image(seed: int) -> npt.NDArray[np.float32]:
    """An input of the models: normal values [1, 3, 224, 224]."""
    return np.random.default_rng(seed).standard_normal((1, 3, 224, 224), np.float32)
