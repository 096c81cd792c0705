"""Forms and boxes against arithmetic on every core and iteration."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dialects.tile.boxes import Box, Form, Interval, core_coordinates

MESHES = [(1,), (4,), (16,), (14,), (8, 2), (7, 2), (4, 4), (5, 3), ()]
small = st.integers(-9, 9)
forms = st.builds(
    lambda constant, mesh, loops: Form(constant) + Form(0, mesh, loops),
    small,
    st.lists(small, max_size=2).map(tuple),
    st.lists(small, max_size=2).map(tuple),
)
points = st.tuples(*[st.integers(0, 5)] * 4)


def value(form: Form, point: Sequence[int]) -> int:
    """A form at (m0, m1, i0, i1)."""
    mesh = sum(c * m for c, m in zip(form.mesh, point[:2], strict=False))
    return form.constant + mesh + sum(c * i for c, i in zip(form.loops, point[2:], strict=False))


@given(forms, forms, small, points)
def test_sums_and_multiples(a: Form, b: Form, number: int, point: Sequence[int]) -> None:
    assert value(a + b, point) == value(a, point) + value(b, point)
    assert value(a + number, point) == value(a, point) + number
    assert value(a.times(3), point) == 3 * value(a, point)
    assert value((a.times(6)).times(1, 3), point) == 2 * value(a, point)


@given(forms, small, points)
def test_division_is_refused_unless_exact(form: Form, number: int, point: Sequence[int]) -> None:
    divides = all(c % 4 == 0 for c in (form.constant, *form.mesh, *form.loops))
    try:
        quotient = form.times(1, 4)
    except ValueError:
        assert not divides
    else:
        assert divides
        assert 4 * value(quotient, point) == value(form, point)


@given(forms, st.integers(0, 1), st.integers(0, 3), points)
def test_iterations(form: Form, loop: int, distance: int, point: Sequence[int]) -> None:
    later = list(point)
    later[2 + loop] += distance
    assert value(form.next_iteration(loop, distance), point) == value(form, later)
    fixed = list(point)
    fixed[2 + loop] = distance
    assert value(form.at_iteration(loop, distance), point) == value(form, fixed)


@given(forms, points)
def test_a_positive_form_never_is_negative(form: Form, point: Sequence[int]) -> None:
    assert not form.is_positive or value(form, point) >= 0


@given(forms)
def test_equal_forms_are_written_alike(form: Form) -> None:
    assert form == Form(0) + form
    assert not form.mesh or form.mesh[-1]
    assert not form.loops or form.loops[-1]


bounds = st.lists(forms, min_size=1, max_size=3).map(tuple)
intervals = st.builds(Interval, bounds, bounds)


@given(st.lists(intervals, min_size=1, max_size=3), st.sampled_from(MESHES), st.integers(1, 16), st.data())
def test_boxes(dims: list[Interval], mesh: tuple[int, ...], cores: int, data: st.DataObject) -> None:
    """Bounds, volumes and extents, after each operation, core by core and iteration by iteration."""
    box = without_absent(Box(mesh, tuple(dims)))
    sizes = data.draw(st.tuples(*[st.integers(1, 12)] * len(dims)))
    offsets = data.draw(st.tuples(*[small] * len(dims)))
    trips = (2, 3)
    largest = np.zeros(len(dims), np.int64)
    for iteration in np.ndindex(*trips):
        low, high = brute_bounds(box, cores, iteration)
        assert_bounds(box, cores, iteration, low, high)
        assert_bounds(box.shifted(offsets), cores, iteration, low + offsets, high + offsets)
        assert_bounds(box.clamped(sizes), cores, iteration, np.maximum(low, 0), np.minimum(high, sizes))
        np.testing.assert_array_equal(box.volume(cores, iteration), np.maximum(high - low, 0).prod(axis=1))
        largest = np.maximum(largest, (high - low).max(axis=0))
    assert box.extents(cores, trips) == tuple(largest.tolist())
    if not box.depends_on_core:
        low, high = brute_bounds(box, cores, (0, 0))
        assert (low == low[0]).all()
        assert (high == high[0]).all()


def without_absent(box: Box) -> Box:
    """The box without the coordinates that its mesh does not have."""
    return box.mapped(lambda form: Form(form.constant) + Form(0, form.mesh[: len(box.mesh)], form.loops))


def brute_bounds(box: Box, cores: int, iteration: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    low, high = np.zeros((2, cores, len(box.dims)), np.int64)
    for core in range(cores):
        point = [*coordinates(core, box.mesh), 0, 0][:2] + list(iteration)
        for d, interval in enumerate(box.dims):
            low[core, d] = max(value(form, point) for form in interval.low)
            high[core, d] = min(value(form, point) for form in interval.high)
    return low, high


def coordinates(core: int, mesh: Sequence[int]) -> list[int]:
    """Coordinates of a core: the last axis counts fastest, the first takes what is left."""
    found: list[int] = []
    for size in reversed(mesh[1:]):
        found.insert(0, core % size)
        core //= size
    return [core, *found] if mesh else []


def assert_bounds(box: Box, cores: int, iteration: Sequence[int], low: np.ndarray, high: np.ndarray) -> None:
    got_low, got_high = box.bounds(cores, iteration)
    np.testing.assert_array_equal(got_low, low)
    np.testing.assert_array_equal(got_high, high)


def test_coordinates() -> None:
    for mesh in MESHES:
        expected = [coordinates(core, mesh) for core in range(16)]
        np.testing.assert_array_equal(core_coordinates(16, mesh), np.array(expected).reshape(16, len(mesh)))


def test_text_of_a_box() -> None:
    box = Box((8, 2), (Interval((Form(-1, (7,)), Form(0)), (Form(8, (7,)), Form(56))), Interval.of(0, 3)))
    assert str(box) == "[8, 2] : max(7 m0 - 1, 0) to min(7 m0 + 8, 56), 0 to 3"
    assert str(Form(-2, (-1, 3), (0, 1))) == "-m0 + 3 m1 + i1 - 2"
    assert str(Form(0)) == "0"
