"""`check-signals`: a scheduled program never stops before its end, and ends as it began.

It may not deadlock: every run of every instruction starts, in whatever order engines go on and transfers complete
(`checking/signals.py`). And it must quiesce: each signal is raised as often as `aic.signals` declares, and each
transfer raises one. Then a runtime that awaits the totals knows that nothing is in flight, takes them off, and the next
inference starts where this one did. Both are exact.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from dialects.module import SIGNALS, main_of, signals_of
from dialects.text import place
from dialects.tile.attributes import Wait
from dialects.tile.buffers import Engine
from dialects.tile.instructions import InstructionOp
from dialects.tile.program_order import Run, issue_order
from passes.checking.ceilings import exceeded_ceilings
from passes.checking.problems import refuse
from passes.checking.signals import Deadlock, Issue, Need, find_deadlock
from passes.rewriting.program_pass import ProgramPass


@dataclass(frozen=True)
class CheckSignalsPass(ProgramPass):
    """Refuses a program that deadlocks or does not quiesce."""

    name = "check-signals"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        refuse(exceeded_ceilings(op))
        check_signals(op)


def check_signals(module: ModuleOp) -> None:
    """Raises AicError, naming instructions, nodes and signals, when a scheduled program deadlocks or does not quiesce.
    A deadlock is told with the runs that lead to it.
    """
    runs = list(issue_order(main_of(module).body.block))
    instructions = list(dict.fromkeys(run.op for run in runs))
    issues = _issues(runs, instructions)
    deadlock = find_deadlock(issues)
    if deadlock is not None:
        refuse(_stuck_engines(runs, issues, deadlock), f"the program deadlocks on every core {_so_far(runs, deadlock)}")
    refuse(_left_over(instructions, issues, signals_of(module)), "the program does not quiesce")


def _signal(op: InstructionOp) -> int | None:
    return None if op.signal is None else op.signal.value.data


def _issues(runs: Sequence[Run], instructions: Sequence[InstructionOp]) -> list[Issue]:
    """Runs as their queues see them; what is the same for all runs of an instruction is read once."""
    facts: dict[InstructionOp, tuple[Engine, int | None, tuple[Wait, ...]]] = {
        op: (op.engine, _signal(op), op.waited) for op in instructions
    }
    issues: list[Issue] = []
    for op, at, _ in runs:
        engine, signal, waits = facts[op]
        needs = tuple([Need(wait.signal, count) for wait in waits if (count := wait.count.at(at)) > 0])
        issues.append(Issue(engine, signal, needs))
    return issues


# Deadlock.

_FIRST, _LAST = 2, 6
"""Runs that are shown of the beginning and the end of the order that leads to a deadlock."""


def _so_far(runs: Sequence[Run], deadlock: Deadlock) -> str:
    """The order that leads to a deadlock, shortened."""
    names = [_name(runs[n]) for n in deadlock.order]
    if not names:
        return "before anything runs"
    left_out = len(names) - _FIRST - _LAST
    if left_out > 0:
        names[_FIRST:-_LAST] = [f".. {left_out} more .."]
    return f"after {', '.join(names)}"


def _stuck_engines(runs: Sequence[Run], issues: Sequence[Issue], deadlock: Deadlock) -> Iterator[str]:
    """What each engine that cannot go on waits for."""
    started = set(deadlock.order)
    for n in deadlock.blocked:
        for signal, count in issues[n].needs:
            reached = deadlock.reached[signal]
            if reached < count:
                raisers = [m for m, issue in enumerate(issues) if issue.signal == signal]
                following = next((m for m in raisers if m not in started), None)
                if not raisers:
                    why = "no instruction raises it"
                elif following is None:
                    why = "which is its total"
                else:
                    why = f"next would be {_name(runs[following])} in the queue of {issues[following].engine}"
                yield (
                    f"{issues[n].engine}: {_name(runs[n])} waits until signal {signal} is at {count}; "
                    f"it stays at {reached}, {why}"
                )


def _name(run: Run) -> str:
    return f"{place(run.op)} {list(run.at)}" if run.at else place(run.op)


# Quiescence.


def _left_over(
    instructions: Sequence[InstructionOp], issues: Sequence[Issue], declared: Sequence[int]
) -> Iterator[str]:
    """How a program that ends does not end as it began."""
    raised = Counter(issue.signal for issue in issues)
    raisers = _by_signal(instructions)
    for op in instructions:
        if op.signal is None and op.is_asynchronous:
            yield f"{place(op)}: a transfer that raises no signal; nothing tells when it is complete"
    for signal, names in raisers.items():
        if signal >= len(declared):
            yield f"signal {signal}, raised by {names}, is not declared; {SIGNALS} has {len(declared)}"
    for op in instructions:
        for signal in sorted({wait.signal for wait in op.waited if wait.signal >= len(declared)}):
            yield f"{place(op)} waits for signal {signal}, which is not declared; {SIGNALS} has {len(declared)}"
    for signal, total in enumerate(declared):
        if raised[signal] != total:
            fault = "too low" if raised[signal] > total else "too high"
            by = f" by {raisers[signal]}" if signal in raisers else ""
            yield f"signal {signal} is declared to end at {total}, {fault}: it is raised {raised[signal]} times{by}"


def _by_signal(instructions: Sequence[InstructionOp]) -> dict[int, str]:
    """Names of the instructions that raise each signal."""
    names: dict[int, list[str]] = {}
    for op in instructions:
        if op.signal is not None:
            names.setdefault(op.signal.value.data, []).append(place(op))
    return {signal: " and ".join(dict.fromkeys(places)) for signal, places in names.items()}
