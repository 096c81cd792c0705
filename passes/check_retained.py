"""`check-retained`: what stays on the card is an input and an output of the program, of the same type.

They are two memories, so that reading the one while the other is written is no race. A part of a network over several
cards may give nothing to the host.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from dialects.module import DEVICE, inherited, main_of
from dialects.retained import retained_of, retaining
from dialects.tile.buffers import Buffer, TensorOp, type_of
from passes.checking.problems import refuse
from passes.rewriting.program_pass import ProgramPass


@dataclass(frozen=True)
class CheckRetainedPass(ProgramPass):
    """Refuses a program whose state that stays on the card is no pair of an input and an output of one type."""

    name = "check-retained"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        check_retained(op)


def check_retained(module: ModuleOp) -> None:
    """Raises AicError, naming inputs and outputs, for state that a program cannot keep."""
    refuse(_problems(module))


def _problems(module: ModuleOp) -> Iterator[str]:
    names = retained_of(module)
    if not names:
        return
    tensors = [op for op in main_of(module).body.walk() if isinstance(op, TensorOp)]
    inputs, outputs = ({_label(t): type_of(t.result) for t in tensors if t.role.data == role} for role in _ROLES)
    is_part = inherited(module, DEVICE) is not None
    if not is_part and outputs.keys() == {retaining(name) for name in names}:
        yield "all outputs stay on the card: the host would get none"
    for name in names:
        read, written = inputs.get(name), outputs.get(retaining(name))
        if read is None or written is None or read != written:
            yield (
                f"{name!r} stays on the card: input {name!r} is {_shown(read)}, "
                f"output {retaining(name)!r} {_shown(written)}"
            )


_ROLES = ("input", "output")


def _label(tensor: TensorOp) -> str:
    return "" if tensor.label is None else tensor.label.data


def _shown(buffer: Buffer | None) -> str:
    return "not there" if buffer is None else str(buffer)
