"""A network for several shapes over several cards.

The compiler has a module for each shape, and in it one for each card. A QPC has one for each card, and in it one for
each shape, so that what programs of a card share is stored there once.
"""

from collections.abc import Iterator, Sequence

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute

from dialects.errors import AicError
from dialects.module import (
    CORES,
    DEVICE,
    HOLDS,
    INPUTS,
    OUTPUTS,
    TARGET,
    held_by,
    holding,
    path_of,
    port_names,
    programs_of,
    set_symbols,
    specializations_of,
    standing_alone,
    symbols_of,
)
from dialects.retained import retained_of, set_retained

_OF_NETWORKS = (HOLDS, INPUTS, OUTPUTS)
"""Attributes that say what a network is, not a part of it."""


def first_network(module: ModuleOp) -> ModuleOp:
    """The parts for one shape: the first, if there are several.

    Raises AicError when others have other parts, inputs or outputs.
    """
    networks = specializations_of(module)
    first = networks[0]
    for network in networks[1:]:
        for what, own, others in (
            ("inputs", port_names(network, "input"), port_names(first, "input")),
            ("outputs", port_names(network, "output"), port_names(first, "output")),
            ("parts", _parts(network), _parts(first)),
        ):
            if own != others:
                raise AicError(f"{path_of(network)} and {path_of(first)} differ in their {what}")
    return first


def _parts(network: ModuleOp) -> list[tuple[str, Attribute | None, Attribute | None]]:
    return [(_symbol(part), part.attributes.get(DEVICE), part.attributes.get(CORES)) for part in programs_of(network)]


def modules_of_cards(module: ModuleOp) -> Iterator[ModuleOp]:
    """What each card gets: a program, or a module of specializations that holds one for each shape. `module` stays as
    it is.
    """
    several = held_by(module) == "specializations"
    for part in programs_of(first_network(module)):
        yield _of_shapes(module, specializations_of(part)) if several else _without(standing_alone(part), _OF_NETWORKS)


def _of_shapes(module: ModuleOp, parts: Sequence[ModuleOp]) -> ModuleOp:
    inner = [_of_shape(part) for part in parts]
    own = {name: parts[0].attributes[name] for name in (DEVICE, CORES) if name in parts[0].attributes}
    card = holding("specializations", inner, {**module.attributes, **own})
    card.sym_name = parts[0].sym_name
    return card


def _of_shape(part: ModuleOp) -> ModuleOp:
    """A part with what its specialization says, and the name of that."""
    alone, around = part.clone(), part.parent_op()
    while isinstance(around, ModuleOp) and held_by(around) != "specializations":
        alone.attributes = {**around.attributes, **alone.attributes}
        alone.sym_name = around.sym_name
        around = around.parent_op()
    return _without(alone, (*_OF_NETWORKS, DEVICE, CORES))


def _without(module: ModuleOp, names: Sequence[str]) -> ModuleOp:
    for name in names:
        module.attributes.pop(name, None)
    return module


def network_of_cards(skeleton: ModuleOp, cards: Sequence[ModuleOp]) -> ModuleOp:
    """The network whose parts cards hold, each a program or a module of specializations. Programs move into it, in
    place of the empty modules of `skeleton`.

    Raises AicError when cards are for different shapes.
    """
    parts = [specializations_of(card) if held_by(card) == "specializations" else [] for card in cards]
    shapes = [[(each.sym_name, symbols_of(each)) for each in of_card] for of_card in parts]
    for card, own in zip(cards, shapes, strict=True):
        if own != shapes[0]:
            raise AicError(f"{_symbol(card)} and {_symbol(cards[0])} have programs for different shapes")
    if not shapes[0]:
        _fill(skeleton, cards, cards)
        return skeleton
    networks: list[ModuleOp] = []
    for number, (name, symbols) in enumerate(shapes[0]):
        network = skeleton.clone()
        network.sym_name = name
        network.attributes.pop(TARGET, None)
        set_symbols(network, symbols)
        _fill(network, [of_card[number] for of_card in parts], cards)
        networks.append(network)
    module = holding("specializations", networks, {TARGET: skeleton.attributes[TARGET]})
    module.sym_name = skeleton.sym_name
    return module


def _fill(network: ModuleOp, programs: Sequence[ModuleOp], cards: Sequence[ModuleOp]) -> None:
    """Puts programs in place of a network's empty parts; what their cards say, they say themselves."""
    kept = {name for program in programs for name in retained_of(program)}
    if kept:
        set_retained(network, [name for name in port_names(network, "input") if name in kept])
    for inner, program, card in zip(list(network.body.block.ops), programs, cards, strict=True):
        if kept:
            set_retained(program, retained_of(program))
        program.attributes = {**card.attributes, **program.attributes}
        program.attributes.pop(HOLDS, None)
        program.sym_name = card.sym_name
        if program.parent is not None:
            program.detach()
        network.body.block.insert_op_before(program, inner)
        inner.detach()


def _symbol(module: ModuleOp) -> str:
    return "" if module.sym_name is None else module.sym_name.data
