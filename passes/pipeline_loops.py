"""`pipeline-loops`: software pipelining of loops that stream.

What a loop fetches from DDR is fetched one iteration ahead: the first part before the loop, then in every iteration the
next one. The buffer gets two slots that the iterations take in turn; so does a buffer from which the loop stores.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.ir import Block, SSAValue

from dialects.module import main_of
from dialects.tile.buffers import AllocOp
from dialects.tile.instructions import FillOp, ForOp
from dialects.tile.transfers import LoadOp, MulticastOp, StoreOp
from passes.rewriting.precision import Precision
from passes.rewriting.program_pass import ProgramPass


@dataclass(frozen=True)
class PipelineLoopsPass(ProgramPass):
    """Fetches one iteration ahead into buffers of two slots."""

    name = "pipeline-loops"
    PRECISION: ClassVar[Precision] = Precision.EXACT

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        _pipeline(main_of(op).body.block, depth=0)


def _pipeline(block: Block, depth: int) -> None:
    for op in list(block.ops):
        if isinstance(op, ForOp):
            _pipeline(op.body.block, depth + 1)
            _rotate(block, op, depth + 1)


def _rotate(outer: Block, loop: ForOp, depth: int) -> None:
    """Two slots for what `loop`, whose body lies in `depth` loops, fetches and stores; fetches go one ahead.

    Buffers whose depth is given stay as they are.
    """
    body = loop.body.block
    fetches = [op for op in body.ops if isinstance(op, LoadOp | MulticastOp) and _rotates(op.target, depth)]
    fetched = {op.target for op in fetches}
    fills = [op for op in body.ops if isinstance(op, FillOp) and op.target in fetched]
    stored = {op.source for op in body.ops if isinstance(op, StoreOp) and _rotates(op.source, depth)}
    for value in (*fetched, *stored):
        if isinstance(value.owner, AllocOp):
            value.owner.properties["depth"] = IntegerAttr(2, i64)
    early = (*fills, *fetches)
    rest = next((op for op in body.ops if op not in early), None)
    for op in early:
        outer.insert_op_before(op.clone(), loop)
        op.properties["ahead"] = IntegerAttr(1, i64)
        if rest is not None:
            op.detach()
            body.insert_op_before(op, rest)


def _rotates(value: SSAValue, depth: int) -> bool:
    """True when a buffer's window moves with the innermost of `depth` loops, and may do so in slots."""
    alloc = value.owner
    return isinstance(alloc, AllocOp) and alloc.depth is None and alloc.window.data.loop_depth == depth
