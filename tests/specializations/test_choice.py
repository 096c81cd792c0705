"""Which specialization takes inputs, and the state that they share."""

from collections.abc import Mapping

import numpy as np
import pytest

from aic.specializations.choice import choose
from aic.specializations.network import Network
from aic.tensors import Array, Signature, TensorInfo
from dialects.errors import AicError

FLOAT = np.dtype(np.float32)


def signature(name: str, x: int, state: int = 0) -> Signature:
    inputs = [TensorInfo("x", FLOAT, (x,))]
    if state:
        inputs.append(TensorInfo("past", FLOAT, (state,)))
    return Signature(name, tuple(inputs), (TensorInfo("y", FLOAT, (x,)),), ("past",) if state else ())


def test_shapes_choose() -> None:
    both = [signature("small", 2), signature("large", 4)]
    assert [choose(both, {"x": (size,)}) for size in (2, 4)] == [0, 1]


@pytest.mark.parametrize("shapes", [{"x": (3,)}, {"z": (2,)}, {}, {"x": (2,), "z": (2,)}])
def test_shapes_that_none_takes(shapes: Mapping[str, tuple[int, ...]]) -> None:
    with pytest.raises(AicError) as caught:
        choose([signature("small", 2), signature("large", 4)], shapes)
    first, *there_are = str(caught.value).splitlines()
    assert first.startswith("no specialization takes")
    assert there_are == ["  small: 'x' [2]", "  large: 'x' [4]"]


def test_state_may_be_missing_where_it_does_not_matter() -> None:
    both = [signature("prefill", 4, 3), signature("decode", 1, 3)]
    assert choose(both, {"x": (1,)}) == 1
    assert choose(both, {"x": (1,), "past": (3,)}) == 1
    with pytest.raises(AicError, match="no specialization takes"):
        choose(both, {"x": (1,), "past": (2,)})
    with pytest.raises(
        AicError, match=r"2 specializations take 'x' \[1\]; there are:\n  short: 'x' \[1\], 'past' \[3\]"
    ):
        choose([signature("short", 1, 3), signature("long", 1, 5)], {"x": (1,)})


def summing(number: int, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Adds the sum of x to what is kept, and returns what was there."""
    return {"y": inputs["x"] + inputs["past"].sum(), "past_RetainedState": inputs["past"] + inputs["x"].sum()}


def test_specializations_share_the_state_of_equal_shape() -> None:
    network = Network([signature("a", 1, 2), signature("b", 3, 2), signature("c", 5, 4)])
    ones = {size: {"x": np.ones(size, np.float32)} for size in (1, 3, 5)}
    assert network.run(ones[1], summing)["y"].tolist() == [1]
    assert network.run(ones[3], summing)["y"].tolist() == [3, 3, 3]
    assert (network.chosen, network.state["past"].tolist()) == (1, [4, 4])
    assert network.run(ones[5], summing)["y"].tolist() == [1] * 5
    assert network.state["past"].tolist() == [5] * 4
    assert network.run(ones[1], summing).keys() == {"y"}
    assert network.state["past"].tolist() == [5, 5]


def test_state_that_is_given_takes_the_place_of_what_is_kept() -> None:
    network = Network([signature("a", 1, 2)])
    one = np.ones(1, np.float32)
    assert network.run({"x": one, "past": np.full(2, 7, np.float32)}, summing)["y"].tolist() == [15]
    assert network.run({"x": one, "past": np.empty(0, np.float32)}, summing)["y"].tolist() == [17]
    network.reset()
    assert network.run({"x": one}, summing)["y"].tolist() == [1]
