"""Passes over programs: over the module itself, or over each of the modules in it that hold one."""

from abc import ABC, abstractmethod

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import DiagnosticException

from dialects.errors import AicError
from dialects.module import path_of, programs_of


class ProgramPass(ModulePass, ABC):
    """A pass that rewrites one program at a time, and looks at no other."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for program in programs_of(op):
            try:
                self.apply_to(ctx, program)
            except (AicError, DiagnosticException) as error:
                if program is op:
                    raise
                message = str(error).removeprefix(f"{self.name}: ")
                raise type(error)(f"{self.name}: in {path_of(program)}: {message}") from error

    @abstractmethod
    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrites the program that `op` holds."""
