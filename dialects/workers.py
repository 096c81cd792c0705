"""Threads for work during which other threads can run: NumPy on large arrays, digests, files.

How many there are is a matter of the surroundings (`working_threads`), never of a module: they do not decide what comes
out, only when.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_THREADS = 256
"""More than any host's processors can use."""

_AHEAD = 2
"""Results per thread that wait to be taken at most: work goes on while they are used, and memory stays small."""


@dataclass(frozen=True)
class WorkDone:
    """Work that was shared out: the threads that there were for it, its time, and the processor's time for its parts.

    Where the second exceeds the first, threads have saved time.
    """

    name: str
    threads: int
    parts: int
    seconds: float
    processor_seconds: float


@dataclass
class Workers:
    """Some threads, started when they are first needed, and what they have done."""

    threads: int
    done: list[WorkDone] = field(default_factory=list[WorkDone])
    _pool: ThreadPoolExecutor | None = None

    def in_order(self, name: str, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """The results of work on items, in the order of the items, which are asked for one after the other."""
        processor = 0.0
        parts = 0
        start = time.perf_counter()
        for seconds, result in self._timed(work, items):
            processor, parts = processor + seconds, parts + 1
            yield result
        if parts:
            self.done.append(WorkDone(name, self.threads, parts, time.perf_counter() - start, processor))

    def _timed(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[float, Result]]:
        def timed(item: Item) -> tuple[float, Result]:
            start = time.thread_time()
            result = work(item)
            return time.thread_time() - start, result

        if self.threads == 1:
            yield from map(timed, items)
            return
        pool = self._started_pool()
        waiting: deque[Future[tuple[float, Result]]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(timed, item))
                if len(waiting) > _AHEAD * self.threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def start(self, work: Callable[[], Result]) -> Future[Result]:
        """Begins some work on a thread of its own; where there is but one, does it now and raises what it raises."""
        if self.threads > 1:
            return self._started_pool().submit(work)
        done = Future[Result]()
        done.set_result(work())
        return done

    def _started_pool(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.threads, "aic")
        return self._pool

    def take(self) -> list[WorkDone]:
        """What has been done since this was asked last."""
        taken, self.done = self.done, []
        return taken

    def close(self) -> None:
        """Ends the threads."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


_WORKERS: ContextVar[Workers | None] = ContextVar("workers", default=None)


def host_threads() -> int:
    """Threads that the host offers to this process."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(count, MAX_THREADS)


@contextmanager
def working_threads(count: int | None) -> Generator[Workers]:
    """Within the block, shared work is done by so many threads; None: as many as the host offers."""
    workers = Workers(host_threads() if count is None else count)
    token = _WORKERS.set(workers)
    try:
        yield workers
    finally:
        _WORKERS.reset(token)
        workers.close()


def in_order(name: str, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """The results of work on items, in the order of the items; by the surrounding threads, else by this one."""
    return (_WORKERS.get() or Workers(1)).in_order(name, work, items)


def start(work: Callable[[], Result]) -> Future[Result]:
    """Begins some work on a surrounding thread; where there is but this one, does it now and raises what it raises."""
    return (_WORKERS.get() or Workers(1)).start(work)
