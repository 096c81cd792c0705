"""Rounding to f16 is what NumPy's conversion does, bit for bit, without its price."""

import numpy as np
import numpy.typing as npt
import pytest

from dialects.rounding import round_to_f16

_RANGES = {
    "any bits": (0, 1 << 32),
    "normal": (0x38800000, 0x47000000),
    "subnormal": (0x33000000, 0x38800000),
    "negative subnormal": (0xB3000000, 0xB8800000),
    "below the least": (0, 0x33800000),
    "around the largest": (0x477FD000, 0x47801000),
}
"""Patterns of f32 bits, from and to."""


def converted(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return values.astype(np.float16).astype(np.float32)


def drawn(what: str) -> npt.NDArray[np.float32]:
    """Random numbers of a range, and as many that are halfway between two f16 values."""
    bits = np.random.default_rng(0).integers(*_RANGES[what], 100_000, np.uint64).astype(np.uint32)
    halfway = (bits & np.uint32(0xFFFFE000)) | np.uint32(0x1000)
    values = np.concatenate([bits, halfway]).view(np.float32)
    return values[~np.isnan(values)]


@pytest.mark.parametrize("what", _RANGES)
def test_rounding_is_the_conversion(what: str) -> None:
    values = drawn(what)
    assert round_to_f16(values).tobytes() == converted(values).tobytes()


def test_nan_and_infinities_stay() -> None:
    values = np.array([np.nan, np.inf, -np.inf, 1.0], np.float32)
    np.testing.assert_array_equal(round_to_f16(values), values)


def test_rounding_in_place_and_into_a_view() -> None:
    values = drawn("normal")[: 40 * 60 * 50].reshape(40, 60, 50)
    expected = converted(values)
    target = np.zeros((40, 64, 50, 2), np.float32)
    round_to_f16(values, target[:, 2:62, :, 1])
    np.testing.assert_array_equal(target[:, 2:62, :, 1], expected)
    assert not target[..., 0].any()
    assert not target[:, :2].any()
    round_to_f16(values, values)
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("shape", [(), (0, 3), (1,)])
def test_small_arrays(shape: tuple[int, ...]) -> None:
    assert round_to_f16(np.full(shape, 0.1, np.float32)).tolist() == converted(np.full(shape, 0.1, np.float32)).tolist()
