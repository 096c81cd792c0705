"""A network in parts, loaded and ready to run: each part's program, and the mail between them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp

from aic.interpreter.parts import Mail
from aic.nsp.values.program import Program
from aic.partitions.ports import NetworkPorts, ports_of_parts
from dialects.graph.kernels import Array
from dialects.module import path_of, programs_of


@dataclass(frozen=True)
class PartsProgram:
    """Programs that run side by side; `run` may be called any number of times."""

    ports: NetworkPorts
    parts: Mapping[str, Program]
    mail: Mail

    @staticmethod
    def of(module: ModuleOp, load: Callable[[ModuleOp, Mail], Program]) -> "PartsProgram":
        """The parts that a module holds, each loaded by `load`. Raises AicError as `ports_of_parts`."""
        mail = Mail()
        parts = {path_of(part): load(part, mail) for part in programs_of(module)}
        return PartsProgram(ports_of_parts(module), parts, mail)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs by name for inputs by name, in the types of the model. Raises AicError for inputs that do not fit,
        and where parts wait for each other for ever.
        """
        return self.ports.run(inputs, lambda name, given: self.parts[name].start(given), self.mail)
