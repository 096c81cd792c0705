"""A network in parts, loaded and ready to run: each part's program, and the mail between them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp

from aic.emission.memory import label_of
from aic.interpreter.parts import Mail, run_parts
from aic.nsp.values.program import Program
from dialects.errors import AicError
from dialects.graph.kernels import Array
from dialects.module import path_of, programs_of


@dataclass(frozen=True)
class PartsProgram:
    """Programs that run side by side; `run` may be called any number of times."""

    parts: Mapping[str, Program]
    mail: Mail

    @staticmethod
    def of(module: ModuleOp, load: Callable[[ModuleOp, Mail], Program]) -> "PartsProgram":
        """The parts that a module holds, each loaded by `load`."""
        mail = Mail()
        return PartsProgram({path_of(part): load(part, mail) for part in programs_of(module)}, mail)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs by name for inputs by name, in the types of the model. Raises AicError for inputs that do not fit,
        and where parts wait for each other for ever.
        """
        known = {label_of(tensor) for program in self.parts.values() for tensor in program.plan.inputs}
        if set(inputs) != known:
            wrong = ", ".join(sorted(set(inputs) ^ known))
            raise AicError(f"inputs do not fit: {wrong}; the network takes {', '.join(sorted(known))}")
        running = {
            name: program.start({label_of(tensor): inputs[label_of(tensor)] for tensor in program.plan.inputs})
            for name, program in self.parts.items()
        }
        return run_parts(running, self.mail)
