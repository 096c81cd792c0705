"""`check-channels`: what parts of a network send each other is matched, and they never wait for each other in a circle.

Every channel has one sender and one receiver, which name each other, the same link and the same type; links are what
connects the cards of both; parts on one card have cores of their own.

A part sends and receives in the order of its text. A receive waits for its tensor, a send for a place at the receiver,
of which there are more than one: so a part never waits for a place in the inference that another one must begin first,
and the parts can go on for ever if in one inference each tensor is sent before it is awaited. Counters only grow and
channels have one receiver: one order decides. A verdict comes with that order.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute
from xdsl.passes import ModulePass

from dialects import tile
from dialects.graph.channels import ReceiveOp, SendOp
from dialects.module import cores_of, device_of, first_core_of, held_by, programs_of, specializations_of, target_of
from dialects.text import place
from dialects.tile.channels import ChannelOp
from passes.checking.problems import refuse
from passes.rewriting.program_pass import errors_in

End: TypeAlias = SendOp | ReceiveOp | ChannelOp


@dataclass(frozen=True)
class CheckChannelsPass(ModulePass):
    """Refuses a network whose parts cannot go on together."""

    name = "check-channels"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        check_channels(op)


def check_channels(module: ModuleOp) -> None:
    """Raises AicError, naming parts, channels and nodes. A network that is in one part has no channels. Parts of
    different specializations do not meet.
    """
    networks = specializations_of(module) if held_by(module) == "specializations" else [module]
    for network in networks:
        with errors_in(network, CheckChannelsPass.name):
            _check(network)


def _check(module: ModuleOp) -> None:
    parts = {_name(part): part for part in programs_of(module)}
    ends = {name: [op for op in part.walk() if isinstance(op, End)] for name, part in parts.items()}
    refuse([*_misplaced(module, parts), *_unmatched(parts, ends)])
    refuse(_deadlock(ends))


def _name(part: ModuleOp) -> str:
    return "" if part.sym_name is None else part.sym_name.data


def _sends(end: End) -> bool:
    return isinstance(end, SendOp | tile.SendOp)


def _type(end: End) -> Attribute:
    return (end.input if isinstance(end, SendOp) else end.output if isinstance(end, ReceiveOp) else end.tensor).type


# Places.


def _misplaced(module: ModuleOp, parts: Mapping[str, ModuleOp]) -> Iterator[str]:
    """Parts that do not have names or cores of their own."""
    if not any(held_by(each) == "partitions" for each in module.walk() if isinstance(each, ModuleOp)):
        return
    if len(parts) < len(list(programs_of(module))):
        yield "parts of the network share a name"
    taken: dict[tuple[int, int], str] = {}
    for name, part in parts.items():
        first, available = first_core_of(part), target_of(part).hardware.cores
        if first + cores_of(part) > available:
            yield f"{name}: cores {first} to {first + cores_of(part) - 1}; a card has {available}"
        for core in range(first, first + cores_of(part)):
            other = taken.setdefault((device_of(part), core), name)
            if other != name:
                yield f"{name} and {other} are both on core {core} of device {device_of(part)}"
                break


# Pairs.


def _unmatched(parts: Mapping[str, ModuleOp], ends: Mapping[str, Sequence[End]]) -> Iterator[str]:
    """Channels that do not have two ends which fit each other."""
    senders: dict[int, list[tuple[str, End]]] = {}
    receivers: dict[int, list[tuple[str, End]]] = {}
    for part, found in ends.items():
        for end in found:
            side = senders if _sends(end) else receivers
            side.setdefault(end.channel.number.data, []).append((part, end))
    for number in sorted(senders.keys() | receivers.keys()):
        sent, received = senders.get(number, []), receivers.get(number, [])
        if len(sent) == len(received) == 1:
            yield from _misfits(number, *sent[0], *received[0], parts)
        else:
            where = ", ".join(f"{part} ({place(end)})" for part, end in (*sent, *received))
            yield f"channel {number} is sent {len(sent)} times and received {len(received)} times: {where}"


def _misfits(
    number: int, sender: str, send: End, receiver: str, receive: End, parts: Mapping[str, ModuleOp]
) -> Iterator[str]:
    """What is wrong with the two ends of a channel."""
    out, into = send.channel, receive.channel
    if (out.peer.data, into.peer.data) != (receiver, sender):
        yield (
            f"channel {number}: {sender} sends it to {out.peer.data}, {receiver} receives it from {into.peer.data}: "
            f"{place(send)}"
        )
    if out.kind != into.kind:
        yield f"channel {number}: {sender} sends it by {out.kind}, {receiver} receives it by {into.kind}: {place(send)}"
    if _type(send) != _type(receive):
        yield f"channel {number}: {sender} sends {_type(send)}, {receiver} receives {_type(receive)}: {place(send)}"
    same = device_of(parts[sender]) == device_of(parts[receiver])
    if same != (out.kind == "ddr"):
        where = "one card, which only ddr connects" if same else "two cards, which ddr does not connect"
        yield f"channel {number}: {sender} and {receiver} are on {where}, but its link is {out.kind}"


# Deadlock.


def _deadlock(ends: Mapping[str, Sequence[End]]) -> Iterator[str]:
    """The parts that wait for ever, with what happens before, if some do."""
    left = {part: list(found) for part, found in ends.items()}
    sent: set[int] = set()
    order: list[str] = []
    moved = True
    while moved:
        moved = False
        for part, found in left.items():
            while found and (_sends(found[0]) or found[0].channel.number.data in sent):
                end = found.pop(0)
                number = end.channel.number.data
                if _sends(end):
                    sent.add(number)
                order.append(f"{part} {'sends' if _sends(end) else 'receives'} {number}")
                moved = True
    waiting = [(part, found[0]) for part, found in left.items() if found]
    if waiting:
        yield "deadlock: " + "; ".join(_waits(part, end) for part, end in waiting) + _before(order)


def _waits(part: str, end: End) -> str:
    number, peer = end.channel.number.data, end.channel.peer.data
    return f"{part} ({place(end)}) waits for channel {number} of {peer}, which first waits for another"


def _before(order: Sequence[str]) -> str:
    return f". Before that, {', '.join(order)}" if order else ""
