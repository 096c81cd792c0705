"""Networks of which one tensor, or the weights, are larger than the VTCM of all cores together: from `x` to `y`."""

import onnx

from tests.models.nodes import Nodes


def convolutions(size: int = 1024, channels: int = 64) -> onnx.ModelProto:
    """A residual block on an image: 1024 x 1024 positions of 64 channels, 128 MiB in fp16."""
    build = Nodes()
    first = build.conv("x", 3, channels, 3, then="Relu")
    y = build.op("Add", first, build.conv(first, channels, channels, 3, then="Relu"))
    return build.model({"x": [1, 3, size, size]}, {"y": build.op("GlobalAveragePool", y)})


def enlargement(size: int = 512) -> onnx.ModelProto:
    """An image enlarged to twice its size, maxima of neighbours, a softmax over channels: [1, 2, 2 size, 2 size]."""
    build = Nodes()
    y = build.conv("x", 3, 32, 3, 2, then="Silu")
    modes = {"coordinate_transformation_mode": "half_pixel", "mode": "linear"}
    y = build.op("Resize", y, "", build.constant([1, 1, 4, 4]), **modes)
    maxima = build.op("MaxPool", y, kernel_shape=[3, 3], strides=[1, 1], pads=[1] * 4)
    y = build.op("Softmax", build.op("Concat", y, maxima, axis=1), axis=1)
    return build.model({"x": [1, 3, size, size]}, {"y": build.conv(y, 64, 2)})


def matrices(depth: int = 8192, columns: int = 16384) -> onnx.ModelProto:
    """Two products; the first one's weights have 256 MiB in fp16."""
    build = Nodes()
    y = build.op("Relu", build.op("MatMul", "x", build.drawn(depth, columns, scale=depth**-0.5)))
    return build.model({"x": [1, depth]}, {"y": build.op("MatMul", y, build.drawn(columns, 64, scale=columns**-0.5))})
