"""Threads that share work: results in order, as many at once as there are threads, never more ahead than they need."""

import threading
from contextvars import copy_context

import pytest

from dialects.errors import AicError
from dialects.workers import Workers, host_threads, in_order, start, working_threads


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(threads: int) -> None:
    late = threading.Event()

    def work(item: int) -> int:
        if item == 0 and threads > 1:
            late.wait(10)  # the first item ends last
        if item == 1:
            late.set()
        return item * item

    with working_threads(threads) as workers:
        assert list(in_order("squares", work, range(40))) == [item * item for item in range(40)]
        (done,) = workers.take()
        assert (done.name, done.threads, done.parts) == ("squares", threads, 40)
        assert done.seconds > 0
        assert workers.take() == []


def test_threads_work_at_once() -> None:
    meet = threading.Barrier(3, timeout=10)
    with working_threads(3):
        assert len(set(in_order("meeting", lambda item: meet.wait(), range(3)))) == 3


def test_items_are_asked_for_as_they_are_needed() -> None:
    asked: list[int] = []
    with working_threads(2):
        results = in_order("numbers", lambda item: item, (asked.append(n) or n for n in range(1000)))
        assert next(results) == 0
        assert len(asked) < 10
        results.close()  # pyright: ignore[reportAttributeAccessIssue]


def test_an_error_of_the_work_is_raised_where_its_result_is_due() -> None:
    def work(item: int) -> int:
        if item == 3:
            raise AicError("three")
        return item

    taken: list[int] = []
    with working_threads(2), pytest.raises(AicError, match="three"):
        taken.extend(in_order("numbers", work, range(100)))
    assert threading.active_count() == 1 or all(not t.name.startswith("aic") for t in threading.enumerate())


def test_without_surroundings_this_thread_does_it_all() -> None:
    def names() -> set[str]:
        return set(in_order("names", lambda item: threading.current_thread().name, range(4)))

    assert copy_context().run(names) == {threading.current_thread().name}


def test_started_work_goes_on_beside_this_thread() -> None:
    meet = threading.Barrier(2, timeout=10)
    with working_threads(2):
        begun = start(meet.wait)
        meet.wait()
        assert begun.result() in (0, 1)


def test_one_thread_does_started_work_at_once_and_raises_what_it_raises() -> None:
    def fail() -> None:
        raise AicError("at once")

    with working_threads(1):
        assert start(lambda: threading.current_thread().name).result() == threading.current_thread().name
        with pytest.raises(AicError, match="at once"):
            start(fail)
    with working_threads(2), pytest.raises(AicError, match="at once"):
        start(fail).result()


def test_work_of_no_parts_is_no_work() -> None:
    workers = Workers(1)
    assert list(workers.in_order("nothing", str, ())) == []
    assert workers.take() == []


def test_the_host_offers_a_thread() -> None:
    with working_threads(None) as workers:
        assert workers.threads == host_threads() >= 1
