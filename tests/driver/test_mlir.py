"""Real MLIR, through IREE's Python bindings, parses and verifies the generic form of every phase's module."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from aic.compiler import lower
from aic.options import options_from_keywords
from aic.phases import PHASE_NAMES
from dialects import create_context
from dialects.text import SourceMap, parse_module, print_module
from tests.models.digits import DIGITS_BN
from tests.models.light import drawn_path


@pytest.fixture(scope="module")
def mlir() -> ModuleType:
    return pytest.importorskip("iree.compiler.ir", reason="iree-base-compiler is not installed (the extra `mlir`)")


@pytest.mark.parametrize("fp16", [False, True])
@pytest.mark.parametrize("network", ["digits", "resnet50"])
def test_mlir_parses_every_phase(mlir: ModuleType, tmp_path: Path, network: str, fp16: bool) -> None:
    model = DIGITS_BN if network == "digits" else drawn_path("resnet50")
    options = options_from_keywords(model=model, aic_num_cores=14, convert_to_fp16=fp16, dump_dir=tmp_path)
    lower(options, PHASE_NAMES[-2])
    texts = sorted(tmp_path.glob("*.mlir"))
    assert [text.name.split(".")[1] for text in texts] == list(PHASE_NAMES[:-1])
    for text in texts:
        module = parse_module(create_context(), SourceMap(text.name, text.read_text()))
        with mlir.Context() as context:
            context.allow_unregistered_dialects = True
            parsed = mlir.Module.parse(print_module(module, generic=True))
            assert parsed.operation.verify(), text.name
            operations = sum(1 for _ in module.walk())
            assert _count(parsed.operation) == operations, text.name


def _count(operation: Any) -> int:
    """Operations in an operation of MLIR, itself included."""
    regions = operation.regions
    return 1 + sum(_count(inner) for region in regions for block in region for inner in block)
