"""`fetch-ahead`: constants are fetched from DDR as early as VTCM has room for them, in the order in which they are
used; what another part of the network sends and is fetched again, as early as behind the first fetch of it.

A fetch moves up over the work of earlier layers, so that DDR and the NoC deliver the next weights while the engines
still compute. How far is decided by what is live at every position, and proved by placing the buffers. A tensor of
another part is waited for by the first fetch of it; others of it would only wait for the weights before them.

Tuning (`set-tuning`): `allocator-dealloc-delay` keeps room for buffers beyond their last use; where it is not given, as
much as saves the next fetch from waiting for what had the place before, if most of VTCM can be filled even so.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation

from dialects.module import main_of, target_of
from dialects.tile.buffers import AllocOp, TensorOp
from dialects.tile.channels import ReceiveOp
from dialects.tile.transfers import LoadOp, MulticastOp
from dialects.tuning import tuning_of
from passes.assign_addresses import CHOSEN_DELAY
from passes.rewriting.precision import Precision
from passes.rewriting.program_pass import ProgramPass
from passes.scheduling.buffers import instructions, lives_of
from passes.scheduling.placement import Life, fits

_SHARES = [percent / 100 for percent in range(96, 48, -2)]
"""Shares of VTCM that may be filled by fetching ahead, tried in this order until the buffers can be placed. Even the
least leaves enough to keep DDR at work.
"""

_TRIES = [(share, True) for share in _SHARES] + [(share, False) for share in _SHARES]
"""First such that little is left unused between the buffers, then any way that fits."""

_DELAYED_SHARES = (0.6, 0.7, 0.78, 0.84, 0.9)
"""What is tried first where no delay is given, with the delay that `assign-addresses` then chooses: up to the first
that does not fit, which takes far longer to find out than that one does.
"""


@dataclass(frozen=True)
class FetchAheadPass(ProgramPass):
    """Moves fetches of constants, and repeated ones of received tensors, up as far as VTCM allows."""

    name = "fetch-ahead"
    PRECISION: ClassVar[Precision] = Precision.EXACT

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        hardware, block = target_of(op).hardware, main_of(op).body.block
        ops = list(block.ops)
        lives = lives_of(ops, hardware.vtcm_alignment_bytes)
        fetches = list(_fetches(ops, lives))
        usable, alignment = hardware.vtcm_usable_bytes, hardware.vtcm_alignment_bytes

        def filled(delay: int, share: float, tightly: bool) -> list[Operation] | None:
            delayed = lives_of(ops, alignment, delay)
            order = _ordered(ops, fetches, _earliest(fetches, delayed, int(usable * share)))
            moved = list(lives_of(order, alignment, delay).values())
            return order if fits(moved, usable, alignment, tightly=tightly) else None

        order = _fullest(filled, tuning_of(op).allocator_dealloc_delay)
        if order is not None:
            _reorder(block, order)


def _fullest(filled: Callable[[int, float, bool], list[Operation] | None], delay: int | None) -> list[Operation] | None:
    """The program that fills most of VTCM, of those that `filled` makes for a delay, a share, and whether tightly."""
    delayed = (filled(CHOSEN_DELAY, share, True) for share in _DELAYED_SHARES) if delay is None else ()
    fitting = list(takewhile(lambda order: order is not None, delayed))
    if fitting:
        return fitting[-1]
    tries = (filled(delay or 0, share, tightly) for share, tightly in _TRIES)
    return next((order for order in tries if order is not None), None)


@dataclass(frozen=True)
class Fetch:
    """A transfer at a position of the program, and the buffer that it fills. `after`: what it must stay behind, the
    position of the first fetch of a received tensor; None for a constant.
    """

    position: int
    op: Operation
    buffer: AllocOp
    after: int | None = None


def _fetches(ops: Sequence[Operation], lives: Mapping[AllocOp, Life]) -> Iterator[Fetch]:
    """The transfers that may move up: each the first op to touch the buffer that it fills."""
    first_reads = _first_reads_of_received(ops)
    for position, op in enumerate(ops):
        if not isinstance(op, LoadOp | MulticastOp):
            continue
        tensor, alloc = op.source.owner, op.destination.owner
        if not isinstance(tensor, TensorOp) or not isinstance(alloc, AllocOp) or lives[alloc].first != position:
            continue
        if tensor.value is not None:
            yield Fetch(position, op, alloc)
        elif first_reads.get(tensor, position) < position:
            yield Fetch(position, op, alloc, first_reads[tensor])


def _first_reads_of_received(ops: Sequence[Operation]) -> dict[TensorOp, int]:
    """Where each tensor that another part sends is first read."""
    found: dict[TensorOp, int] = {}
    for position, op in enumerate(ops):
        reading = (each for each in instructions(op) if not isinstance(each, ReceiveOp))
        for tensor in (value.owner for each in reading for value in each.operands):
            if isinstance(tensor, TensorOp) and tensor.role.data == "receive":
                found.setdefault(tensor, position)
    return found


def _earliest(fetches: Sequence[Fetch], lives: Mapping[AllocOp, Life], limit: int) -> list[int]:
    """Earliest positions at which nothing live exceeds `limit` bytes; constants keep their order."""
    occupied = np.zeros(max((life.last for life in lives.values()), default=0) + 1, np.int64)
    for life in lives.values():
        occupied[life.first : life.last + 1] += life.size
    moves: list[int] = []
    constants = 0
    for fetch in fetches:
        size = lives[fetch.buffer].size
        floor = constants if fetch.after is None else fetch.after + 1
        full = np.flatnonzero(occupied[floor : fetch.position] + size > limit)
        floor = floor + int(full[-1]) + 1 if len(full) else floor
        occupied[floor : fetch.position] += size
        constants = floor if fetch.after is None else constants
        moves.append(floor)
    return moves


def _ordered(ops: Sequence[Operation], fetches: Sequence[Fetch], moves: Sequence[int]) -> list[Operation]:
    """The program with declarations first and every fetch before the op at its new position."""
    moving: dict[int, list[Operation]] = {}
    for fetch, target in zip(fetches, moves, strict=True):
        moving.setdefault(target, []).append(fetch.op)
    fetched = {fetch.op for fetch in fetches}
    order: list[Operation] = [op for op in ops if isinstance(op, TensorOp | AllocOp)]
    for position, op in enumerate(ops):
        order += moving.get(position, ())
        if op not in fetched and not isinstance(op, TensorOp | AllocOp):
            order.append(op)
    return order


def _reorder(block: Block, order: Sequence[Operation]) -> None:
    for op in order:
        op.detach()
        block.add_op(op)
