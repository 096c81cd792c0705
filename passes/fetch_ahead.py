"""`fetch-ahead`: constants are fetched from DDR as early as VTCM has room for them, in the order in which they are
used.

A fetch moves up over the work of earlier layers, so that DDR and the NoC deliver the next weights while the engines
still compute. How far is decided by what is live at every position, and proved by placing the buffers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation
from xdsl.passes import ModulePass

from dialects.module import main_of, target_of
from dialects.tile.ops import AllocOp, LoadOp, MulticastOp, TensorOp
from passes.scheduling.buffers import lives_of
from passes.scheduling.placement import Life, place

_SHARES = (0.95, 0.85, 0.7, 0.5)
"""Shares of VTCM that may be filled by fetching ahead, tried in this order until the buffers can be placed."""


@dataclass(frozen=True)
class FetchAheadPass(ModulePass):
    """Moves fetches of constants up as far as VTCM allows."""

    name = "fetch-ahead"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        hardware, block = target_of(op).hardware, main_of(op).body.block
        ops = list(block.ops)
        lives = lives_of(block, hardware.vtcm_alignment_bytes)
        fetches = [
            Fetch(position, op, alloc)
            for position, op in enumerate(ops)
            if (alloc := _fetched_buffer(op, position, lives)) is not None
        ]
        moves = _settled(fetches, lives, hardware.vtcm_usable_bytes, hardware.vtcm_alignment_bytes)
        _hoist_declarations(block, ops)
        moving = {fetch.op for fetch in fetches}
        for fetch, target in zip(fetches, moves, strict=True):
            before = next(o for o in ops[target:] if o not in moving and not isinstance(o, TensorOp | AllocOp))
            fetch.op.detach()
            block.insert_op_before(fetch.op, before)


@dataclass(frozen=True)
class Fetch:
    """A transfer of a constant at a position of the program, and the buffer that it fills."""

    position: int
    op: Operation
    buffer: AllocOp


def _fetched_buffer(op: Operation, position: int, lives: Mapping[AllocOp, Life]) -> AllocOp | None:
    """The buffer that a transfer fills with a constant as the first to touch it; None for any other op."""
    if not isinstance(op, LoadOp | MulticastOp) or not isinstance(op.source.owner, TensorOp):
        return None
    alloc = op.destination.owner
    if op.source.owner.value is None or not isinstance(alloc, AllocOp):
        return None
    return alloc if lives[alloc].first == position else None


def _settled(fetches: Sequence[Fetch], lives: Mapping[AllocOp, Life], capacity: int, alignment: int) -> list[int]:
    """The position before which each fetch goes: the earliest that fits, for the largest share that can be placed."""
    for share in _SHARES:
        moves = _earliest(fetches, lives, int(capacity * share))
        moved = dict(lives)
        for fetch, target in zip(fetches, moves, strict=True):
            moved[fetch.buffer] = replace(moved[fetch.buffer], first=target)
        if place(list(moved.values()), capacity, alignment)[1] <= capacity:
            return moves
    return [fetch.position for fetch in fetches]


def _earliest(fetches: Sequence[Fetch], lives: Mapping[AllocOp, Life], limit: int) -> list[int]:
    """Earliest positions, in the order of the fetches, at which nothing live exceeds `limit` bytes."""
    occupied = np.zeros(max((life.last for life in lives.values()), default=0) + 1, np.int64)
    for life in lives.values():
        occupied[life.first : life.last + 1] += life.size
    moves: list[int] = []
    floor = 0
    for fetch in fetches:
        size = lives[fetch.buffer].size
        full = np.flatnonzero(occupied[floor : fetch.position] + size > limit)
        floor = floor + int(full[-1]) + 1 if len(full) else floor
        occupied[floor : fetch.position] += size
        moves.append(floor)
    return moves


def _hoist_declarations(block: Block, ops: Sequence[Operation]) -> None:
    """Puts declarations of tensors and buffers first, so that fetches may go anywhere after them."""
    first = next((op for op in ops if not isinstance(op, TensorOp | AllocOp)), None)
    if first is None:
        return
    for op in ops:
        if isinstance(op, TensorOp | AllocOp):
            op.detach()
            block.insert_op_before(op, first)
