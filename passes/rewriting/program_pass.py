"""Passes over programs: over the module itself, or over each of the modules in it that hold one."""

from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import contextmanager

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
            with errors_in(program, self.name):
                self.apply_to(ctx, program)

    @abstractmethod
    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrites the program that `op` holds."""


@contextmanager
def errors_in(program: ModuleOp, name: str) -> Generator[None]:
    """Errors of the pass of a name say in which of several programs they are."""
    path = path_of(program)
    try:
        yield
    except (AicError, DiagnosticException) as error:
        if not path:
            raise
        message = str(error).removeprefix(f"{name}: ")
        raise type(error)(f"{name}: in {path}: {message}") from error
