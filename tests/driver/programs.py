"""A small scheduled program written by hand: y = x + w in fp16 on two cores, one half of the rows each."""

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp, StringAttr

from dialects import create_context
from dialects.text import SourceMap, parse_module, verify
from dialects.weights import STORE_ATTRIBUTE, create_store

ROWS, COLUMNS = 4, 600
WEIGHT: npt.NDArray[np.float32] = np.linspace(-70000, 70000, ROWS * COLUMNS, dtype=np.float32).reshape(COLUMNS, ROWS)
"""Stored transposed and in fp32; the ends lie beyond fp16's range."""

_TEXT = """
builtin.module @tiny attributes {aic.target = #aic.target<"pro">, aic.cores = 2 : i64, aic.signals = array<i64: 1, 1, 1, 1, 1>} {
  func.func @main() {
    %x = tile.tensor {label = "image/x:0", role = "input"} : memref<4x600xf16, "ddr"> loc("image/x:0")
    %y = tile.tensor {label = "y", role = "output"} : memref<4x600xf16, "ddr"> loc("node/add")
    %w = tile.tensor {role = "constant", value = #aic.weight<"WEIGHT", [1, 0] : tensor<4x600xf16>>} : memref<4x600xf16, "ddr"> loc("w")
    %again = tile.tensor {role = "constant", value = #aic.weight<"WEIGHT", [1, 0] : tensor<2400xf16>>} : memref<2400xf16, "ddr"> loc("w")
    %s = tile.tensor {role = "constant", value = #aic.dense<[1.5, inf] : tensor<2xf32>>} : memref<2xf32, "ddr"> loc("s")
    %t = tile.tensor {role = "scratch"} : memref<3xi8, "ddr">
    %a = tile.alloc {address = 0 : i64, window = #tile.box<[2] : 2 m0 to 2 m0 + 2, 0 to 600>} : memref<2x600xf16, "vtcm">
    %b = tile.alloc {address = 4096 : i64, window = #tile.box<[2] : 2 m0 to 2 m0 + 2, 0 to 600>} : memref<2x600xf16, "vtcm">
    %c = tile.alloc {address = 8192 : i64, window = #tile.box<[2] : 2 m0 to 2 m0 + 2, 0 to 600>} : memref<2x600xf16, "vtcm">
    %d = tile.alloc {address = 12288 : i64, window = #tile.box<[2] : 0 to 2>} : memref<2xf32, "vtcm">
    tile.load %x, %a {box = #tile.box<[2] : 2 m0 to 2 m0 + 2, 0 to 600>, signal = 0 : i64} loc("image/x:0")
    tile.load %w, %b {box = #tile.box<[2] : 2 m0 to 2 m0 + 2, 0 to 600>, signal = 1 : i64} loc("node/add")
    tile.multicast %s, %d {axes = array<i64: 0>, box = #tile.box<[2] : 0 to 2>, signal = 2 : i64} loc("s")
    tile.compute %a, %b, %c {kernel = "add", engine = "hvx", boxes = [#tile.box<[2] : 2 m0 to 2 m0 + 2, 0 to 600>, #tile.box<[2] : 2 m0 to 2 m0 + 2, 0 to 600>, #tile.box<[2] : 2 m0 to 2 m0 + 2, 0 to 600>], arguments = {}, signal = 3 : i64, waits = #tile.waits<0 at 1, 1 at 1>} loc("node/add")
    tile.store %c, %y {box = #tile.box<[2] : 2 m0 to 2 m0 + 2, 0 to 600>, signal = 4 : i64, waits = #tile.waits<3 at 1>} loc("node/add")
    func.return
  }
}
"""  # noqa: E501


def parsed(text: str) -> ModuleOp:
    """The module that IR text describes."""
    return parse_module(create_context(), SourceMap("test", text))


def tiny_program(folder: str = "tiny") -> ModuleOp:
    """The program, its weight in the store called `folder`."""
    key = create_store(folder).add(WEIGHT)
    module = parsed(_TEXT.replace("WEIGHT", key))
    module.attributes[STORE_ATTRIBUTE] = StringAttr(folder)
    verify(module)
    return module
