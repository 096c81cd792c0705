"""The committed reference is what the code says."""

from pathlib import Path

import onnx
import pytest

from tools.docs import main
from tools.reference import pages
from tools.reference.source import field_documentation, refusals

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGES = pages()


class Documented:
    """A class."""

    first = 1
    """The first."""
    second: int
    """The
    second."""
    third = 3


class Nearer(Documented):
    """Its child."""

    first = 2
    """Another first."""


def test_the_pages_are_all_there() -> None:
    assert {path.name for path in REFERENCE.iterdir()} == PAGES.keys()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_says(name: str) -> None:
    committed = (REFERENCE / name).read_text()
    if name == "operators.md" and f"onnx {onnx.__version__}" not in committed:
        pytest.skip("onnx itself defines part of this page, and another release than the page's is installed")
    assert committed == PAGES[name], "the page is out of date: run `python -m tools.docs` and commit docs/reference"


@pytest.mark.parametrize("name", ["options.md", "passes.md", "tile.md"])
def test_every_row_has_a_meaning(name: str) -> None:
    rows = [line for line in PAGES[name].splitlines() if line.startswith("|")]
    assert rows
    assert [line for line in rows if line.endswith("|  |")] == []


def test_the_command_writes_the_pages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "new")]) == 0
    assert {path.name: path.read_text() for path in (tmp_path / "new").iterdir()} == PAGES
    assert main(["a", "b"]) == 1
    assert "usage" in capsys.readouterr().err


def test_strings_under_fields_are_their_documentation() -> None:
    assert field_documentation(Nearer) == {"first": "Another first.", "second": "The second."}


def test_refusals_are_the_messages_of_the_verifier() -> None:
    from dialects.tile.instructions import ForOp

    assert refusals(ForOp) == ["tile.for: .. iterations"]
