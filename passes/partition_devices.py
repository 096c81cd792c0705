"""`partition-devices`: one network over several cards, each with the nodes of the model that the user lists for it.

The module says how by `aic.partitions` (`passes.partitioning.configuration`). An operation goes where its node is
listed; one that belongs to no node, such as a change of an input's type, where its result is used. A partition on
several cards is left to `slice-tensors`.

By `aic.auto_partition = 2 : i64` it asks for so many cards instead, peers with as many cores as the module, which take
the operations in their order, such that the slowest is as fast as possible.

State that stays on a card (`aic.retained`) is read and written there. Specializations say the same, and are divided
alike: by the same nodes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Attribute, BlockArgument, Operation
from xdsl.passes import ModulePass

from dialects.channels import Link
from dialects.errors import AicError
from dialects.graph.base import GraphOp
from dialects.graph.elementwise import CastOp
from dialects.graph.locations import node_name, tensor_name
from dialects.module import (
    CORES,
    DEVICE,
    MAX_PARTS,
    cores_of,
    main_of,
    programs_of,
    specializations_of,
    target_of,
)
from dialects.quantized.conversion import DequantizeOp, QuantizeOp
from dialects.tuning import tuning_of
from passes.partitioning.asking import refuse_on_holders
from passes.partitioning.balance import cuts_over_cards, seconds_on_card
from passes.partitioning.configuration import CONFIGURATION, Configuration, Partition
from passes.partitioning.retained import stranded_state
from passes.partitioning.split import Links, Part, split_program
from passes.rewriting.precision import Precision
from passes.rewriting.program_pass import errors_in
from passes.slice_tensors import SLICES, Slicing

AUTOMATIC = "aic.auto_partition"
"""Name of the module's attribute that asks for a number of cards."""


@dataclass(frozen=True)
class PartitionDevicesPass(ModulePass):
    """Divides each program over the cards that its module names; one that names none stays whole. Specializations are
    divided alike.
    """

    name = "partition-devices"
    PRECISION: ClassVar[Precision] = Precision.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        refuse_on_holders(op, AUTOMATIC, CONFIGURATION)
        left = list(programs_of(op))
        while left:
            peers = [peer for peer in specializations_of(left[0]) if peer in left]
            left = [program for program in left if program not in peers]
            for program in peers:
                with errors_in(program, self.name):
                    _configure(program)
            automatic = [program for program in peers if AUTOMATIC in program.attributes]
            if automatic:
                self._balance(automatic)

    def _balance(self, programs: Sequence[ModuleOp]) -> None:
        """Divides programs of which one runs at a time by what their operations cost: the nodes of the one that takes
        longest, and the others as it is.
        """
        longest = max(programs, key=_seconds)
        with errors_in(longest, self.name):
            cards = _cards(longest)
            of = _balanced(longest, cards)
        by_node: dict[str, int] = {}
        for op, part in of.items():
            by_node[node_name(op)] = min(part, by_node.get(node_name(op), part))
        for program in programs:
            with errors_in(program, self.name):
                if _cards(program) != cards:
                    raise AicError(f"{AUTOMATIC}: specializations are over the same cards")
                del program.attributes[AUTOMATIC]
                own = of if program is longest else assigned(_ops(program), by_node)
                _split(program, AUTOMATIC, own, _peers(program, cards), lambda here, there: "p2p")


def _configure(program: ModuleOp) -> None:
    """Divides a program as its configuration says, if it has one."""
    wanted = program.attributes.pop(CONFIGURATION, None)
    if wanted is None:
        return
    if AUTOMATIC in program.attributes:
        raise AicError(f"{AUTOMATIC} and {CONFIGURATION} each say which card has what")
    configuration = Configuration.of_attribute(wanted)
    problems = list(configuration.problems(target_of(program).hardware.cores))
    if problems:
        raise AicError(f"{CONFIGURATION}: {'; '.join(problems)}")
    partitions = configuration.partitions
    if len(configuration.devices) == 1:  # the network is in one part
        around = program.parent_op()
        network = around if isinstance(around, ModuleOp) else program
        network.attributes[CORES] = IntegerAttr(partitions[0].devices[0].cores, i64)
        return

    def parts_link(here: int, there: int) -> Link:
        first, second = (partitions[n].devices[0].number for n in (here, there))
        return configuration.link(first, second)

    parts = [Part(each.name, _attributes(each, configuration)) for each in partitions]
    _split(program, CONFIGURATION, assigned(_ops(program), _by_node(partitions)), parts, parts_link)


def _split(program: ModuleOp, said: str, of: Mapping[Operation, int], parts: Sequence[Part], links: Links) -> None:
    """Divides a program by the part of every op, as the attribute `said` asks. Raises AicError where parts would be
    empty, wait for each other, or have each other's state.
    """
    names = [part.name for part in parts]
    empty = [name for n, name in enumerate(names) if n not in of.values()]
    if empty:
        raise AicError(f"{said}: nothing of {', '.join(map(repr, empty))} is left to compute")
    if cycle := find_cycle(of):
        raise AicError(f"{said}: partitions wait for each other in a circle: {_told(cycle, names)}")
    if stranded := stranded_state(program, of, names):
        raise AicError(f"{said}: state stays on the card that computes it, and is read there: {'; '.join(stranded)}")
    split_program(program, parts, of, links)


def _ops(program: ModuleOp) -> list[GraphOp]:
    return [op for op in main_of(program).body.block.ops if isinstance(op, GraphOp)]


def _cards(program: ModuleOp) -> int:
    """Over how many cards a program is to be divided by costs."""
    wanted = program.attributes[AUTOMATIC]
    cards = wanted.value.data if isinstance(wanted, IntegerAttr) else 0
    if not 2 <= cards <= MAX_PARTS:
        raise AicError(f"{AUTOMATIC} = {wanted}: the number of cards is needed, 2 to {MAX_PARTS}")
    return cards


def _seconds(program: ModuleOp) -> float:
    return fsum(seconds_on_card(_ops(program), cores_of(program), target_of(program).hardware, tuning_of(program)))


def _balanced(program: ModuleOp, cards: int) -> dict[Operation, int]:
    """The part of every op. A change of an input's type goes where it is used, of a result's, where it is made."""
    ops = _ops(program)
    if len(ops) < cards:
        raise AicError(f"{AUTOMATIC}: {len(ops)} operations for {cards} cards; each needs one")
    cuts = cuts_over_cards(ops, cards, cores_of(program), target_of(program).hardware, tuning_of(program))
    of: dict[Operation, int] = {op: sum(cut <= n for cut in cuts) for n, op in enumerate(ops)}
    for op in reversed(ops):
        users = [of[use.operation] for use in op.output.uses if use.operation in of]
        if isinstance(op, _CHANGES) and users and isinstance(op.operands[0], BlockArgument):
            of[op] = min(users)
    for op in ops:
        maker = op.operands[0].owner if op.operands else None
        returned = all(isinstance(use.operation, ReturnOp) for use in op.output.uses)
        if isinstance(op, _CHANGES) and returned and isinstance(maker, Operation) and maker in of:
            of[op] = of[maker]
    return of


_CHANGES = (CastOp, QuantizeOp, DequantizeOp)


def _peers(program: ModuleOp, cards: int) -> list[Part]:
    cores = IntegerAttr(cores_of(program), i64)
    return [Part(f"Partition{n}", {CORES: cores, DEVICE: IntegerAttr(n, i64)}) for n in range(cards)]


def _by_node(partitions: Sequence[Partition]) -> dict[str, int]:
    return {node: n for n, partition in enumerate(partitions) for node in partition.nodes or ()}


def assigned(ops: Sequence[Operation], by_node: Mapping[str, int]) -> dict[Operation, int]:
    """The partition of every op, given those of nodes; all in the first where no node is listed."""
    of: dict[Operation, int] = {}
    for op in reversed(ops):
        listed = by_node.get(node_name(op))
        users = [of[use.operation] for result in op.results for use in result.uses if use.operation in of]
        if listed is not None or users:
            of[op] = min(users) if listed is None else listed
    for op in ops:  # what is left is used by nothing but the return
        if op not in of:
            makers = (operand.owner for operand in op.operands)
            made = [of[maker] for maker in makers if isinstance(maker, Operation) and maker in of]
            of[op] = max(made, default=0)
    return of


def find_cycle(of: Mapping[Operation, int]) -> list[tuple[int, int, Operation]]:
    """Edges between partitions that lead back to their start, each with an op whose result passes; none when there are
    none.
    """
    edges: dict[int, dict[int, Operation]] = {}
    for op, here in of.items():
        for use in (use for result in op.results for use in result.uses):
            there = of.get(use.operation, here)
            if there != here:
                edges.setdefault(here, {}).setdefault(there, op)
    return next((path for start in sorted(edges) if (path := _way_back(edges, start))), [])


def _way_back(edges: Mapping[int, Mapping[int, Operation]], start: int) -> list[tuple[int, int, Operation]]:
    """The shortest way from a partition back to it."""
    seen: set[int] = set()
    paths: list[list[tuple[int, int, Operation]]] = [[]]
    while paths:
        longer: list[list[tuple[int, int, Operation]]] = []
        for path in paths:
            here = path[-1][1] if path else start
            for there, op in edges.get(here, {}).items():
                if there == start:
                    return [*path, (here, there, op)]
                if there not in seen:
                    seen.add(there)
                    longer.append([*path, (here, there, op)])
        paths = longer
    return []


def _told(cycle: Sequence[tuple[int, int, Operation]], names: Sequence[str]) -> str:
    return ", ".join(f"{names[there]!r} needs {tensor_name(op)!r} of {names[here]!r}" for here, there, op in cycle)


def _attributes(partition: Partition, configuration: Configuration) -> dict[str, Attribute]:
    first = partition.devices[0]
    if len(partition.devices) == 1:
        return {CORES: IntegerAttr(first.cores, i64), DEVICE: IntegerAttr(first.number, i64)}
    slicing = Slicing(
        [device.number for device in partition.devices],
        [device.cores for device in partition.devices],
        configuration.inner_link(partition),
    )
    return {SLICES: slicing.as_attribute()}
