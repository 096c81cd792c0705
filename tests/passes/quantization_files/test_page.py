"""What docs/quantization-files.md shows as files can be read, and means what it says."""

from pathlib import Path

import pytest

from passes.quantization.files.external import read_external
from passes.quantization.files.node_precision import read_node_precision
from passes.quantization.files.profile import read_profile, write_profile
from tests.docs.documents import Block, blocks

PAGE = Path(__file__).parents[3] / "docs" / "quantization-files.md"


def shown(folder: Path, kind: str) -> list[Path]:
    """The files of a kind that the page shows: of that name in their first line, or JSON."""
    found = [block for block in blocks(PAGE) if kind in (_name(block), block.language)]
    paths = [folder / f"{place}-{kind}" for place in range(len(found))]
    for path, block in zip(paths, found, strict=True):
        path.write_text(block.text)
    return paths


def _name(block: Block) -> str:
    return block.text.partition("\n")[0].removeprefix("# ")


def test_the_page_shows_nothing_else() -> None:
    known = {"profile.yaml", "external_quantization_profile.yaml", "node_precision.yaml"}
    assert {_name(block) for block in blocks(PAGE) if block.language != "json"} == known


def test_the_profile(tmp_path: Path) -> None:
    (path,) = shown(tmp_path, "profile.yaml")
    profile = read_profile(path)
    assert list(profile.records) == ["data", "/stem/Relu_output_0"]
    write_profile(profile, tmp_path / "again.yaml")
    _, *records = path.read_text().split("- NodeOutputName")
    _, *again = (tmp_path / "again.yaml").read_text().split("- NodeOutputName")
    assert [each.removesuffix("...\n") for each in again] == [each.removesuffix("...\n") for each in records[::-1]]


def test_external_quantization(tmp_path: Path) -> None:
    (ours,) = shown(tmp_path, "external_quantization_profile.yaml")
    aimet = shown(tmp_path, "json")
    assert len(aimet) == 2
    for path in (ours, *aimet):
        stem, weight, head = read_external(path).values()
        assert (stem.name, stem.bits, stem.offsets, stem.axis) == ("/stem/Relu_output_0", 8, (-128,), None)
        assert stem.scales == pytest.approx((0.024,))
        assert (weight.name, weight.bits, weight.offsets) == ("stem.weight", 8, (0, 0))
        assert weight.scales == pytest.approx((0.005, 0.0025))
        assert (head.precision, head.bits, head.scales) == ("float16", None, ())


def test_node_precision(tmp_path: Path) -> None:
    paths = shown(tmp_path, "node_precision.yaml")
    assert [read_node_precision(path) for path in paths] == [("/head/Gather_output_0", "109", "conv0")] * 2
