"""`set-target`: writes into the module which card, and how many of its cores, the passes that follow compile for."""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from dialects.aic import TargetAttr
from dialects.module import cores_of, set_target
from passes.rewriting.precision import Precision
from passes.rewriting.program_pass import ProgramPass


@dataclass(frozen=True)
class SetTargetPass(ProgramPass):
    """Compiles for `cores` cores of the card `sku` from here on. Refuses an unknown card and more cores than it has."""

    name = "set-target"
    PRECISION: ClassVar[Precision] = Precision.EXACT

    sku: str = "pro"
    """The card: a name of `dialects.hardware`."""
    cores: int = 1
    """NSP cores that the network runs on."""

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        set_target(op, TargetAttr.of(self.sku), self.cores)
        cores_of(op)
