"""Cores that hold the same in a buffer: held once, computed once, and nobody else's."""

import pytest
from xdsl.ir import SSAValue

from aic.nsp.values import load_program
from aic.nsp.values.replicas import alike_cores, rows_of
from dialects.tile.buffers import AllocOp
from dialects.tile.instructions import InstructionOp
from tests.nsp.programs import module

ROWS = """
    %x = tile.tensor {label = "x", role = "input"} : memref<4x4xf16, "ddr">
    %y = tile.tensor {label = "y", role = "output"} : memref<4x4xf16, "ddr">
    %row = tile.alloc {window = #tile.box<[2, 2] : 2 m0 to 2 m0 + 2, 0 to 4>, address = 0 : i64} : memref<2x4xf16, "vtcm">
    %part = tile.alloc {window = #tile.box<[2, 2] : 2 m0 to 2 m0 + 2, 2 m1 to 2 m1 + 2>, address = 2048 : i64} : memref<2x2xf16, "vtcm">
    %all = tile.alloc {window = #tile.box<[4] : 0 to 4, 0 to 4>, address = 4096 : i64} : memref<4x4xf16, "vtcm">
    %own = tile.alloc {window = #tile.box<[4] : 0 to 4, 0 to 4>, address = 6144 : i64} : memref<4x4xf16, "vtcm">
    tile.load %x, %row {box = #tile.box<[2, 2] : 2 m0 to 2 m0 + 2, 0 to 4>}
    tile.compute %row, %part {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2, 2] : 2 m0 to 2 m0 + 2, 2 m1 to 2 m1 + 2>, #tile.box<[2, 2] : 2 m0 to 2 m0 + 2, 2 m1 to 2 m1 + 2>], arguments = {}}
    tile.exchange %part, %row {box = #tile.box<[2, 2] : 2 m0 to 2 m0 + 2, 0 to 4>, own = #tile.box<[2, 2] : 2 m0 to 2 m0 + 2, 2 m1 to 2 m1 + 2>}
    tile.exchange %part, %all {box = #tile.box<[4] : 0 to 4, 0 to 4>, own = #tile.box<[2, 2] : 2 m0 to 2 m0 + 2, 2 m1 to 2 m1 + 2>}
    tile.exchange %part, %own {box = #tile.box<[4] : 0 to 4, 0 to 4>, own = #tile.box<[2, 2] : 2 m0 to 2 m0 + 2, 2 m1 to 2 m1 + 2>}
    tile.compute %row, %own {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2, 2] : 2 m0 to 2 m0 + 2, 0 to 4>, #tile.box<[2, 2] : 2 m0 to 2 m0 + 2, 0 to 4>], arguments = {}}
    tile.store %part, %y {box = #tile.box<[2, 2] : 2 m0 to 2 m0 + 2, 2 m1 to 2 m1 + 2>}
"""  # noqa: E501


def named(values: dict[SSAValue, object]) -> dict[str | None, object]:
    return {value.name_hint: found for value, found in values.items()}


def test_cores_that_are_alike() -> None:
    """A row is the same on the cores that share it, a part is each core's, what all fetch is one; and what cores have
    overwritten in different places is not.
    """
    ops = list(module(ROWS, 4).walk())
    allocs = [op for op in ops if isinstance(op, AllocOp)]
    alike = alike_cores(allocs, [op for op in ops if isinstance(op, InstructionOp)], 4)
    assert named(dict(alike)) == {"row": (0, 0, 2, 2), "part": (0, 1, 2, 3), "all": (0, 0, 0, 0), "own": (0, 0, 2, 2)}


def test_what_differs_through_an_operand() -> None:
    ops = list(module(ROWS.replace("2 m0 to 2 m0 + 2, 0 to 4>, address = 0", "0 to 4, 0 to 4>, address = 0"), 4).walk())
    allocs = [op for op in ops if isinstance(op, AllocOp)]
    instructions = [op for op in ops if isinstance(op, InstructionOp)]
    same = alike_cores(allocs, instructions[2:3], 4)
    assert named(dict(same))["row"] == (0, 0, 2, 2)
    assert named(dict(alike_cores(allocs, [], 4)))["row"] == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("alike", "mesh", "rows"),
    [
        ((0, 0, 0, 0), (4,), (0, 0, 0, 0)),
        ((0, 0, 2, 2), (2, 2), (0, 0, 1, 1)),
        ((0, 1, 0, 1), (2, 2), (0, 1, 0, 1)),
        ((0, 1, 0, 1), (4,), (0, 1, 2, 3)),
        ((0, 0, 2, 3), (2, 2), (0, 1, 2, 3)),
        ((0, 1, 1, 0), (2, 2), (0, 1, 2, 3)),
        ((0, 1, 2, 3), (2, 2), (0, 1, 2, 3)),
        ((0, 0, 2), (3, 1), (0, 1, 2)),
    ],
)
def test_rows_are_linear_in_the_mesh_of_kernels(
    alike: tuple[int, ...], mesh: tuple[int, ...], rows: tuple[int, ...]
) -> None:
    assert rows_of(alike, [mesh]) == rows
    assert max(rows_of(alike, [])) + 1 == len(set(alike))


def test_what_is_alike_is_held_once() -> None:
    program = load_program(module(ROWS, 4))
    held = named({value: held.array.shape[0] for value, held in program.plan.memory.items() if held.window is not None})
    assert held == {"row": 2, "part": 4, "all": 1, "own": 2}
