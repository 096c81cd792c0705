"""Windows of convolution and pooling as ONNX describes them, in one or two dimensions."""

from collections.abc import Sequence
from dataclasses import dataclass

from aic.importer.builder import Builder, Value
from aic.importer.node import Node
from aic.importer.problems import Misfit, Unsupported

TO_CHANNELS_LAST = (0, 2, 3, 1)
TO_CHANNELS_FIRST = (0, 3, 1, 2)


@dataclass(frozen=True)
class Window:
    """Sizes of a two-dimensional window; `pads` are rows before, columns before, rows after, columns after.

    `overhang` is what `ceil_mode` adds after rows and columns so that the last, partial window counts.
    """

    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    pads: tuple[int, int, int, int]
    overhang: tuple[int, int] = (0, 0)

    @property
    def extended_pads(self) -> tuple[int, int, int, int]:
        """Pads with the overhang."""
        top, left, bottom, right = self.pads
        return top, left, bottom + self.overhang[0], right + self.overhang[1]


def read_window(node: Node, x: Value, kernel: Sequence[int]) -> Window:
    """The window of a node on an operand [N, C, spatial dimensions..]; one dimension becomes a row.

    Raises Unsupported for three dimensions, Misfit when attributes and operand do not fit.
    """
    spatial = x.rank - 2
    if spatial not in (1, 2):
        raise Unsupported(f"{spatial} spatial dimensions; 1 and 2 are supported")
    strides = node.integers("strides", (1,) * spatial)
    dilations = node.integers("dilations", (1,) * spatial)
    pads = node.integers("pads", (0,) * 2 * spatial)
    if {len(kernel), len(strides), len(dilations)} != {spatial} or len(pads) != 2 * spatial:
        raise Misfit(f"window {list(kernel)}, strides {strides}, dilations {dilations}, pads {pads} for {x.type}")
    if min((*kernel, *strides, *dilations)) < 1:
        raise Misfit(f"window {list(kernel)}, strides {strides} and dilations {dilations} must be positive")
    pads = _auto_pads(node, x.shape[2:], kernel, strides, dilations, pads)
    if min(pads) < 0:
        raise Unsupported(f"negative pads {list(pads)}")
    if spatial == 1:
        kernel, strides, dilations, pads = (1, *kernel), (1, *strides), (1, *dilations), (0, pads[0], 0, pads[1])
    window = Window(
        (kernel[0], kernel[1]),
        (strides[0], strides[1]),
        (dilations[0], dilations[1]),
        (pads[0], pads[1], pads[2], pads[3]),
    )
    if not node.integer("ceil_mode", 0):
        return window
    sizes = (1, *x.shape[2:])[-2:]
    return Window(window.kernel, window.strides, window.dilations, window.pads, _overhang(window, sizes))


def transposed_window(node: Node, x: Value, kernel: Sequence[int]) -> Window:
    """The window of a transposed convolution; `pads` are positions left out, negative where positions are added.

    Raises as `read_window` does.
    """
    spatial = x.rank - 2
    if spatial not in (1, 2):
        raise Unsupported(f"{spatial} spatial dimensions; 1 and 2 are supported")
    strides, dilations = (node.integers(name, (1,) * spatial) for name in ("strides", "dilations"))
    extra, pads = node.integers("output_padding", (0,) * spatial), node.integers("pads", (0,) * 2 * spatial)
    if {len(kernel), len(strides), len(dilations), len(extra)} != {spatial} or len(pads) != 2 * spatial:
        raise Misfit(f"window {list(kernel)}, strides {strides}, dilations {dilations}, pads {pads} for {x.type}")
    mode, wanted = node.text("auto_pad", "NOTSET"), node.integers("output_shape")[-spatial:]
    if mode in ("SAME_UPPER", "SAME_LOWER") and not wanted:
        wanted = tuple(size * stride for size, stride in zip(x.shape[2:], strides, strict=True))
    low, high = ([0] * spatial if mode == "VALID" else list(half) for half in (pads[:spatial], pads[spatial:]))
    for d, size in enumerate(wanted):
        whole = strides[d] * (x.shape[2 + d] - 1) + dilations[d] * (kernel[d] - 1) + 1 + extra[d]
        low[d], high[d] = _shares(whole - size, first_half=mode == "SAME_UPPER")
    high = [pad - more for pad, more in zip(high, extra, strict=True)]
    if spatial == 1:
        low, high, strides, dilations = [0, *low], [0, *high], (1, *strides), (1, *dilations)
    rows, columns = (1, *kernel)[-2:]
    return Window(
        (rows, columns), (strides[0], strides[1]), (dilations[0], dilations[1]), (low[0], low[1], high[0], high[1])
    )


def _shares(total: int, *, first_half: bool) -> tuple[int, int]:
    """Positions left out before and behind of `total`, the smaller half first or last; what is missing is added
    behind.
    """
    less, more = max(0, total) // 2, -(-max(0, total) // 2)
    return (less, more) if first_half else (more, less + min(0, total))


def _auto_pads(
    node: Node,
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    pads: tuple[int, ...],
) -> tuple[int, ...]:
    mode = node.text("auto_pad", "NOTSET")
    if mode in ("NOTSET", ""):
        return pads
    if mode == "VALID":
        return (0,) * 2 * len(sizes)
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise Misfit(f"auto_pad {mode!r} is none of NOTSET, VALID, SAME_UPPER, SAME_LOWER")
    needed = [
        max(0, (-(-size // stride) - 1) * stride + dilation * (width - 1) + 1 - size)
        for size, width, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True)
    ]
    less, more = [total // 2 for total in needed], [total - total // 2 for total in needed]
    return (*less, *more) if mode == "SAME_UPPER" else (*more, *less)


def _overhang(window: Window, sizes: Sequence[int]) -> tuple[int, int]:
    """How far the last window of `ceil_mode` reaches beyond the padded operand.

    It must begin in the operand or in its low pad.
    """
    result = [0, 0]
    for d in (0, 1):
        reach = window.dilations[d] * (window.kernel[d] - 1) + 1
        room = sizes[d] + window.pads[d] + window.pads[d + 2] - reach
        last = -(-room // window.strides[d])
        if last * window.strides[d] >= sizes[d] + window.pads[d]:
            last -= 1
        result[d] = max(0, last * window.strides[d] - room)
    return result[0], result[1]


def channels_last(builder: Builder, x: Value) -> Value:
    """[N, C, H, W] or [N, C, W] as [N, H, W, C]."""
    if x.rank == 3:
        x = builder.reshape(x, (*x.shape[:2], 1, x.shape[2]))
    return builder.transpose(x, TO_CHANNELS_LAST)


def channels_first(builder: Builder, y: Value, rank: int) -> Value:
    """[N, H, W, C] as [N, C, H, W], or as [N, C, W] for an operator on `rank` = 3 dimensions."""
    y = builder.transpose(y, TO_CHANNELS_FIRST)
    return builder.reshape(y, (*y.shape[:2], y.shape[3])) if rank == 3 else y
