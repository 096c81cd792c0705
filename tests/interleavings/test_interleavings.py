"""What the checks say of programs is what trying every interleaving of them shows."""

import re
from dataclasses import dataclass
from functools import cache

from xdsl.dialects.builtin import ModuleOp

from dialects.errors import AicError
from dialects.text import print_module
from passes.check_races import check_races
from passes.check_signals import check_signals
from passes.checking.history import history_of
from passes.checking.program import unroll
from tests.interleavings.exploration import Outcome, explore
from tests.interleavings.machine import Machine, machine_of
from tests.interleavings.programs import draw_program

FAULTY, CORRECT = range(400), range(400, 520)


@dataclass(frozen=True)
class Tried:
    """A program and what can happen to it."""

    module: ModuleOp
    machine: Machine
    outcome: Outcome

    @staticmethod
    def of(module: ModuleOp) -> "Tried":
        machine = machine_of(module)
        return Tried(module, machine, explore(machine))

    @property
    def verdict(self) -> str:
        if self.outcome.deadlocks:
            return "deadlocks"
        return "quiesces" if self.outcome.quiesces else "does not quiesce"


@cache
def tried(seeds: range, *, faults: bool) -> list[Tried]:
    return [Tried.of(draw_program(seed, faults=faults)) for seed in seeds]


def everything() -> list[Tried]:
    return tried(FAULTY, faults=True) + tried(CORRECT, faults=False)


def checked(module: ModuleOp) -> tuple[str, str]:
    """What check-signals decides, and its message."""
    try:
        check_signals(module)
    except AicError as error:
        return "deadlocks" if "deadlocks" in str(error) else "does not quiesce", str(error)
    return "quiesces", ""


def raced(module: ModuleOp) -> str:
    """What check-races decides."""
    try:
        check_races(history_of(unroll(module)))
    except AicError as error:
        verdicts = {"has races": "races", "stops before its end": "stops", "cannot be checked": "undecided"}
        return next(verdict for text, verdict in verdicts.items() if text in str(error))
    return "fine"


def test_check_signals_never_disagrees() -> None:
    for program in everything():
        assert checked(program.module)[0] == program.verdict, print_module(program.module)


def test_check_races_never_disagrees() -> None:
    """It refuses to decide only where several instructions raise a signal."""
    undecided = 0
    for program in everything():
        runs, outcome = program.machine.runs, program.outcome
        verdict = raced(program.module)
        if verdict == "undecided":
            undecided += 1
            raisers = {(run.signal, run.op) for run in runs if run.signal is not None}
            assert len(raisers) > len({signal for signal, _ in raisers}), print_module(program.module)
        else:
            expected = "stops" if outcome.deadlocks else "races" if outcome.races else "fine"
            assert verdict == expected, print_module(program.module)
    assert undecided <= 0.1 * len(everything())


def test_all_executions_of_a_program_end_alike() -> None:
    """What `check-signals` rests on: one run decides."""
    assert {len(program.outcome.ends) for program in everything()} == {1}


def test_a_deadlock_is_told_with_what_counters_reach() -> None:
    told = re.compile(r"signal (\d+) is at (\d+); it stays at (\d+)")
    for program in everything():
        if program.outcome.deadlocks:
            ((_, complete),) = program.outcome.ends
            found = told.findall(checked(program.module)[1])
            assert found
            for signal, wanted, reached in found:
                for core in range(program.machine.cores):
                    raised = [
                        n for n, run in enumerate(program.machine.runs) if (run.core, run.signal) == (core, int(signal))
                    ]
                    assert sum(complete >> n & 1 for n in raised) == int(reached) < int(wanted)


def test_drawn_programs_are_faulty_in_every_way() -> None:
    programs = tried(FAULTY, faults=True)
    verdicts = [program.verdict for program in programs]
    races = sum(bool(program.outcome.races) for program in programs)
    fine = sum(program.verdict == "quiesces" and not program.outcome.races for program in programs)
    assert min(verdicts.count("deadlocks"), verdicts.count("does not quiesce"), races, fine) >= 0.15 * len(programs)
    assert sum(program.machine.cores == 2 for program in programs) >= 0.4 * len(programs)


def test_programs_that_insert_waits_makes_are_fine() -> None:
    for program in tried(CORRECT, faults=False):
        assert program.verdict == "quiesces", print_module(program.module)
        assert not program.outcome.races, print_module(program.module)
