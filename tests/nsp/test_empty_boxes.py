"""A box of an operand that ends before it begins is empty, however far apart its ends lie."""

import numpy as np
import pytest

from aic.nsp.checked import run_checked
from aic.nsp.values import load_program
from dialects import create_context
from dialects.text import SourceMap, parse_module

PROGRAM = """
builtin.module attributes {aic.cores = 1 : i64, aic.signals = array<i64: 1, 1, 1>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<4xf16, "ddr">
    %y = tile.tensor {role = "output", label = "y"} : memref<4xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[1] : 0 to 4>, address = 2048 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[1] : 0 to 4>, signal = 0 : i64}
    tile.compute %a, %a, %b {kernel = "concat", engine = "hvx", boxes = [#tile.box<[1] : BEGIN to END>, #tile.box<[1] : 0 to 4>, #tile.box<[1] : 0 to 4>], arguments = {axis = 0 : i64}, signal = 1 : i64, waits = #tile.waits<0 at 1>}
    tile.store %b, %y {box = #tile.box<[1] : 0 to 4>, signal = 2 : i64, waits = #tile.waits<1 at 1>}
    func.return
  }
}
"""  # noqa: E501


@pytest.mark.parametrize(("begin", "end"), [(2, 2), (3, 2), (4, 0)])
def test_nothing_is_taken_of_an_empty_box(begin: int, end: int) -> None:
    text = PROGRAM.replace("BEGIN", str(begin)).replace("END", str(end))
    program = parse_module(create_context(), SourceMap("empty", text))
    inputs = {"x": np.arange(4, dtype=np.float16)}
    for outputs in (
        load_program(program).run(inputs),
        run_checked(program, inputs),
        run_checked(program, inputs, seed=1),
    ):
        np.testing.assert_array_equal(outputs["y"], inputs["x"])
