"""What a program must keep to before anything of it runs.

A QPC is untrusted, so ceilings come first: what they admit can be enumerated. Then every access of every core in every
iteration lies in its memory, kernels are called as their ops in the graph allow, signals match, transfers keep to what
the DMA takes, what is read was written before and is still there, and nothing races. All of it is exact; each check is
a pass of its own, too.
"""

from collections.abc import Callable

from xdsl.dialects.builtin import ModuleOp

from dialects.errors import AicError
from dialects.module import target_of
from passes.check_bounds import check_bounds
from passes.check_buffers import check_buffers
from passes.check_initialized import check_initialized
from passes.check_kernels import check_kernels
from passes.check_races import check_races
from passes.check_retained import check_retained
from passes.check_signals import check_signals
from passes.check_transfers import check_transfers
from passes.checking.ceilings import exceeded_ceilings
from passes.checking.history import history_of
from passes.checking.problems import refuse
from passes.checking.program import unroll


def check_program(module: ModuleOp) -> None:
    """Raises AicError, naming instructions and nodes, when a scheduled program asks for too much, leaves bounds,
    calls a kernel wrongly, deadlocks, does not end as it began, moves what takes too many descriptors, reads what
    nobody wrote or what was overwritten, or has a race. One message tells what all checks find, where none needs what
    another one refuses.
    """
    refuse(exceeded_ceilings(module))
    check_retained(module)
    program = unroll(module)
    _run(lambda: check_bounds(program), lambda: check_kernels(program, module), lambda: check_signals(module))
    history = history_of(program)
    _run(
        lambda: check_transfers(history, target_of(module).hardware),
        lambda: check_buffers(history),
        lambda: check_initialized(history),
        lambda: check_races(history),
    )


def _run(*checks: Callable[[], None]) -> None:
    """Raises one AicError of all that checks find."""
    messages: list[str] = []
    for check in checks:
        try:
            check()
        except AicError as error:
            messages.append(str(error))
    if messages:
        raise AicError("\n".join(messages))
