"""The observer that validates passes: over every network of a module by itself, its parts together."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from aic.nsp.values.memory import Constants
from aic.phases import Observer
from aic.validation.levels import networks_of
from aic.validation.validator import GivenInputs, NetworkValidator, PassVerdict
from dialects.errors import AicError
from dialects.module import path_of, standing_alone
from passes.rewriting.precision import Precision

EMISSION = "the emitted and loaded QPC"
"""What stands in place of a pass's name for the QPC."""


class PassValidator(Observer):
    """Validates every pass, and the emitted QPC, on the same inputs. Raises Drift at the first pass that drifts."""

    def __init__(self, given: GivenInputs | None = None, distribution: str = "gaussian") -> None:
        """Uses the inputs that `given` returns; draws them from the distribution when there is none."""
        self._given = given
        self._distribution = distribution
        self._validators: list[NetworkValidator] = []

    @property
    def verdicts(self) -> list[PassVerdict]:
        """What was found, network by network, in the order of passes."""
        return [verdict for validator in self._validators for verdict in validator.verdicts]

    def between_passes(
        self, phase: str, previous: ModulePass | None, module: ModuleOp, following: ModulePass | None
    ) -> None:
        for network, validator in self._each(module):
            with _named(network):
                validator.between_passes(phase, previous, network, following)

    def qpc_written(self, path: Path) -> None:
        """Compares the QPC, loaded from its file alone, with the module that it was emitted from: equal bits."""
        from aic.partitions.opening import open_network

        opened = open_network(path)

        def constants(program: ModuleOp) -> Constants:
            return partial(opened.stored, program)

        for network, validator in self._each(opened.module):
            with _named(network):
                validator.check("emit", EMISSION, Precision.EXACT, standing_alone(network), constants)

    def _each(self, module: ModuleOp) -> Iterator[tuple[ModuleOp, NetworkValidator]]:
        """The networks of a module with their validators, made at first sight."""
        for number, network in enumerate(networks_of(module)):
            if number == len(self._validators):
                self._validators.append(NetworkValidator(self._given, self._distribution))
            yield network, self._validators[number]


@contextmanager
def _named(network: ModuleOp) -> Generator[None]:
    """Errors in the block say of which network they are, where it is one of several."""
    try:
        yield
    except AicError as error:
        path = path_of(network)
        if not path:
            raise
        raise type(error)(f"in {path}: {error}") from error
