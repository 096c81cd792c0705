"""`pipeline-loops`: software pipelining of loops that stream.

What a loop fetches from DDR is fetched one iteration ahead: the first part before the loop, then in every iteration the
next one. The buffer gets two slots that the iterations take in turn; so does a buffer from which the loop stores. Of
loops in each other, the first part for the inner one comes before the next part for the outer one: it is waited for.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.ir import Block, Operation, SSAValue

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


def _pipeline(block: Block, depth: int) -> set[Operation]:
    """Pipelines the loops of a block in `depth` loops; the fetches of first parts that now stand before them."""
    first: set[Operation] = set()
    for op in list(block.ops):
        if isinstance(op, ForOp):
            first |= _rotate(block, op, depth + 1, _pipeline(op.body.block, depth + 1))
    return first


def _rotate(outer: Block, loop: ForOp, depth: int, inner: set[Operation]) -> set[Operation]:
    """Two slots for what `loop`, whose body lies in `depth` loops, fetches and stores; fetches go one ahead, behind
    `inner`, the first parts for loops within. The fetches of its own first parts.

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
    first = [op.clone() for op in early]
    outer.insert_ops_before(first, loop)
    rest = next((op for op in body.ops if op not in early and op not in inner), None)
    for op in early:
        op.properties["ahead"] = IntegerAttr(1, i64)
        if rest is not None:
            op.detach()
            body.insert_op_before(op, rest)
    return set(first)


def _rotates(value: SSAValue, depth: int) -> bool:
    """True when a buffer's window moves with the innermost of `depth` loops, and may do so in slots."""
    alloc = value.owner
    return isinstance(alloc, AllocOp) and alloc.depth is None and alloc.window.data.loop_depth == depth
