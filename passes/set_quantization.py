"""`set-quantization`: writes into the module how the passes that follow are to quantize it."""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from passes.quantization.settings import Settings, changed, set_settings, settings_of
from passes.rewriting.precision import Precision
from passes.rewriting.program_pass import ProgramPass


@dataclass(frozen=True)
class SetQuantizationPass(Settings, ProgramPass):
    """Sets the settings that are its options; what the module has of others stays. Refuses what is unknown."""

    name = "set-quantization"
    PRECISION: ClassVar[Precision] = Precision.EXACT

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        set_settings(op, changed(settings_of(op), self))
