"""The queues of all engines of all cores, taken in an order that is drawn: cores ahead of each other, engines fast and
slow, transfers late and out of order, as far as signals and waits allow.
"""

from collections import Counter, deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from random import Random

from xdsl.ir import Operation

from aic.nsp.checked.machine import Machine
from aic.nsp.checked.ordering import Ordering, Past
from aic.nsp.checked.runs import ChannelRun, MulticastRun, Run
from dialects.errors import AicError
from dialects.module import SIGNALS
from dialects.tile.buffers import Engine
from dialects.tile.naming import run_text
from dialects.tile.program_order import Run as Issued

ENGINES: tuple[Engine, ...] = ("dma", "hmx", "hvx")
_SPREAD = 3.0
"""Powers of ten between the slowest and the fastest of what goes on."""


@dataclass
class _Queue:
    """The queue of an engine of a core."""

    core: int
    engine: Engine
    turns: Sequence[int]
    start_speed: float
    """How likely it goes on next, compared with others."""
    end_speed: float
    """How likely what it has started ends next."""
    next: int = 0
    past: Past = 0
    """What the next run comes after, apart from what it waits for."""
    flying: list[int] = field(default_factory=list[int])
    """Runs that have started and not ended."""
    at_work: bool = False
    """Whether one of them must end before the next starts."""

    @property
    def may_go_on(self) -> bool:
        """True when there is a next run and the queue lets it start."""
        return self.next < len(self.turns) and not self.at_work


def run_together(parts: Mapping[str, "Queues"], seed: int) -> None:
    """Takes the queues of programs that run side by side to their end, each at a pace that the seed draws.

    Raises AicError at a fault, at a deadlock, and when signals do not end as declared; of several parts it names which.
    """
    random = Random(seed)
    speeds = {name: 10 ** random.uniform(0, _SPREAD) for name in parts}
    going = dict(parts)
    while going:
        name = _go_on(going, speeds, random)
        if name is None:
            heads = [f"\n  {_named(name, head)}" for name, part in going.items() for head in part.blocked()]
            raise AicError("the program deadlocks:" + "".join(heads))
        if going[name].left == 0:
            with of_part(name):
                going.pop(name).finish()


def _go_on(going: Mapping[str, "Queues"], speeds: Mapping[str, float], random: Random) -> str | None:
    """Lets one of the parts go on: its name, None when none can."""
    names = list(going)
    while names:
        (name,) = random.choices(names, [speeds[name] for name in names])
        with of_part(name):
            if going[name].step():
                return name
        names.remove(name)
    return None


@contextmanager
def of_part(name: str) -> Generator[None]:
    """Errors in the block say which part they are of, where it has a name."""
    try:
        yield
    except AicError as error:
        raise type(error)(_named(name, str(error))) from error


def _named(name: str, text: str) -> str:
    return f"{name}: {text}" if name else text


class Queues:
    """One execution of a program."""

    def __init__(self, machine: Machine, issued: Sequence[Issued], totals: Sequence[int], seed: int) -> None:
        self._machine, self._issued, self._totals, self._random = machine, issued, totals, Random(seed)
        self._cores = machine.memory.cores
        self._ordering = machine.memory.watcher = Ordering(self._cores)
        self._awaited = {(wait.signal, wait.count.at(run.at)) for run in issued for wait in run.op.waited}
        self._counters = [dict[int, list[Past]]() for _ in range(self._cores)]
        """Per core and signal, what had ended when the counter reached 1, 2, .."""
        self._runs: dict[int, Run] = {}
        self._has_read: set[tuple[int, int]] = set()
        self._ended: Counter[int] = Counter()
        """On how many cores a run has ended that has not on all."""
        self._in_order: dict[tuple[Operation, int], deque[int]] = {}
        """Of each transfer instruction on each core, the runs that have not ended."""
        self._latest: dict[tuple[Operation, int], Past] = {}
        """Of each transfer instruction on each core, what had ended when its latest run had."""
        self._queues = [self._queue(core, engine) for core in range(self._cores) for engine in ENGINES]
        self.left = 2 * len(issued) * self._cores
        """Starts and ends of runs that are to come."""

    def _queue(self, core: int, engine: Engine) -> _Queue:
        turns = [turn for turn, run in enumerate(self._issued) if run.op.engine == engine]
        start, end = (10 ** self._random.uniform(0, _SPREAD) for _ in range(2))
        return _Queue(core, engine, turns, start, end)

    def step(self) -> bool:
        """Lets one run start or end. False when none can. Raises AicError at a fault."""
        try:
            went_on = self._step()
        except (ValueError, IndexError) as error:
            # A kernel that works on what was never written may find it out of range.
            raise self._machine.memory.doubt or error from error
        self.left -= went_on
        return went_on

    def finish(self) -> None:
        """Checks what is left when all runs have ended. Raises AicError for what was read and never written, and when
        signals do not end as declared.
        """
        if self._machine.memory.doubt is not None:
            raise self._machine.memory.doubt
        self._refuse_totals()

    def _step(self) -> bool:
        starting = [queue for queue in self._queues if queue.may_go_on]
        ending = [queue for queue in self._queues if queue.flying]
        choices = [(queue, self._start, queue.start_speed) for queue in starting]
        choices += [(queue, self._end, queue.end_speed) for queue in ending]
        while choices:
            (at,) = self._random.choices(range(len(choices)), [speed for *_, speed in choices])
            queue, act, _ = choices.pop(at)
            if act(queue):
                return True
        return False

    def _start(self, queue: _Queue) -> bool:
        """Starts the next run of a queue, if what it waits for holds."""
        turn = queue.turns[queue.next]
        past = self._past(turn, queue)
        if past is None:
            return False
        op, _, iteration = self._issued[turn]
        self._ordering.started(turn, queue.core, past)
        queue.past = past
        queue.next += 1
        queue.flying.append(turn)
        queue.at_work = not op.is_asynchronous
        if op.is_asynchronous:
            self._in_order.setdefault((op, queue.core), deque()).append(turn)
        if iteration is not None and turn not in self._runs:
            self._runs[turn] = self._machine.run(op, iteration, turn)
        if not op.is_asynchronous or self._random.random() < 0.5:
            self._read(turn, queue.core)
        return True

    def _past(self, turn: int, queue: _Queue) -> Past | None:
        """What had ended before a run starts; None when something that it waits for does not hold."""
        past = queue.past
        for wait in self._issued[turn].op.waited:
            count = wait.count.at(self._issued[turn].at)
            for core in range(self._cores) if wait.everywhere else (queue.core,):
                pasts = self._counters[core].get(wait.signal, ())
                if count > len(pasts):
                    return None
                if count > 0:
                    past |= pasts[count - 1]
        return past

    def _end(self, queue: _Queue) -> bool:
        """Ends a run that a queue has started, whichever can."""
        for turn in self._random.sample(queue.flying, len(queue.flying)):
            if self._can_end(turn, queue):
                self._finish(turn, queue)
                return True
        return False

    def _can_end(self, turn: int, queue: _Queue) -> bool:
        op = self._issued[turn].op
        if op.is_asynchronous and self._in_order[op, queue.core][0] != turn:
            return False
        match self._runs.get(turn):
            case MulticastRun() as run:
                return self._ordering.has_started(turn, run.sender(queue.core))
            case ChannelRun() as run:
                return run.awaits(queue.core) is None
            case _:
                return True

    def _finish(self, turn: int, queue: _Queue) -> None:
        op, core, run = self._issued[turn].op, queue.core, self._runs.get(turn)
        self._read(turn, core)
        if run is not None:
            run.write(core)
        past = self._ordering.past(turn, core) | 1 << self._ordering.number(turn, core)
        if isinstance(run, MulticastRun):
            past |= self._ordering.past(turn, run.sender(core))
        if op.is_asynchronous:
            past |= self._latest.get((op, core), 0)
            self._latest[op, core] = past
            self._in_order[op, core].popleft()
        else:
            queue.past, queue.at_work = past, False
        queue.flying.remove(turn)
        self._raise(op.signal.value.data if op.signal is not None else None, core, past)
        self._forget(turn, core)

    def _read(self, turn: int, core: int) -> None:
        run = self._runs.get(turn)
        if run is not None and (turn, core) not in self._has_read:
            self._has_read.add((turn, core))
            run.read(core)

    def _raise(self, signal: int | None, core: int, past: Past) -> None:
        if signal is not None:
            pasts = self._counters[core].setdefault(signal, [])
            pasts.append(past if (signal, len(pasts) + 1) in self._awaited else 0)

    def _forget(self, turn: int, core: int) -> None:
        self._has_read.discard((turn, core))
        self._ended[turn] += 1
        if self._ended[turn] == self._cores:
            del self._ended[turn]
            self._runs.pop(turn, None)
            self._ordering.forget(turn)

    def blocked(self) -> Iterator[str]:
        """What the queues that cannot go on wait for, and what has not come."""
        for queue in self._queues:
            for turn in queue.flying:
                run = self._runs.get(turn)
                channel = run.awaits(queue.core) if isinstance(run, ChannelRun) else None
                if channel is not None:
                    op, at, _ = self._issued[turn]
                    name = f"{queue.engine}: {run_text(op, queue.core, at)}"
                    yield f"{name} waits for {channel.peer.data} on channel {channel.number.data}"
        for queue in self._queues:
            if queue.may_go_on:
                op, at, _ = self._issued[queue.turns[queue.next]]
                name = f"{queue.engine}: {run_text(op, queue.core, at)}"
                yield from (f"{name} waits until {need}" for need in self._unmet(queue))

    def _unmet(self, queue: _Queue) -> Iterator[str]:
        op, at, _ = self._issued[queue.turns[queue.next]]
        for wait in op.waited:
            count = wait.count.at(at)
            cores = range(self._cores) if wait.everywhere else (queue.core,)
            low = [core for core in cores if len(self._counters[core].get(wait.signal, ())) < count]
            for core in islice(low, 1):
                reached = len(self._counters[core].get(wait.signal, ()))
                yield f"signal {wait.signal} is at {count} on core {core}, where it stays at {reached}"

    def _refuse_totals(self) -> None:
        """Raises AicError when signals end elsewhere than the program declares; undeclared ones may not be raised."""
        for core, counters in enumerate(self._counters):
            for signal in sorted({*range(len(self._totals)), *counters}):
                declared = self._totals[signal] if signal < len(self._totals) else 0
                reached = len(counters.get(signal, ()))
                if reached != declared:
                    raise AicError(f"signal {signal} ends at {reached} on core {core}; {SIGNALS} declares {declared}")
