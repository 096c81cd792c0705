"""What runs of instructions touch, told so that it can be found in the model."""

from collections.abc import Sequence

from xdsl.dialects.builtin import NameLoc
from xdsl.ir import Operation, SSAValue

from dialects.text import place
from dialects.tile.boxes import Integers
from dialects.tile.buffers import AllocOp, TensorOp
from dialects.tile.instructions import InstructionOp


def run_text(op: InstructionOp, core: int, iteration: Sequence[int]) -> str:
    """One run of an instruction on a core, for an iteration of the loops around it."""
    return f"{place(op)}, core {core}" + (f", iteration {list(iteration)}" if iteration else "")


def touch_text(
    op: InstructionOp,
    core: int,
    iteration: Sequence[int],
    value: SSAValue,
    low: Sequence[int] | Integers,
    high: Sequence[int] | Integers,
    owner: int,
) -> str:
    """A box of a buffer or tensor that a run touches; `owner`: the core whose buffer it is."""
    elsewhere = f" of core {owner}" if isinstance(value.owner, AllocOp) and owner != core else ""
    return f"{run_text(op, core, iteration)}: {box_text(low, high)} of {named(value)}{elsewhere}"


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
