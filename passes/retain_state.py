"""`retain-state`: outputs named `X_RetainedState` stay on the card, and become the inputs `X` of the next inference.

It says so in the program (`aic.retained`), and changes nothing else: which memory an input reads and an output fills is
the business of the runtime, which exchanges the two (`dialects.retained`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Attribute

from dialects.errors import AicError
from dialects.graph.ports import input_ports, output_ports
from dialects.module import main_of
from dialects.retained import SUFFIX, set_retained
from passes.rewriting.precision import Precision
from passes.rewriting.program_pass import ProgramPass


@dataclass(frozen=True)
class RetainStatePass(ProgramPass):
    """Marks inputs that stay on the card. Refuses an output without its input, and one of another type."""

    name = "retain-state"
    PRECISION: ClassVar[Precision] = Precision.EXACT

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        main = main_of(op)
        inputs = {port.name: port.type for port in input_ports(main)}
        outputs = {port.name: port.type for port in output_ports(main)}
        problems = list(_problems(inputs, outputs))
        if problems:
            raise AicError(f"{self.name}: {'; '.join(problems)}")
        set_retained(op, [name for name in inputs if name + SUFFIX in outputs])


def _problems(
    inputs: Mapping[str, TensorType[Attribute]], outputs: Mapping[str, TensorType[Attribute]]
) -> Iterator[str]:
    retained = {name: name.removesuffix(SUFFIX) for name in outputs if name.endswith(SUFFIX)}
    if not retained:
        yield f"no output is named X{SUFFIX}; there are {', '.join(map(repr, outputs))}"
    elif len(retained) == len(outputs):
        yield "all outputs stay on the card: the host would get none"
    for output, name in retained.items():
        if name not in inputs:
            near = get_close_matches(name, inputs, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            yield f"output {output!r} is for an input {name!r}, which the network has not{hint}"
        elif inputs[name] != outputs[output]:
            yield f"input {name!r} is {inputs[name]}, but output {output!r}, which is to become it, {outputs[output]}"
