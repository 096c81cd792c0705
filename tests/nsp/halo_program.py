"""A scheduled tile program written by hand, with everything that can be done wrong: y = conv3x3(x) on four cores.

Each core loads its four rows, fills the padding, fetches a row from either neighbour, and gets all weights.
"""

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from dialects import create_context
from dialects.text import SourceMap, parse_module, verify

CORES, ROWS, COLUMNS, CHANNELS = 4, 16, 8, 4
INPUT: npt.NDArray[np.float16] = (
    np.random.default_rng(0).standard_normal((1, ROWS, COLUMNS, CHANNELS)).astype(np.float16)
)
WEIGHTS: npt.NDArray[np.float32] = (
    np.random.default_rng(1).integers(-16, 17, (3, 3, CHANNELS, CHANNELS)).astype(np.float32) / 16
)
_WEIGHTS = ", ".join(map(str, WEIGHTS.reshape(-1).tolist()))

TEXT = f"""
builtin.module attributes {{aic.target = #aic.target<"pro">, aic.cores = {CORES} : i64}} {{
  func.func @main() {{
    %x = tile.tensor {{label = "x", role = "input"}} : memref<1x16x8x4xf16, "ddr">
    %y = tile.tensor {{label = "y", role = "output"}} : memref<1x16x8x4xf16, "ddr">
    %w = tile.tensor {{role = "constant", value = #aic.dense<[{_WEIGHTS}] : tensor<3x3x4x4xf16>>}} : memref<3x3x4x4xf16, "ddr">
    %a = tile.alloc {{window = #tile.box<[4] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, -1 to 9, 0 to 4>, address = 0 : i64}} : memref<1x6x10x4xf16, "vtcm">
    %v = tile.alloc {{window = #tile.box<[4] : 0 to 3, 0 to 3, 0 to 4, 0 to 4>, address = 2048 : i64}} : memref<3x3x4x4xf16, "vtcm">
    %b = tile.alloc {{window = #tile.box<[4] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 8, 0 to 4>, address = 4096 : i64}} : memref<1x4x8x4xf16, "vtcm">
    tile.load %x, %a {{box = #tile.box<[4] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 8, 0 to 4>}} loc("image")
    tile.fill %a {{shape = array<i64: 1, 16, 8, 4>, value = 0.0 : f64}} loc("pad")
    tile.exchange %a, %a {{box = #tile.box<[4] : 0 to 1, max(4 m0 - 1, 0) to min(4 m0 + 5, 16), 0 to 8, 0 to 4>, own = #tile.box<[4] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 8, 0 to 4>}} loc("halo")
    tile.multicast %w, %v {{axes = array<i64: 0>, box = #tile.box<[4] : 0 to 3, 0 to 3, 0 to 4, 0 to 4>}} loc("weights")
    tile.compute %a, %v, %b {{kernel = "conv", engine = "hmx", boxes = [#tile.box<[4] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, -1 to 9, 0 to 4>, #tile.box<[4] : 0 to 3, 0 to 3, 0 to 4, 0 to 4>, #tile.box<[4] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 8, 0 to 4>], arguments = {{strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>}}}} loc("product")
    tile.store %b, %y {{box = #tile.box<[4] : 0 to 1, 4 m0 to 4 m0 + 4, 0 to 8, 0 to 4>}} loc("result")
    func.return
  }}
}}
"""  # noqa: E501


def edited(*changes: tuple[str, str]) -> ModuleOp:
    """The program after changes of lines: each names a line by its start, and `old -> new` text in it; none removes
    the line.
    """
    lines = TEXT.splitlines()
    for start, change in changes:
        (at,) = [n for n, line in enumerate(lines) if line.strip().startswith(start)]
        if not change:
            del lines[at]
            continue
        old, new = change.split(" -> ")
        assert old in lines[at], f"{old!r} is not in {lines[at]!r}"
        lines[at] = lines[at].replace(old, new)
    module = parse_module(create_context(), SourceMap("test", "\n".join(lines)))
    verify(module)
    return module
