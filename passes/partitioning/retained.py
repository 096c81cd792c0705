"""State that stays on cards, in a program that is to be divided: which arguments and results of it are which state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import ReturnOp
from xdsl.ir import BlockArgument, Operation

from dialects.errors import AicError
from dialects.graph.locations import node_name
from dialects.graph.ports import input_ports, output_ports
from dialects.module import main_of
from dialects.retained import retained_of, retaining


@dataclass(frozen=True)
class ProgramState:
    """The state of a program."""

    becomes: Mapping[int, BlockArgument] = field(default_factory=dict[int, BlockArgument])
    """By the positions of results that stay on the card: the arguments that they are in the next inference."""
    names: Mapping[BlockArgument, str] = field(default_factory=dict[BlockArgument, str])
    """Of these arguments."""

    @staticmethod
    def of(module: ModuleOp) -> "ProgramState":
        """Raises AicError when state is no pair of an input and an output."""
        main, retained = main_of(module), retained_of(module)
        arguments = {port.name: value for port, value in zip(input_ports(main), main.body.block.args, strict=True)}
        results = {port.name: position for position, port in enumerate(output_ports(main))}
        missing = [name for name in retained if name not in arguments or retaining(name) not in results]
        if missing:
            raise AicError(f"{', '.join(map(repr, missing))} stays on the card, but is no input and output")
        return ProgramState(
            {results[retaining(name)]: arguments[name] for name in retained},
            {arguments[name]: name for name in retained},
        )


NO_STATE = ProgramState()


def homes_of(module: ModuleOp, of: Mapping[Operation, int]) -> dict[BlockArgument, int]:
    """The part on whose card each state stays: that which makes the next one, else that which reads it first; the first
    part where neither is. `of`: the part of every op.
    """
    returned, state = cast(ReturnOp, main_of(module).body.block.last_op), ProgramState.of(module)
    homes: dict[BlockArgument, int] = {}
    for position, argument in state.becomes.items():
        maker = returned.operands[position].owner
        readers = [of[use.operation] for use in argument.uses if use.operation in of]
        made = of.get(maker) if isinstance(maker, Operation) else None
        homes[argument] = min(readers, default=0) if made is None else made
    return homes


def stranded_state(module: ModuleOp, of: Mapping[Operation, int], parts: Sequence[str]) -> list[str]:
    """State that one part would read and another one has, each as a sentence. `of`: the part of every op; `parts`:
    their names.
    """
    names = ProgramState.of(module).names
    found: list[str] = []
    for argument, home in homes_of(module, of).items():
        readers = {of[use.operation]: use.operation for use in argument.uses if use.operation in of}
        found += [
            f"{names[argument]!r} is computed by {parts[home]!r}, and read by {parts[part]!r} (node {node_name(op)!r})"
            for part, op in sorted(readers.items(), key=lambda item: item[0])
            if part != home
        ]
    return found
