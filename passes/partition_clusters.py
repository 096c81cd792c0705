"""`partition-clusters`: one network over clusters of a card's cores, each with a part of it, as a pipeline.

The module says how by `aic.clusters = {sizes = array<i64: 8, 8>, mos = array<i64: 1, 4>}`: cores per cluster, which
come to those of the module; `mos` per cluster, where it is given. Clusters take the operations in their order, such
that the slowest is as fast as possible; what one makes for a later one passes the card's DDR.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import DenseArrayBase, DictionaryAttr, IntegerAttr, ModuleOp, i64
from xdsl.ir import Attribute, Operation

from dialects.errors import AicError
from dialects.graph.base import GraphOp
from dialects.hardware import Hardware
from dialects.module import CORES, FIRST_CORE, cores_of, main_of, target_of
from dialects.tuning import Tuning, set_tuning, tuning_of
from passes.partitioning.asking import refuse_on_holders
from passes.partitioning.costs import ClusterCosts, costs_on, crossing_bytes
from passes.partitioning.split import Part, split_program
from passes.partitioning.stages import Work, balanced_cuts
from passes.rewriting.precision import Precision
from passes.rewriting.program_pass import ProgramPass

CLUSTERS = "aic.clusters"
"""Name of the module's attribute."""


@dataclass(frozen=True)
class PartitionClustersPass(ProgramPass):
    """Divides the program over the clusters that the module names; one that names none stays whole."""

    name = "partition-clusters"
    PRECISION: ClassVar[Precision] = Precision.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        refuse_on_holders(op, CLUSTERS)
        super().apply(ctx, op)

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        wanted = op.attributes.pop(CLUSTERS, None)
        if wanted is None:
            return
        sizes, mos = _read(wanted)
        problems = [*size_problems(sizes, cores_of(op)), *mos_problems(mos, sizes)]
        if problems:
            raise AicError(f"{CLUSTERS}: {'; '.join(problems)}")
        ops = [o for o in main_of(op).body.block.ops if isinstance(o, GraphOp)]
        if len(ops) < len(sizes):
            raise AicError(f"{CLUSTERS}: {len(sizes)} clusters, but {len(ops)} operations to divide over them")
        tunings = _tunings(op, sizes, mos)
        cuts = balanced_cuts(_work(ops, sizes, tunings, target_of(op).hardware))
        of: dict[Operation, int] = {o: sum(cut <= n for cut in cuts) for n, o in enumerate(ops)}
        split_program(op, _parts(sizes, tunings), of, lambda here, there: "ddr")


def size_problems(sizes: Sequence[int], cores: int) -> list[str]:
    """What is wrong with sizes of clusters on so many cores."""
    problems = [] if len(sizes) in (2, 4) else [f"{len(sizes)} clusters; there can be 2 or 4"]
    if min(sizes, default=1) < 1:
        problems.append(f"a cluster of {min(sizes)} cores")
    if sum(sizes) != cores:
        problems.append(f"clusters of {', '.join(map(str, sizes))} cores have {sum(sizes)}, the network is for {cores}")
    return problems


def mos_problems(mos: Sequence[int], sizes: Sequence[int]) -> list[str]:
    """What is wrong with the tuning value `mos` of clusters of these sizes."""
    if not mos:
        return []
    if len(mos) != len(sizes):
        return [f"mos has {len(mos)} values for {len(sizes)} clusters"]
    return [
        f"mos is {each} for a cluster of {size} cores" for each, size in zip(mos, sizes, strict=True) if each > size
    ]


def clusters(sizes: Sequence[int], mos: Sequence[int] = ()) -> DictionaryAttr:
    """What a module has as `aic.clusters`."""
    values: dict[str, Attribute] = {"sizes": DenseArrayBase.from_list(i64, list(sizes))}
    if mos:
        values["mos"] = DenseArrayBase.from_list(i64, list(mos))
    return DictionaryAttr(values)


def _read(wanted: Attribute) -> tuple[list[int], list[int]]:
    entries = dict(wanted.data) if isinstance(wanted, DictionaryAttr) else {}
    sizes, mos = entries.pop("sizes", None), entries.pop("mos", DenseArrayBase.from_list(i64, []))
    if entries or not isinstance(sizes, DenseArrayBase) or not isinstance(mos, DenseArrayBase):
        raise AicError(f"{CLUSTERS} = {wanted}: expected {{sizes = array<i64: ..>, mos = array<i64: ..>}}")
    return [int(size) for size in sizes.get_values()], [int(each) for each in mos.get_values()]


def _tunings(module: ModuleOp, sizes: Sequence[int], mos: Sequence[int]) -> list[Tuning]:
    """The tuning of each cluster."""
    tuning = tuning_of(module)
    return [replace(tuning, mos=each) for each in mos] if mos else [tuning] * len(sizes)


def _work(ops: Sequence[GraphOp], sizes: Sequence[int], tunings: Sequence[Tuning], hardware: Hardware) -> Work:
    known: dict[tuple[int, Tuning], ClusterCosts] = {}
    for size, tuning in zip(sizes, tunings, strict=True):
        if (size, tuning) not in known:
            known[size, tuning] = costs_on(ops, size, hardware, tuning)
    costs = [known[cluster] for cluster in zip(sizes, tunings, strict=True)]
    return Work(tuple(sizes), costs, crossing_bytes(ops), hardware.ddr_bytes_per_second)


def _parts(sizes: Sequence[int], tunings: Sequence[Tuning]) -> list[Part]:
    parts: list[Part] = []
    for number, (size, tuning) in enumerate(zip(sizes, tunings, strict=True)):
        part = ModuleOp([])
        part.attributes |= {CORES: IntegerAttr(size, i64), FIRST_CORE: IntegerAttr(sum(sizes[:number]), i64)}
        set_tuning(part, tuning)
        parts.append(Part(f"cluster{number}", part.attributes))
    return parts
