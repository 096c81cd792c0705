"""A program that asks for too much, or does anything that it may not, is refused before it runs."""

import pytest

from aic.static_checks import check_program
from dialects.errors import AicError
from passes.checking.ceilings import MAX_RUNS
from tests.driver.programs import parsed

PROGRAM = """builtin.module attributes {aic.cores = 2 : i64, aic.signals = array<i64: 2, 1, 1>} {
  func.func @main() {
    %x = tile.tensor {label = "x", role = "input"} : memref<8x4xf32, "ddr">
    %y = tile.tensor {label = "y", role = "output"} : memref<8x4xf32, "ddr">
    %a = tile.alloc {address = 0 : i64, window = #tile.box<[2] : 4 m0 - 1 to 4 m0 + 5, 0 to 4>} : memref<6x4xf32, "vtcm">
    tile.for 2 {
      tile.load %x, %a {box = #tile.box<[2] : max(4 m0 + 2 i0 - 1, 0) to min(4 m0 + 2 i0 + 2, 8), 0 to 4>, signal = 0 : i64, waits = #tile.waits<0 at i0>} loc("load")
      %b = tile.alloc {address = 2048 : i64, depth = 2 : i64, window = #tile.box<[2] : 2 i0 to 2 i0 + 2, 0 to 4>} : memref<2x4xf32, "vtcm"> loc("b")
    }
    tile.exchange %a, %a {box = #tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8), 0 to 4>, own = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>, signal = 1 : i64, waits = #tile.waits<0 at 2 all>} loc("halo")
    tile.store %a, %y {box = #tile.box<[2] : 4 m0 to 4 m0 + 4, 0 to 4>, signal = 2 : i64, waits = #tile.waits<1 at 1>} loc("store")
    func.return
  }
}"""  # noqa: E501


def test_a_program_within_bounds_passes() -> None:
    check_program(parsed(PROGRAM))


FETCH = "min(4 m0 + 2 i0 + 2, 8)"
OWN = "own = #tile.box<[2] : 4 m0 to 4 m0 + 4"
STORED = "%y {box = #tile.box<[2] : 4 m0 to 4 m0 + 4"
TENSOR = 'memref<8x4xf32, "ddr">'
IDLE = '%c = tile.alloc {address = 0 : i64, window = #tile.box<[2] : 0 to 1>} : memref<1xf32, "vtcm">'


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        # One position too far, on one core, in one iteration.
        (
            FETCH,
            "4 m0 + 2 i0 + 3",
            "tile.load (load), core 1, iteration [1]: [5 to 9, 0 to 4] of tensor %x "
            'memref<8x4xf32, "ddr">: leaves the tensor [0 to 8, 0 to 4]',
        ),
        ("max(4 m0 + 2 i0 - 1, 0)", "4 m0 + 2 i0 - 1", "tile.load (load), core 0, iteration [0]: [-1 to 2, 0 to 4] of"),
        (OWN, OWN.replace("+ 4", "+ 6"), "tile.exchange (halo), core 0: [0 to 6, 0 to 4] of buffer %a"),
        (STORED, STORED.replace("{", "{offsets = array<i64: 0, 1>, "), "[0 to 4, 1 to 5] of tensor %y"),
        ("tile.for 2", f"tile.for {MAX_RUNS}", f"executes {MAX_RUNS + 2} instructions, at most {MAX_RUNS} are run"),
        ("tile.for 2", "tile.for 4611686018427387904", "instructions, at most"),
        ("depth = 2", "depth = 300000", "tile.alloc (b): lies at 2048 to 9602048 of 8323072 bytes of VTCM"),
        ("address = 2048", "address = -1", "tile.alloc (b): lies at -1 to"),
        (STORED, "%y {box = #tile.box<[1, 17] : 0 to 4", "tile.store (store): a mesh of [1, 17] cores"),
        (
            STORED,
            STORED.replace("+ 4", "+ 99999999999999999999"),
            "m0 + 99999999999999999999, 0 to 4> has numbers beyond 1099511627776",
        ),
        (TENSOR, TENSOR.replace("x4x", "x4x99999999999x"), "bytes of DDR, the SKU pro has"),
        (TENSOR, TENSOR.replace("8x", "?x"), "has no fixed size"),
        ("func.return", f"tile.for {MAX_RUNS} {{\n{IDLE}}}\nfunc.return", f"executes {MAX_RUNS + 4} instructions"),
        # One wait, one row, one address too few; how exactly they are told is in the lit tests of the checks.
        ("0 at 2 all", "0 at 1 all", "the program has races"),
        (STORED, STORED.replace("+ 4", "+ 3"), "output 'y': position [3, 0] was never written"),
        ("address = 0", "address = 1", "address 1 is no multiple of 2048"),
        ("0 at 2 all", "0 at 3 all", "tile.exchange (halo) waits until signal 0 is at 3; it stays at 2"),
        ("i64: 2, 1, 1>", "i64: 2, 1, 2>", "signal 2 is declared to end at 2, too high"),
        ("i64: 2, 1, 1>", "i32: 2, 1, 1>", "aic.signals = array<i32: 2, 1, 1>: expected an array of i64"),
    ],
)
def test_a_program_that_cannot_run_is_refused(good: str, bad: str, message: str) -> None:
    assert good in PROGRAM
    with pytest.raises(AicError) as caught:
        check_program(parsed(PROGRAM.replace(good, bad)))
    assert message in str(caught.value)


def test_loops_are_not_nested_deeper_than_boxes_can_name() -> None:
    inner = '%b = tile.alloc {address = 0 : i64, window = #tile.box<[1] : 0 to 4>} : memref<4xf32, "vtcm">\n'
    body = "tile.for 1 {\n" * 7 + inner + "}\n" * 7
    with pytest.raises(AicError, match="nested deeper than 6"):
        check_program(parsed("func.func @main() {\n" + body + "func.return\n}"))
