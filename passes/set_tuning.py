"""`set-tuning`: writes into the module how the passes that follow are to cut, place and move work."""

from dataclasses import dataclass, replace
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from dialects.tuning import Tuning, set_tuning, tuning_of
from passes.rewriting.precision import Precision
from passes.rewriting.program_pass import ProgramPass


@dataclass(frozen=True)
class SetTuningPass(Tuning, ProgramPass):
    """Sets the tuning values that are its options; what the module has of others stays. Refuses values out of range."""

    name = "set-tuning"
    PRECISION: ClassVar[Precision] = Precision.EXACT

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        set_tuning(op, replace(tuning_of(op), **self.given()))
