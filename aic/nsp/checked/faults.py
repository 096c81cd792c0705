"""What goes wrong in a program, told so that it can be found."""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import NameLoc
from xdsl.ir import Operation, SSAValue

from dialects.errors import AicError
from dialects.text import place
from dialects.tile.boxes import Integers
from dialects.tile.ops import InstructionOp, TensorOp


@dataclass(frozen=True)
class Site:
    """One run of an instruction."""

    op: InstructionOp
    iteration: tuple[int, ...]

    def fault(self, problem: str, value: SSAValue, core: int, low: Integers, high: Integers) -> AicError:
        """The error for what goes wrong at a box of an operand on a core."""
        loops = f", iteration {list(self.iteration)}" if self.iteration else ""
        return AicError(f"{place(self.op)}, core {core}{loops}: {box_text(low, high)} of {named(value)}: {problem}")


def named(value: SSAValue) -> str:
    """A buffer or tensor by its name in the text, its node in the model, and its type."""
    owner = value.owner
    words = ["tensor" if isinstance(owner, TensorOp) else "buffer"]
    if value.name_hint:
        words.append(f"%{value.name_hint}")
    if isinstance(owner, Operation) and isinstance(owner.location, NameLoc):
        words.append(f"({owner.location.desc.data})")
    return " ".join([*words, str(value.type)])


def box_text(low: Sequence[int] | Integers, high: Sequence[int] | Integers) -> str:
    """A box as text: `[0 to 1, 4 to 9]`."""
    return f"[{', '.join(f'{a} to {b}' for a, b in zip(low, high, strict=True))}]"
