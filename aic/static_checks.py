"""What a program must keep to before anything of it runs.

A QPC is untrusted, so ceilings come first: what they admit can be enumerated. Then every access of every core in every
iteration lies in its memory, kernels are called as their ops in the graph allow, signals match, transfers keep to what
the DMA takes, what is read was written before and is still there, and nothing races. All of it is exact; each check is
a pass of its own, too.
"""

from xdsl.dialects.builtin import ModuleOp

from passes.check_bounds import check_bounds
from passes.check_buffers import check_buffers
from passes.check_initialized import check_initialized
from passes.check_kernels import check_kernels
from passes.check_races import check_races
from passes.check_signals import check_signals
from passes.check_transfers import check_transfers
from passes.checking.ceilings import exceeded_ceilings
from passes.checking.history import history_of
from passes.checking.problems import refuse
from passes.checking.program import unroll


def check_program(module: ModuleOp) -> None:
    """Raises AicError, naming instructions and nodes, when a scheduled program asks for too much, leaves bounds,
    calls a kernel wrongly, deadlocks, does not end as it began, moves what takes too many descriptors, reads what
    nobody wrote or what was overwritten, or has a race.
    """
    refuse(exceeded_ceilings(module))
    program = unroll(module)
    check_bounds(program)
    check_kernels(program, module)
    check_signals(module)
    history = history_of(program)
    check_transfers(history, target_of(module).hardware)
    check_buffers(history)
    check_initialized(history)
    check_races(history)
