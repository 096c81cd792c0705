"""A network in parts, loaded and ready to run: each part's program, and the mail between them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp

from aic.emission.memory import label_of
from aic.interpreter.parts import Mail, run_parts
from aic.nsp.values.program import Program
from dialects.errors import AicError
from dialects.graph.kernels import Array
from dialects.module import path_of, programs_of
from dialects.tile.ops import TensorOp


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
        given = inputs_of_parts({name: program.plan.inputs for name, program in self.parts.items()}, inputs)
        return run_parts({name: program.start(given[name]) for name, program in self.parts.items()}, self.mail)


def inputs_of_parts(
    tensors: Mapping[str, Sequence[TensorOp]], inputs: Mapping[str, Array]
) -> dict[str, dict[str, Array]]:
    """What of a network's inputs each part takes, given the tensors of parts, by their names. Raises AicError for
    inputs that are missing, and for such as no part takes.
    """
    taken = {name: [label_of(each) for each in found if each.role.data == "input"] for name, found in tensors.items()}
    known = {label for labels in taken.values() for label in labels}
    if set(inputs) != known:
        wrong = ", ".join(sorted(set(inputs) ^ known))
        raise AicError(f"inputs do not fit: {wrong}; the network takes {', '.join(sorted(known))}")
    return {name: {label: inputs[label] for label in labels} for name, labels in taken.items()}
