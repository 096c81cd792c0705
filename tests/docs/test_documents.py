"""What README, CONTRIBUTING and the pages of docs/ show is what happens."""

import re
import shutil
from pathlib import Path

import pytest

from tests.docs.documents import WrongDocument, run_page

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKED = [*PAGES, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs" / "reference").glob("*.md"))]
SOURCES = ("aic", "dialects", "passes", "tools", "tests")
_LINK = re.compile(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_happens(page: Path, tmp_path: Path) -> None:
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    run_page(page, tmp_path)


def test_the_guide_for_contributors_works_on_a_copy(tmp_path: Path) -> None:
    for name in SOURCES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    run_page(ROOT / "CONTRIBUTING.md", tmp_path)


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in _LINK.findall(page.read_text()):
        path = page.parent / target if target else page
        assert path.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
            assert anchor[1:] in [_slug(heading) for heading in headings], f"{page.name} links to {target}{anchor}"


def _slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```mlir\nfunc.func @f() {\n```\n", "page.md:1"),
        ("```mlir\nfunc.func @f() {\n  func.return\n}\n```\n\n```console\n$ false\n```\n", "exit code 1"),
        ("```console\n$ echo 12 apples\n13 pears\n```\n", "# pears"),
        ("```console\n$ printf 'b\\na\\n'\na\nb\n```\n", "no line, after"),
        ("```python\nraise SystemExit(3)\n```\n", "exit code 3"),
    ],
)
def test_a_wrong_page_is_found(text: str, message: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(WrongDocument, match=re.escape(message)):
        run_page(page, tmp_path)


def test_a_right_page_passes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```python\n# x/a.py\nprint('12 apples\\nand more\\n1 pear')\n```\n"
        "```diff\n--- a/x/a.py\n+++ b/x/a.py\n@@ -1,2 +1,2 @@\n # x/a.py\n"
        "-print('12 apples\\nand more\\n1 pear')\n+print('7 apples\\nand more\\n1 pear')\n```\n"
        "```console\n$ python x/a.py\n12 ap..s\n...\n2 pear\n```\n"
    )
    run_page(page, tmp_path)
    assert "print('7" in (tmp_path / "x" / "a.py").read_text()
