"""Output files appear whole or not at all."""

from pathlib import Path

import pytest

from dialects.errors import AicError
from dialects.files import written_aside


def test_the_file_appears_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    with written_aside(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def fail_halfway(path: Path) -> None:
    with written_aside(path) as partial:
        partial.write_text("half")
        raise ZeroDivisionError


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        fail_halfway(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_the_message_names_the_file_asked_for(tmp_path: Path) -> None:
    with (
        pytest.raises(AicError, match=r"cannot write .*missing/x: No such file"),
        written_aside(tmp_path / "missing" / "x") as partial,
    ):
        partial.write_text("new")


def test_a_link_keeps_pointing_to_the_new_file(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("target")
    with written_aside(link) as partial:
        partial.write_text("new")
    assert link.is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def test_what_is_not_a_file_is_written_in_place() -> None:
    with written_aside("/dev/null") as partial:
        assert partial == Path("/dev/null")
    assert Path("/dev/null").is_char_device()
