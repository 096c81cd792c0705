"""What a compilation took: time per phase and pass, and the size of the IR after each phase."""

import sys
from dataclasses import dataclass
from typing import TextIO

from xdsl.dialects.builtin import ModuleOp

from aic.memory_use import MemoryUse, memory_use
from aic.phases import Observer
from dialects.workers import WorkDone

_PLACED = "schedule"
"""The phase after which buffers have their places."""


@dataclass(frozen=True)
class PhaseRow:
    """A phase that has run: its time, and the number of operations after it."""

    phase: str
    seconds: float
    operations: int


@dataclass(frozen=True)
class PassRow:
    """A pass that has run."""

    phase: str
    name: str
    seconds: float


@dataclass(frozen=True)
class WorkRow:
    """Work of a phase that threads have shared."""

    phase: str
    work: WorkDone


class CompileLog(Observer):
    """Collects what phases and passes took, and says it at once as far as `verbosity` asks: 1 phases, 2 passes too."""

    def __init__(self, verbosity: int = 0, stream: TextIO | None = None) -> None:
        self.phases: list[PhaseRow] = []
        self.passes: list[PassRow] = []
        self.works: list[WorkRow] = []
        self._verbosity = verbosity
        self._stream = stream

    def pass_finished(self, phase: str, name: str, seconds: float) -> None:
        self.passes.append(PassRow(phase, name, seconds))
        if self._verbosity >= 2:
            self._say(f"pass {phase}/{name}: {seconds:.3f} s")

    def work_done(self, phase: str, work: WorkDone) -> None:
        self.works.append(WorkRow(phase, work))
        if self._verbosity >= 1:
            self._say(
                f"work {phase}/{work.name}: {work.seconds:.3f} s on {work.threads} threads, {work.parts} parts, "
                f"{work.processor_seconds:.3f} s of processors"
            )

    def phase_finished(self, phase: str, module: ModuleOp, seconds: float) -> None:
        row = PhaseRow(phase, seconds, sum(1 for _ in module.walk()))
        self.phases.append(row)
        if self._verbosity >= 1:
            self._say(f"phase {phase}: {seconds:.3f} s, {row.operations} operations")
            if phase == _PLACED:
                self._say_room(memory_use(module))

    def _say_room(self, memory: MemoryUse) -> None:
        for name, room in (("VTCM per core", memory.vtcm), ("DDR scratch", memory.ddr_scratch)):
            self._say(f"room {name}: {room.taken} bytes, {room.gap:.1%} more than the {room.demand} live at once")

    def table(self) -> str:
        """Times of all phases and their passes, sizes of the IR, and the sum; then what threads have shared of it, with
        the processors' time for it.
        """
        lines = [f"{'phase':<12}{'pass':<36}{'seconds':>9}{'operations':>12}"]
        for row in self.phases:
            lines.append(f"{row.phase:<12}{'':<36}{row.seconds:>9.3f}{row.operations:>12}")
            lines += [f"{'':<12}{each.name:<36}{each.seconds:>9.3f}" for each in self.passes if each.phase == row.phase]
        lines.append(f"{'total':<48}{sum(row.seconds for row in self.phases):>9.3f}")
        if self.works:
            lines.append(f"{'shared by threads':<39}{'threads':>9}{'seconds':>9}{'processor':>12}")
        for row in self.works:
            name, work = f"{row.phase}/{row.work.name}", row.work
            lines.append(f"{name:<39}{work.threads:>9}{work.seconds:>9.3f}{work.processor_seconds:>12.3f}")
        return "\n".join(lines) + "\n"

    def _say(self, line: str) -> None:
        print(line, file=self._stream or sys.stderr)
