"""Networks that are not imported yet: what a configuration makes of them, and what is refused."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import aic
from aic.importer import ImportFailure, Model, import_opened
from aic.options import options_from_keywords
from aic.specializations.importing import import_network, open_network
from dialects import create_context
from dialects.equality import same_module
from passes.specialize_symbols import SpecializeSymbolsPass
from tests.models.digits import DIGITS_BN, DIGITS_DYN


def configured(folder: Path, entries: Sequence[Any], **keywords: Any) -> Any:
    path = folder / "spec.json"
    path.write_text(json.dumps({"specializations": entries}))
    given = {"model": DIGITS_DYN, "network_specialization_config": path, "weights": folder / "store"}
    return options_from_keywords(**given, to_phase="import", **keywords)


def test_step_by_step_is_the_import(tmp_path: Path) -> None:
    options = configured(tmp_path, [{"batch": "1"}, {"batch": "3", "compile_opts": "-ols=2"}])
    module = open_network(Model.read(DIGITS_DYN), options)
    SpecializeSymbolsPass().apply(create_context(), module)
    import_opened(module, weights_dir=str(tmp_path / "store"))
    assert same_module(module, import_network(DIGITS_DYN, options))


@pytest.mark.parametrize(
    ("entries", "keywords", "message"),
    [
        ([], {}, "0 of them; there must be 1 to 64"),
        ([{"batch": str(n)} for n in range(1, 66)], {}, "65 of them; there must be 1 to 64"),
        ([{"batch": "1"}, {"batch": 1, "compile_opts": "-ols=2"}], {}, r"spec.json: spec1 repeats spec0 \(batch=1\)"),
        ([{"btch": "1"}, {"batch": "1"}], {}, r"spec0 \(btch=1\): the model has no symbol 'btch'; did you mean"),
        ([{"batch": "1"}, {}], {}, r"spec1 \(no symbols\): symbol 'batch' of input 'x', dimension 0, has no value"),
        ([{"batch": "4"}, {"batch": "1"}], {"batchsize": 4}, r"spec1 \(batch=1\): symbol 'batch' is 1, but 4 for all"),
    ],
)
def test_what_is_wrong_with_specializations(
    tmp_path: Path, entries: Sequence[Any], keywords: dict[str, Any], message: str
) -> None:
    with pytest.raises(aic.AicError, match=message):
        import_network(DIGITS_DYN, configured(tmp_path, entries, **keywords))


def test_a_single_shape_says_how_symbols_get_values(tmp_path: Path) -> None:
    options = options_from_keywords(model=DIGITS_DYN, weights=tmp_path / "store", to_phase="import")
    with pytest.raises(aic.AicError, match=r"digits_cnn_dyn.onnx: symbol 'batch' .* no value \(-onnx-define-symbol"):
        import_network(DIGITS_DYN, options)


def test_text_that_does_not_fit_the_model(tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    with pytest.raises(ImportFailure, match=r"input 'x' is tensor<\?x1x8x8xf32>: sizes are open"):
        import_opened(Model.read(DIGITS_DYN).opened(), weights_dir=store)
    options = options_from_keywords(model=DIGITS_BN, weights=tmp_path / "store", to_phase="import")
    imported = import_network(DIGITS_BN, options)
    with pytest.raises(ImportFailure, match="1 programs with 0 models; each must name the same one"):
        import_opened(imported, weights_dir=store)
