"""`partition-devices`: one network over several cards, each with the nodes of the model that the user lists for it.

The module says how by `aic.partitions` (`passes.partitioning.configuration`). An operation goes where its node is
listed; one that belongs to no node, such as a change of an input's type, where its result is used. A partition on
several cards is left to `slice-tensors`.

By `aic.auto_partition = 4 : i64` it asks for so many cards instead, peers with as many cores as the module. Then costs
decide whether they form a pipeline, work on slices, or both (`passes.partitioning.arrangements`): what gives most
inferences per second or, by `aic.auto_objective = "latency"`, each of them soonest.

State that stays on a card (`aic.retained`) is read and written there. Specializations say the same, and are divided
alike: by the same nodes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr, i64
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
from passes.partitioning.arrangements import Arrangement, arrangements, best_of, seconds_on_card
from passes.partitioning.asking import refuse_on_holders
from passes.partitioning.configuration import CONFIGURATION, Configuration, Partition
from passes.partitioning.objectives import OBJECTIVES, Objective
from passes.partitioning.retained import stranded_state
from passes.partitioning.split import Links, Part, split_program
from passes.rewriting.precision import Precision
from passes.rewriting.program_pass import errors_in
from passes.slice_tensors import SLICES, Slicing

AUTOMATIC = "aic.auto_partition"
"""Name of the module's attribute that asks for a number of cards."""
OBJECTIVE = "aic.auto_objective"
"""Name of the module's attribute that says what these are for; throughput where it is not there."""
_THROUGHPUT = StringAttr(OBJECTIVES[0])


@dataclass(frozen=True)
class PartitionDevicesPass(ModulePass):
    """Divides each program over the cards that its module names; one that names none stays whole. Specializations are
    divided alike.
    """

    name = "partition-devices"
    PRECISION: ClassVar[Precision] = Precision.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        refuse_on_holders(op, AUTOMATIC, OBJECTIVE, CONFIGURATION)
        left = list(programs_of(op))
        while left:
            peers = [peer for peer in specializations_of(left[0]) if peer in left]
            left = [program for program in left if program not in peers]
            for program in peers:
                with errors_in(program, self.name):
                    _configure(program)
            automatic = [program for program in peers if AUTOMATIC in program.attributes]
            if automatic:
                self._arrange(automatic)

    def _arrange(self, programs: Sequence[ModuleOp]) -> None:
        """Divides programs of which one runs at a time by what their operations cost: the nodes of the one that takes
        longest, and the others as it is.
        """
        with errors_in(longest := longest_of(programs), self.name):
            chosen = chosen_arrangement(longest)
            of = _staged(chosen, ops_of(longest))
        asked = _asked(longest)
        by_node: dict[str, int] = {}
        for op, part in of.items():
            by_node[node_name(op)] = min(part, by_node.get(node_name(op), part))
        for program in programs:
            with errors_in(program, self.name):
                if _asked(program) != asked:
                    raise AicError(f"{AUTOMATIC}: specializations are over the same cards, and for the same objective")
                for name in (AUTOMATIC, OBJECTIVE):
                    program.attributes.pop(name, None)
                configuration = Configuration.arranged(chosen, cores_of(program))
                parts = [Part(each.name, _attributes(each, configuration)) for each in configuration.partitions]
                own = of if program is longest else assigned(ops_of(program), by_node)
                _split(program, AUTOMATIC, own, parts, lambda here, there: "p2p")


def _configure(program: ModuleOp) -> None:
    """Divides a program as its configuration says, if it has one."""
    wanted = program.attributes.pop(CONFIGURATION, None)
    if OBJECTIVE in program.attributes and AUTOMATIC not in program.attributes:
        raise AicError(f"{OBJECTIVE} needs {AUTOMATIC}, the number of cards")
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
    _split(program, CONFIGURATION, assigned(ops_of(program), _by_node(partitions)), parts, parts_link)


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


def ops_of(program: ModuleOp) -> list[GraphOp]:
    """The ops of a program that are divided, in their order."""
    return [op for op in main_of(program).body.block.ops if isinstance(op, GraphOp)]


def longest_of(programs: Sequence[ModuleOp]) -> ModuleOp:
    """The program that takes longest, by costs on a card of its own."""

    def seconds(program: ModuleOp) -> float:
        hardware = target_of(program).hardware
        return fsum(seconds_on_card(ops_of(program), cores_of(program), hardware, tuning_of(program)))

    return max(programs, key=seconds) if len(programs) > 1 else programs[0]


def chosen_arrangement(program: ModuleOp) -> Arrangement:
    """How the cards that a program asks for by their number are to work together.

    Raises AicError where it asks wrongly, or no way is possible.
    """
    wanted, objective = _asked(program)
    cards = wanted.value.data if isinstance(wanted, IntegerAttr) else 0
    if not 2 <= cards <= MAX_PARTS:
        raise AicError(f"{AUTOMATIC} = {wanted}: the number of cards is needed, 2 to {MAX_PARTS}")
    aims: dict[StringAttr, Objective] = {StringAttr(each): each for each in OBJECTIVES}
    if not isinstance(objective, StringAttr) or objective not in aims:
        raise AicError(f"{OBJECTIVE} = {objective}: it is none of {', '.join(OBJECTIVES)}")
    ops, hardware = ops_of(program), target_of(program).hardware
    found = list(arrangements(ops, cards, cores_of(program), hardware, tuning_of(program)))
    if not found:
        why = "too few for a pipeline, and slices would not be faster"
        raise AicError(f"{AUTOMATIC}: {len(ops)} operations for {cards} cards: {why}")
    return best_of(found, aims[objective])


def _asked(program: ModuleOp) -> tuple[Attribute | None, Attribute]:
    """What a program says of cards: how many, and what for."""
    return program.attributes.get(AUTOMATIC), program.attributes.get(OBJECTIVE, _THROUGHPUT)


def _staged(chosen: Arrangement, ops: Sequence[GraphOp]) -> dict[Operation, int]:
    """The stage of every op, whether it has a node or not, as on text. A change of an input's type goes where it is
    used, of a result's, where it is made.
    """
    of: dict[Operation, int] = {op: chosen.stage_of(n) for n, op in enumerate(ops)}
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
