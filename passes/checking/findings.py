"""What checks find in programs, and how it is told."""

from collections.abc import Sequence
from typing import NamedTuple

from dialects.tile.buffers import TensorOp
from dialects.tile.naming import named, touch_text
from passes.checking.program import Program


class Touch(NamedTuple):
    """A box of a memory that a run of an instruction touches on a core, in the coordinates of the tensor."""

    run: int
    """Place in the order of the text; behind all runs: the host."""
    core: int
    memory: int
    low: Sequence[int]
    high: Sequence[int]
    owner: int
    """Of a buffer, whose it is."""


class Finding(NamedTuple):
    """What is wrong with a touch; the sentence may end with another touch."""

    touch: Touch
    problem: str
    other: Touch | None = None


def told(program: Program, finding: Finding) -> str:
    """The finding as a sentence that names instructions, nodes, cores, iterations, memories and boxes."""
    end = "" if finding.other is None else f" {_touch_text(program, finding.other)}"
    return f"{_touch_text(program, finding.touch)}: {finding.problem}{end}"


def _touch_text(program: Program, touch: Touch) -> str:
    value = program.memories[touch.memory].value
    if touch.run >= len(program.runs):
        label = value.owner.label if isinstance(value.owner, TensorOp) else None
        return named(value) if label is None else f"output {label.data!r}"
    op, at, iteration = program.runs[touch.run]
    loops = at if iteration is None else iteration
    return touch_text(op, touch.core, loops, value, touch.low, touch.high, touch.owner)
