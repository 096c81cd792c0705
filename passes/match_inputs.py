"""`match-inputs`: a card has the same inputs in every specialization of a network over several cards.

What a card computes for one shape may not need an input that it needs for another. As its programs share one set of
inputs, the program that does not use one takes it all the same. Outputs and state must be the same already.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, FunctionType, ModuleOp
from xdsl.passes import ModulePass

from dialects.errors import AicError
from dialects.graph.ports import Port, input_ports, named, output_ports
from dialects.module import is_over_cards, main_of, network_of, path_of, port_names, programs_of, specializations_of
from dialects.retained import retained_of


@dataclass(frozen=True)
class MatchInputsPass(ModulePass):
    """Adds inputs that programs on a card do not use to those that others use there; refuses outputs and state that
    differ.
    """

    name = "match-inputs"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        networks = specializations_of(op)
        if len(networks) < 2 or not any(map(is_over_cards, networks)):
            return
        for program in programs_of(networks[0]):
            peers = specializations_of(program)
            if len(peers) < len(networks):
                raise AicError(f"{path_of(program)} is not in every specialization")
            _check(peers)
            used = {port.name for peer in peers for port in input_ports(main_of(peer))}
            for peer in peers:
                _add_inputs(peer, used)


def _check(peers: Sequence[ModuleOp]) -> None:
    """Raises AicError when programs for one card give or keep different things."""
    first = peers[0]
    for peer in peers[1:]:
        for what, here, there in (
            ("give", _outputs(peer), _outputs(first)),
            ("keep on the card", retained_of(peer), retained_of(first)),
        ):
            if here != there:
                listed = (", ".join(names) or "nothing" for names in (here, there))
                raise AicError(f"{path_of(peer)} and {path_of(first)} {what} {' and '.join(listed)}")


def _outputs(program: ModuleOp) -> tuple[str, ...]:
    return tuple(port.name for port in output_ports(main_of(program)))


def _add_inputs(program: ModuleOp, used: set[str]) -> None:
    """Gives a program the inputs of these names, in the order of the network."""
    main, network = main_of(program), network_of(program)
    own = input_ports(main)
    if used == {port.name for port in own}:
        return
    known = {port.name: port for part in programs_of(network) for port in input_ports(main_of(part))}
    known |= {port.name: port for port in own}  # a slice of state differs from part to part
    wanted: list[Port] = [known[name] for name in port_names(network, "input") if name in used]
    attributes = dict(zip((port.name for port in own), main.arg_attrs or (), strict=True))
    block = main.body.block
    for position, port in enumerate(wanted):
        if port.name not in attributes:
            block.insert_arg(port.type, position)
            attributes[port.name] = named([port.name]).data[0]
    main.arg_attrs = ArrayAttr([attributes[port.name] for port in wanted])
    main.function_type = FunctionType.from_lists([port.type for port in wanted], main.function_type.outputs.data)
