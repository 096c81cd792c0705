"""Configurations of specializations: what they say, and what is wrong with them."""

import json
from pathlib import Path

import pytest

from aic.specializations.config import read_config
from dialects.errors import AicError
from dialects.tuning import Tuning
from passes.specialize_symbols import Specialization


def written(folder: Path, text: str) -> Path:
    path = folder / "spec.json"
    path.write_text(text)
    return path


def test_the_documents_example(tmp_path: Path) -> None:
    entries = [
        {"batch": "1", "height": "56", "width": "56", "compile_opts": "-ols=1"},
        {"batch": "1", "height": "112", "width": "112", "compile_opts": "-ols 2"},
        {"batch": 2, "height": "56", "width": "56"},
    ]
    found = read_config(written(tmp_path, json.dumps({"specializations": entries})), {})
    assert found == [
        Specialization({"batch": 1, "height": 56, "width": 56}, Tuning(ols=1)),
        Specialization({"batch": 1, "height": 112, "width": 112}, Tuning(ols=2)),
        Specialization({"batch": 2, "height": 56, "width": 56}),
    ]


def test_typographic_quotes_of_the_documents_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, "{“specializations”: [{“batch”: “1”}]}")
    assert read_config(path, {}) == [Specialization({"batch": 1})]


def test_symbols_that_all_have(tmp_path: Path) -> None:
    path = written(tmp_path, '{"specializations": [{"batch": "1"}, {"batch": "2", "height": "8"}]}')
    assert [each.symbols for each in read_config(path, {"height": 8})] == [
        {"height": 8, "batch": 1},
        {"height": 8, "batch": 2},
    ]


LIST = '{"specializations": [%s]}'


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("{", ["not a configuration of specializations in JSON: Expecting property name"]),
        ("[1]", ['expected {"specializations": [{"symbol": "value", ..}, ..]}']),
        ('{"specialization": []}', ['expected {"specializations"']),
        ('{"specializations": [{}], "cores": 3}', ["beside 'specializations' there is 'cores', which means nothing"]),
        (LIST % '{"batch": "1", "batch": "2"}', ["an object names 'batch' twice"]),
        (LIST % '{"batch": NaN}', ["NaN is no number in JSON"]),
        (
            LIST % '{"b": 1.5, "h": "0", "w": "-3", "d": true}, 7, {"b": ["8"], "c": "1e3", "e": null, "f": "٣"}',
            [
                "\n  specialization 0: 'b' is 1.5; a symbol takes a positive integer, such as \"8\"",
                "\n  specialization 0: 'h' is '0';",
                "\n  specialization 0: 'w' is '-3';",
                "\n  specialization 0: 'd' is True;",
                "\n  specialization 1: is a number, not an object of symbols",
                "\n  specialization 2: 'b' is a list;",
                "\n  specialization 2: 'c' is '1e3';",
                "\n  specialization 2: 'e' is null;",
                "\n  specialization 2: 'f' is '٣';",
            ],
        ),
        (
            LIST
            % '{"compile_opts": "-mos=2 -ols=x -aic-num-cores 3"}, {"compile_opts": 3}, {"compile_opts": "-ols=\'"}',
            [
                "specialization 0: 'compile_opts': -mos, -aic-num-cores: only -ols may be given here; "
                "-ols=x: must be an integer",
                "specialization 1: 'compile_opts' is a number, not the text of options",
                "specialization 2: 'compile_opts': \"-ols='\": No closing quotation",
            ],
        ),
        (LIST % '{"compile_opts": "-io-crc model.onnx"}', ["-io-crc, -m: only -ols may be given here"]),
        (LIST % '{"compile_opts": "-ols=0"}', ["-ols=0: must be at least 1"]),
        (LIST % '{"b": "9"}', ["specialization 0: 'b' is 9, but -onnx-define-symbol gives 7 to all"]),
    ],
)
def test_what_is_wrong_is_said_at_once(text: str, messages: list[str], tmp_path: Path) -> None:
    with pytest.raises(AicError) as caught:
        read_config(written(tmp_path, text), {"b": 7} if '"b"' in text else {})
    assert str(caught.value).startswith(f"{tmp_path}/spec.json:")
    for message in messages:
        assert message in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AicError, match="cannot read a configuration of specializations: No such file"):
        read_config(tmp_path / "none.json", {})
