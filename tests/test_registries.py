"""Every dialect and pass is found by its name, and has its test on IR text."""

from pathlib import Path

import pytest
from xdsl.dialects import get_all_dialects as get_upstream_dialects
from xdsl.transforms import get_all_passes as get_upstream_passes
from xdsl.universe import Universe

from dialects import get_all_dialects
from passes import get_all_passes

LIT = Path(__file__).parent / "lit"


@pytest.mark.parametrize("name", get_all_dialects())
def test_dialects(name: str) -> None:
    dialect = get_all_dialects()[name]()
    assert dialect.name == name
    assert all(operation.name.startswith(f"{name}.") for operation in dialect.operations)
    assert all(operation.__doc__ for operation in dialect.operations)


@pytest.mark.parametrize("name", get_all_passes())
def test_passes(name: str) -> None:
    pass_class = get_all_passes()[name]()
    assert pass_class.name == name
    assert pass_class.__doc__
    assert (LIT / "passes" / f"{name}.mlir").is_file()


def test_no_name_is_xdsl_s_own() -> None:
    assert not get_all_dialects().keys() & get_upstream_dialects().keys()
    assert not get_all_passes().keys() & get_upstream_passes().keys()


def test_the_entry_point_makes_xdsl_opt_know_ours() -> None:
    universe = Universe.get_multiverse()
    assert get_all_dialects().keys() <= universe.all_dialects.keys()
    assert get_all_passes().keys() <= universe.all_passes.keys()
