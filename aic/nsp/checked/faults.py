"""What goes wrong in a program, told so that it can be found."""

from dataclasses import dataclass

from xdsl.ir import SSAValue

from dialects.errors import AicError
from dialects.tile.boxes import Integers
from dialects.tile.instructions import InstructionOp
from dialects.tile.naming import touch_text


@dataclass(frozen=True)
class Site:
    """One run of an instruction on a core, and the core on which it must have started before it touches anything."""

    op: InstructionOp
    iteration: tuple[int, ...]
    turn: int
    """Number of the run in the order of the text."""
    core: int
    starter: int


@dataclass(frozen=True)
class Touch:
    """A box of an operand that a run touches, in one core's memory."""

    site: Site
    value: SSAValue
    owner: int
    """The core whose VTCM is touched; without meaning in DDR."""
    low: Integers
    high: Integers

    def fault(self, problem: str) -> AicError:
        """The error for what goes wrong at this touch."""
        return AicError(f"{self}: {problem}")

    def __str__(self) -> str:
        site = self.site
        return touch_text(site.op, site.core, site.iteration, self.value, self.low, self.high, self.owner)
