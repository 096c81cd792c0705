"""The oracle itself, on programs whose executions one can see."""

import pytest

from dialects import create_context
from dialects.text import SourceMap, parse_module
from tests.interleavings.exploration import Outcome, explore
from tests.interleavings.machine import machine_of

PROGRAM = """builtin.module attributes {aic.cores = CORES : i64, aic.signals = array<i64TOTALS>} {
  func.func @main() {
    %x = tile.tensor {role = "input", label = "x"} : memref<16xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 0 to 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[2] : 0 to 4>, address = 2048 : i64} : memref<4xf16, "vtcm">
    BODY
    func.return
  }
}"""


def outcome(body: str, cores: int = 1, totals: str = "") -> Outcome:
    text = PROGRAM.replace("CORES", str(cores)).replace("TOTALS", totals).replace("BODY", body)
    return explore(machine_of(parse_module(create_context(), SourceMap("test", text))))


def load(part: str = "0 to 4", rest: str = ", signal = 0 : i64") -> str:
    return f"tile.load %x, %a {{box = #tile.box<[2] : {part}>{rest}}}\n"


def multicast(waits: str) -> str:
    rest = f"axes = array<i64: 0>, signal = 1 : i64, waits = #tile.waits<{waits}>"
    return f"tile.multicast %x, %a {{box = #tile.box<[2] : 0 to 4>, {rest}}}\n"


def exchange(waits: str) -> str:
    rest = f"own = #tile.box<[2] : 2 m0 to 2 m0 + 2>, signal = 1 : i64, waits = #tile.waits<{waits}>"
    return f"tile.exchange %a, %b {{box = #tile.box<[2] : 0 to 4>, {rest}}}\n"


def use(engine: str = "hmx", rest: str = "") -> str:
    boxes = "boxes = [#tile.box<[2] : 0 to 4>, #tile.box<[2] : 0 to 4>], arguments = {}"
    return f'tile.compute %a, %b {{kernel = "relu", engine = "{engine}", {boxes}{rest}}}\n'


def twice(body: str) -> str:
    return f"tile.for 2 {{\n{body}}}\n"


@pytest.mark.parametrize(
    ("body", "cores", "races"),
    [
        (load() + use(), 1, True),
        (load() + use(rest=", waits = #tile.waits<0 at 1>"), 1, False),
        (twice(load()) + use(rest=", waits = #tile.waits<0 at 1>"), 1, True),
        # Transfers overtake each other, and a run of a transfer begins before the run before it is complete.
        (load() + load(rest=", signal = 1 : i64"), 1, True),
        (load("0 to 2") + load("2 to 4", ", signal = 1 : i64"), 1, False),
        (twice(load()), 1, True),
        (twice(load(rest=", signal = 0 : i64, waits = #tile.waits<0 at i0>")), 1, False),
        # A multicast writes on every core once its sender has started.
        (use(rest=", signal = 0 : i64") + multicast("0 at 1"), 2, True),
        (use(rest=", signal = 0 : i64") + multicast("0 at 1 all"), 2, False),
        # An exchange reads on every core until it is complete where it goes.
        (load() + exchange("0 at 1"), 2, True),
        (load() + exchange("0 at 1 all"), 2, False),
        (exchange("2 at 0") + load(rest=", signal = 0 : i64, waits = #tile.waits<1 at 1>"), 2, True),
        (exchange("2 at 0") + load(rest=", signal = 0 : i64, waits = #tile.waits<1 at 1 all>"), 2, False),
        # An engine takes its instructions one after the other, two engines do not.
        (use() + use(), 1, False),
        (use() + use("hvx"), 1, True),
    ],
)
def test_races(body: str, cores: int, races: bool) -> None:
    assert bool(outcome(body, cores).races) == races


def test_runs_of_one_transfer_are_complete_in_order() -> None:
    """Of two, a state in which only the second is complete does not exist: none, first, both in flight or complete."""
    assert outcome(twice(load())).states == 6
    assert outcome(load() + load(rest=", signal = 1 : i64")).states == 7


@pytest.mark.parametrize(
    ("body", "totals", "quiesces"),
    [
        (load(), ": 1", True),
        (load(), ": 2", False),
        (load(), ": 0", False),
        (load(), "", False),
        (load(rest=""), "", False),  # it may still be in flight when all queues are empty
        (use(), "", True),
    ],
)
def test_quiescence(body: str, totals: str, quiesces: bool) -> None:
    assert outcome(body, 1, totals).quiesces == quiesces


def test_a_deadlock_has_one_end() -> None:
    stuck = outcome(load() + use(rest=", waits = #tile.waits<0 at 2>"))
    assert stuck.deadlocks
    assert stuck.ends == {(0b01, 0b01)}
