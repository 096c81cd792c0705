"""Whether every transfer is one chain of descriptors that the DMA engine can take: on every core, in every run."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from dialects.tile.boxes import Integers
from dialects.tile.descriptors import Limits, Route, descriptor_counts
from dialects.tile.instructions import InstructionOp
from dialects.tile.naming import run_text
from dialects.tile.transfers import TransferOp
from passes.checking.history import History


class LongChain(NamedTuple):
    """A run of a transfer on a core with too many descriptors."""

    run: int
    core: int
    descriptors: int


def find_long_chains(history: History, limits: Limits) -> Iterator[LongChain]:
    """The first run of each transfer that has more descriptors than a chain may have.

    Every transfer writes memory whose accesses are known. What it writes on a core, that core moves; of a multicast,
    the sender alone.
    """
    program, accesses = history.program, history.accesses
    ops = list(dict.fromkeys(run.op for run in program.runs))
    transfers = np.array([isinstance(op, TransferOp) for op in ops], np.bool_)
    moved = np.flatnonzero(accesses.writes & (accesses.starter == accesses.ender))
    moved = moved[transfers[history.instructions[accesses.run[moved]]]]
    numbers, extents = history.instructions[accesses.run[moved]], accesses.high[moved] - accesses.low[moved]
    chains = accesses.run[moved] * program.cores + accesses.starter[moved]
    lengths = np.zeros(len(program.runs) * program.cores, np.int64)
    np.add.at(lengths, chains, _counts(ops, numbers, extents, limits))
    seen: set[InstructionOp] = set()
    for chain in np.flatnonzero(lengths > limits.chain).tolist():
        run, core = divmod(chain, program.cores)
        op = program.runs[run].op
        if op not in seen:
            seen.add(op)
            yield LongChain(run, core, int(lengths[chain]))


def _counts(ops: Sequence[InstructionOp], numbers: Integers, extents: Integers, limits: Limits) -> Integers:
    """Descriptors of each box; those that follow one like them are looked at once."""
    rows = np.concatenate((numbers[:, None], extents), axis=1)
    fresh = np.ones(len(rows), np.bool_)
    fresh[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    routes = [Route.of(op) if isinstance(op, TransferOp) else None for op in ops]
    found: list[int] = []
    for number, *box in rows[fresh].tolist():
        route = routes[number]
        assert route is not None, "only transfers are counted"
        found += descriptor_counts([box[: len(route.source)]], route, limits)
    return np.array(found, np.int64)[np.cumsum(fresh) - 1]


def long_chain_text(history: History, found: LongChain, limits: Limits) -> str:
    """The finding as a sentence."""
    op, at, iteration = history.program.runs[found.run]
    run = run_text(op, found.core, at if iteration is None else iteration)
    source, target = (value.type for value in op.operands)
    return f"{run}: {source} to {target} takes {found.descriptors} descriptors, a transfer may have {limits.chain}"
