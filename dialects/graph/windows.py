"""Sizes of sliding windows over rows and columns: the rule that convolution and pooling share."""

from xdsl.dialects.builtin import DenseArrayBase
from xdsl.utils.exceptions import VerifyException

from dialects.graph.base import Tensor, integers


def check_window(
    name: str, kernel: tuple[int, ...], strides: DenseArrayBase, dilations: DenseArrayBase, pads: DenseArrayBase
) -> tuple[int, int]:
    """The window's rows and columns; raises VerifyException unless there are 2, 2, 2 and 4 sensible values."""
    given = [kernel, integers(strides), integers(dilations), integers(pads)]
    if [len(values) for values in given] != [2, 2, 2, 4]:
        raise VerifyException(f"{name}: window, strides and dilations have 2 values, pads 4, got {given}")
    if min((*kernel, *given[1], *given[2])) < 1 or min(given[3]) < 0:
        raise VerifyException(f"{name}: window, strides and dilations are at least 1, pads at least 0, got {given}")
    return kernel[0], kernel[1]


def window_extents(
    name: str,
    sizes: tuple[int, int],
    kernel: tuple[int, int],
    strides: DenseArrayBase,
    dilations: DenseArrayBase,
    pads: DenseArrayBase,
) -> tuple[int, ...]:
    """Rows and columns of the result: (size + pads - dilation (kernel - 1) - 1) / stride + 1, rounded down."""
    stride, dilation, pad = integers(strides), integers(dilations), integers(pads)
    extents = tuple(
        (size + pad[d] + pad[d + 2] - dilation[d] * (kernel[d] - 1) - 1) // stride[d] + 1
        for d, size in enumerate(sizes)
    )
    if min(extents) < 1:
        raise VerifyException(
            f"{name}: window {kernel} with dilations {dilation} is larger than {sizes} padded by {pad}"
        )
    return extents


def channels_and_image(name: str, x: Tensor, w: Tensor) -> tuple[int, int, int]:
    """Images, rows and columns of a convolution's input; raises VerifyException unless its channels fit the weight."""
    if x.get_num_dims() != 4 or w.get_num_dims() != 4:
        raise VerifyException(f"{name}: input and weight need 4 dimensions, got {x} and {w}")
    n, rows, columns, channels = x.get_shape()
    _, _, depth, features = w.get_shape()
    if depth == 0 or channels == 0 or channels % depth or features % (channels // depth):
        raise VerifyException(f"{name}: {channels} input channels and {features} features do not fit weight {w}")
    return n, rows, columns
