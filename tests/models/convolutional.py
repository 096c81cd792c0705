"""Convolutional networks in the form that PyTorch's exporters give them, built without PyTorch: MobileNetV2, a U-Net, a
YOLO-style detector. All take one tensor `x` and yield one, `y`.
"""

import numpy as np
import onnx

from tests.models.nodes import Nodes

_MOBILENET = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, repetitions and first stride of the inverted residuals (arXiv:1801.04381, table 2)."""


def mobilenet_v2(size: int = 224, batch: int = 1, width: float = 1.0, classes: int = 1000) -> onnx.ModelProto:
    """Inverted residuals with depthwise convolutions; y is [batch, classes]."""
    build = Nodes()
    channels = round(32 * width)
    y = build.conv("x", 3, channels, 3, 2, then="Clip")
    for expansion, full, repetitions, first in _MOBILENET:
        outputs = round(full * width)
        for stride in (first, *(1,) * (repetitions - 1)):
            y = _inverted_residual(build, y, channels, outputs, expansion, stride)
            channels = outputs
    y = build.op("GlobalAveragePool", build.conv(y, channels, 1280, then="Clip"))
    return build.model(
        {"x": [batch, 3, size, size]}, {"y": build.linear(build.op("Flatten", y, axis=1), 1280, classes)}
    )


def _inverted_residual(build: Nodes, x: str, inputs: int, outputs: int, expansion: int, stride: int) -> str:
    hidden = inputs * expansion
    y = build.conv(x, inputs, hidden, then="Clip") if expansion > 1 else x
    y = build.conv(y, hidden, hidden, 3, stride, groups=hidden, then="Clip")
    y = build.conv(y, hidden, outputs)
    return build.op("Add", x, y) if stride == 1 and inputs == outputs else y


def unet(size: int = 256, batch: int = 1, base: int = 64, depth: int = 4, classes: int = 2) -> onnx.ModelProto:
    """Encoder and decoder with skip connections; y is [batch, classes, size, size].

    The lower half of the decoder's levels grow by transposed convolutions, the upper half by interpolation.
    """
    build = Nodes()
    skips: list[str] = []
    y, channels = _twice(build, "x", 3, base), base
    for _ in range(depth):
        skips.append(y)
        y = build.op("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2])
        y, channels = _twice(build, y, channels, 2 * channels), 2 * channels
    for level, skip in reversed(list(enumerate(skips))):
        y = _transposed(build, y, channels) if 2 * level >= depth else _enlarged(build, y, channels)
        channels //= 2
        y = _twice(build, build.op("Concat", skip, y, axis=1), 2 * channels, channels)
    return build.model({"x": [batch, 3, size, size]}, {"y": build.conv(y, base, classes)})


def _twice(build: Nodes, x: str, inputs: int, outputs: int) -> str:
    return build.conv(build.conv(x, inputs, outputs, 3, then="Relu"), outputs, outputs, 3, then="Relu")


def _transposed(build: Nodes, x: str, channels: int) -> str:
    """Twice the size, half the channels; each position of the result belongs to one of the operand."""
    weight, bias = (
        build.drawn(channels, channels // 2, 2, 2, scale=channels**-0.5),
        build.drawn(channels // 2, scale=0.05),
    )
    return build.op("ConvTranspose", x, weight, bias, kernel_shape=[2, 2], strides=[2, 2])


def _enlarged(build: Nodes, x: str, channels: int) -> str:
    scales = build.constant([1, 1, 2, 2])
    modes = {"coordinate_transformation_mode": "half_pixel", "mode": "linear"}
    return build.conv(build.op("Resize", x, "", scales, **modes), channels, channels // 2)


def yolo(size: int = 640, batch: int = 1, base: int = 16, classes: int = 80, bins: int = 16) -> onnx.ModelProto:
    """A detector after YOLOv8: y is [batch, 4 + classes, positions], boxes (centre, width, height) and scores.

    Three scales of 8, 16 and 32 pixels; each box is decoded from four distributions over `bins` distances.
    """
    build = Nodes()
    c = [base * 2**k for k in range(5)]
    y = build.conv("x", 3, c[0], 3, 2, then="Silu")
    y = _split_residuals(build, build.conv(y, c[0], c[1], 3, 2, then="Silu"), c[1], c[1], 1, shortcut=True)
    p3 = _split_residuals(build, build.conv(y, c[1], c[2], 3, 2, then="Silu"), c[2], c[2], 2, shortcut=True)
    p4 = _split_residuals(build, build.conv(p3, c[2], c[3], 3, 2, then="Silu"), c[3], c[3], 2, shortcut=True)
    y = _split_residuals(build, build.conv(p4, c[3], c[4], 3, 2, then="Silu"), c[4], c[4], 1, shortcut=True)
    p5 = _pooled_pyramid(build, y, c[4])
    n4 = _split_residuals(build, build.op("Concat", _doubled(build, p5), p4, axis=1), c[4] + c[3], c[3], 1)
    n3 = _split_residuals(build, build.op("Concat", _doubled(build, n4), p3, axis=1), c[3] + c[2], c[2], 1)
    y = build.conv(n3, c[2], c[2], 3, 2, then="Silu")
    n4 = _split_residuals(build, build.op("Concat", y, n4, axis=1), c[2] + c[3], c[3], 1)
    y = build.conv(n4, c[3], c[3], 3, 2, then="Silu")
    n5 = _split_residuals(build, build.op("Concat", y, p5, axis=1), c[3] + c[4], c[4], 1)
    hidden = max(c[2] // 4, 4 * bins), max(c[2], classes)
    heads = [_head(build, x, channels, hidden, classes, bins) for x, channels in ((n3, c[2]), (n4, c[3]), (n5, c[4]))]
    flat = [build.op("Reshape", head, build.integers(batch, 4 * bins + classes, -1)) for head in heads]
    return build.model({"x": [batch, 3, size, size]}, {"y": _decoded(build, flat, batch, size, classes, bins)})


def _split_residuals(build: Nodes, x: str, inputs: int, outputs: int, blocks: int, *, shortcut: bool = False) -> str:
    """Half of the channels go through residual blocks; all that is on the way is joined."""
    half = outputs // 2
    both = build.conv(x, inputs, outputs, then="Silu")
    parts = build.ops("Split", 2, both, build.integers(half, half), axis=1)
    for _ in range(blocks):
        y = build.conv(build.conv(parts[-1], half, half, 3, then="Silu"), half, half, 3, then="Silu")
        parts.append(build.op("Add", parts[-1], y) if shortcut else y)
    return build.conv(build.op("Concat", *parts, axis=1), (2 + blocks) * half, outputs, then="Silu")


def _pooled_pyramid(build: Nodes, x: str, channels: int) -> str:
    parts = [build.conv(x, channels, channels // 2, then="Silu")]
    for _ in range(3):
        parts.append(build.op("MaxPool", parts[-1], kernel_shape=[5, 5], strides=[1, 1], pads=[2, 2, 2, 2]))
    return build.conv(build.op("Concat", *parts, axis=1), 2 * channels, channels, then="Silu")


def _doubled(build: Nodes, x: str) -> str:
    modes = {"coordinate_transformation_mode": "asymmetric", "mode": "nearest", "nearest_mode": "floor"}
    return build.op("Resize", x, "", build.constant([1, 1, 2, 2]), **modes)


def _head(build: Nodes, x: str, channels: int, hidden: tuple[int, int], classes: int, bins: int) -> str:
    """Distances and scores of one scale, side by side."""
    parts: list[str] = []
    for width, outputs in zip(hidden, (4 * bins, classes), strict=True):
        y = build.conv(build.conv(x, channels, width, 3, then="Silu"), width, width, 3, then="Silu")
        parts.append(build.conv(y, width, outputs))
    return build.op("Concat", *parts, axis=1)


def _decoded(build: Nodes, heads: list[str], batch: int, size: int, classes: int, bins: int) -> str:
    """Boxes from the expected distances of their sides to the positions that they belong to."""
    strides = (8, 16, 32)
    centres, scales = [], []
    for stride in strides:
        side = np.arange(size // stride) + 0.5
        grid = np.stack(np.meshgrid(side, side), axis=0).reshape(2, -1)
        centres.append(grid)
        scales.append(np.full((1, grid.shape[1]), stride))
    positions = sum(grid.shape[1] for grid in centres)
    joined = build.op("Concat", *heads, axis=2)
    boxes, scores = build.ops("Split", 2, joined, build.integers(4 * bins, classes), axis=1)
    shares = build.op("Reshape", boxes, build.integers(batch, 4, bins, positions))
    shares = build.op("Softmax", build.op("Transpose", shares, perm=[0, 2, 1, 3]), axis=1)
    expectation = build.constant(np.arange(bins).reshape(1, bins, 1, 1))
    distances = build.op("Reshape", build.op("Conv", shares, expectation), build.integers(batch, 4, positions))
    near, far = build.ops("Split", 2, distances, build.integers(2, 2), axis=1)
    grid = build.constant(np.concatenate(centres, axis=1)[None])
    low, high = build.op("Sub", grid, near), build.op("Add", grid, far)
    centre = build.op("Div", build.op("Add", low, high), build.constant(2.0))
    box = build.op("Concat", centre, build.op("Sub", high, low), axis=1)
    return build.op(
        "Concat",
        build.op("Mul", box, build.constant(np.concatenate(scales, axis=1))),
        build.op("Sigmoid", scores),
        axis=1,
    )
