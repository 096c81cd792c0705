"""The observer that validates passes: over every program of a module by itself."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from aic.phases import Observer
from aic.validation.validator import GivenInputs, PassVerdict, ProgramValidator
from dialects.errors import AicError
from dialects.module import path_of, programs_of, standing_alone
from passes.rewriting.precision import Precision

EMISSION = "the emitted and loaded QPC"
"""What stands in place of a pass's name for the QPC."""


class PassValidator(Observer):
    """Validates every pass, and the emitted QPC, on the same inputs. Raises Drift at the first pass that drifts."""

    def __init__(self, given: GivenInputs | None = None, distribution: str = "gaussian") -> None:
        """Uses the inputs that `given` returns; draws them from the distribution when there is none."""
        self._given = given
        self._distribution = distribution
        self._validators: list[ProgramValidator] = []

    @property
    def verdicts(self) -> list[PassVerdict]:
        """What was found, program by program, in the order of passes."""
        return [verdict for validator in self._validators for verdict in validator.verdicts]

    def between_passes(
        self, phase: str, previous: ModulePass | None, module: ModuleOp, following: ModulePass | None
    ) -> None:
        for program, validator in self._each(module):
            with _named(program):
                validator.between_passes(phase, previous, standing_alone(program), following)

    def qpc_written(self, path: Path) -> None:
        """Compares the QPC, loaded from its file alone, with the module that it was emitted from: equal bits."""
        from aic.load import load_qpc

        loaded = load_qpc(path)
        for program, validator in self._each(loaded.module):
            with _named(program):
                constants = loaded.constants.stored_bytes
                validator.check("emit", EMISSION, Precision.EXACT, standing_alone(program), constants)

    def _each(self, module: ModuleOp) -> Iterator[tuple[ModuleOp, ProgramValidator]]:
        """The programs of a module with their validators, made at first sight."""
        for number, program in enumerate(programs_of(module)):
            if number == len(self._validators):
                self._validators.append(ProgramValidator(self._given, self._distribution))
            yield program, self._validators[number]


@contextmanager
def _named(program: ModuleOp) -> Generator[None]:
    """Errors in the block say of which program they are, where it is one of several."""
    try:
        yield
    except AicError as error:
        path = path_of(program)
        if not path:
            raise
        raise type(error)(f"in {path}: {error}") from error
