"""`partition-devices`: one network over several cards, each with the nodes of the model that the user lists for it.

The module says how by `aic.partitions` (`passes.partitioning.configuration`). An operation goes where its node is
listed; one that belongs to no node, such as a change of an input's type, where its result is used. A partition on
several cards is left to `slice-tensors`.

By `aic.auto_partition = 2 : i64` it asks for so many cards instead, peers with as many cores as the module, which take
the operations in their order, such that the slowest is as fast as possible.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.ir import Attribute, Operation

from dialects.channels import Link
from dialects.errors import AicError
from dialects.graph.base import GraphOp
from dialects.graph.locations import node_name, tensor_name
from dialects.module import CORES, DEVICE, MAX_PARTS, cores_of, main_of, target_of
from dialects.tuning import tuning_of
from passes.partitioning.balance import cuts_over_cards
from passes.partitioning.configuration import CONFIGURATION, Configuration, Partition
from passes.partitioning.split import Part, split_program
from passes.rewriting.program_pass import ProgramPass
from passes.slice_tensors import SLICES, Slicing

AUTOMATIC = "aic.auto_partition"
"""Name of the module's attribute that asks for a number of cards."""


@dataclass(frozen=True)
class PartitionDevicesPass(ProgramPass):
    """Divides the program over the cards that its module names; one that names none stays whole."""

    name = "partition-devices"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        cards, wanted = op.attributes.pop(AUTOMATIC, None), op.attributes.pop(CONFIGURATION, None)
        if cards is not None and wanted is not None:
            raise AicError(f"{AUTOMATIC} and {CONFIGURATION} each say which card has what")
        if cards is not None:
            _balance(op, cards)
        if wanted is None:
            return
        configuration = Configuration.of_attribute(wanted)
        problems = list(configuration.problems(target_of(op).hardware.cores))
        if problems:
            raise AicError(f"{CONFIGURATION}: {'; '.join(problems)}")
        partitions = configuration.partitions
        if len(configuration.devices) == 1:  # the network is in one part
            op.attributes[CORES] = IntegerAttr(partitions[0].devices[0].cores, i64)
            return
        ops = [o for o in main_of(op).body.block.ops if isinstance(o, GraphOp)]
        of = assigned(ops, _by_node(partitions))
        empty = [partition.name for n, partition in enumerate(partitions) if n not in of.values()]
        if empty:
            raise AicError(f"{CONFIGURATION}: nothing of {', '.join(map(repr, empty))} is left to compute")
        cycle = find_cycle(of)
        if cycle:
            raise AicError(f"{CONFIGURATION}: partitions wait for each other in a circle: {_told(cycle, partitions)}")

        def parts_link(here: int, there: int) -> Link:
            first, second = (partitions[n].devices[0].number for n in (here, there))
            return configuration.link(first, second)

        split_program(op, [Part(each.name, _attributes(each, configuration)) for each in partitions], of, parts_link)


def _balance(module: ModuleOp, wanted: Attribute) -> None:
    """Divides a program over so many cards by what its operations cost."""
    cards = wanted.value.data if isinstance(wanted, IntegerAttr) else 0
    if not 2 <= cards <= MAX_PARTS:
        raise AicError(f"{AUTOMATIC} = {wanted}: the number of cards is needed, 2 to {MAX_PARTS}")
    ops = [o for o in main_of(module).body.block.ops if isinstance(o, GraphOp)]
    if len(ops) < cards:
        raise AicError(f"{AUTOMATIC}: {len(ops)} operations for {cards} cards; each needs one")
    cores = cores_of(module)
    cuts = cuts_over_cards(ops, cards, cores, target_of(module).hardware, tuning_of(module))
    of: dict[Operation, int] = {o: sum(cut <= n for cut in cuts) for n, o in enumerate(ops)}
    parts = [
        Part(f"Partition{number}", {CORES: IntegerAttr(cores, i64), DEVICE: IntegerAttr(number, i64)})
        for number in range(cards)
    ]
    split_program(module, parts, of, lambda here, there: "p2p")


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


def _told(cycle: Sequence[tuple[int, int, Operation]], partitions: Sequence[Partition]) -> str:
    return ", ".join(
        f"{partitions[there].name!r} needs {tensor_name(op)!r} of {partitions[here].name!r}"
        for here, there, op in cycle
    )


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
