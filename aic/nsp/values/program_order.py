"""Every run of every instruction, in program order: loops unrolled, instructions that run ahead at their iteration."""

from collections.abc import Iterator

from xdsl.ir import Block

from dialects.tile.ops import ForOp, InstructionOp


def program_order(
    block: Block, iteration: tuple[int, ...] = (), trips: int = 1
) -> Iterator[tuple[InstructionOp, tuple[int, ...]]]:
    """Every instruction with the loop variables of each time it runs; `trips`: of the innermost loop around the
    block.
    """
    for op in block.ops:
        if isinstance(op, ForOp):
            for i in range(op.count):
                yield from program_order(op.body.block, (*iteration, i), op.count)
        elif isinstance(op, InstructionOp):
            run_for = op.iteration_of(iteration, trips)
            if run_for is not None:
                yield op, run_for
