"""Inferences from JSON files: what they say, what is wrong with them, and which specialization they are for."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aic.files.inputs import DataFile, InputFiles, choose_files, load_inputs, read_input_list
from aic.files.json_inputs import read_json_inputs
from aic.tensors import Signature, TensorInfo
from dialects.errors import AicError

FLOAT, TOKENS = np.dtype(np.float32), np.dtype(np.int64)


def written(folder: Path, *inferences: Any) -> Path:
    path = folder / "io.json"
    path.write_text(json.dumps({"IO-files": list(inferences)}))
    return path


def test_the_document_s_own_spelling(tmp_path: Path) -> None:
    path = tmp_path / "io.json"
    path.write_text(
        '{ "IO-files": [ [ {“path”: "in.raw", “dims”:[1,16], “data-type": "uint64_t", “elem-size”: 8, '
        '"io-diretion":["in"]}, {"path": "out.raw", "data-type": "float16", "io-direction": "out"} ] ] }'
    )
    (inference,) = read_json_inputs(path)
    assert inference == InputFiles(
        (DataFile(Path("in.raw"), "in", (1, 16), 8),),
        f"{path}: inference 0",
        (DataFile(Path("out.raw"), "out", None, 2),),
    )


def test_the_element_size_stands_before_the_type(tmp_path: Path) -> None:
    entry = {"path": "a", "data-type": "float", "elem-size": 2, "io-direction": "in"}
    ((file,),) = (each.inputs for each in read_json_inputs(written(tmp_path, [entry])))
    assert file.element_bytes == 2


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (7, "is a number, not an object"),
        ({"path": "a"}, "'io-direction' is missing; it must be 'in' or 'out'"),
        ({"path": "a", "io-direction": "up"}, "'io-direction' is 'up'; it must be 'in' or 'out'"),
        ({"path": "a", "io-direction": ["in", "out"]}, "'io-direction' is a list; it must be 'in' or 'out'"),
        ({"path": "a", "io-direction": "in", "io-diretion": "out"}, "it must be 'in' or 'out'"),
        ({"io-direction": "in"}, "'path' is missing"),
        ({"path": 3, "io-direction": "in"}, "'path' is a number, not text"),
        ({"path": "a", "io-direction": "in", "map-to": 3}, "'map-to' is a number, not text"),
        ({"path": "a", "io-direction": "in", "dims": "1,2"}, "'dims' is '1,2'; it must be a list of sizes"),
        ({"path": "a", "io-direction": "in", "dims": [1, -2]}, "'dims' is [1, -2]; it must be a list of sizes"),
        ({"path": "a", "io-direction": "in", "dims": [True]}, "'dims' is [True]; it must be a list of sizes"),
        ({"path": "a", "io-direction": "in", "data-type": "double"}, "'data-type' is 'double'; there are int, float"),
        ({"path": "a", "io-direction": "in", "elem-size": 3}, "'elem-size' is 3; it must be 1, 2, 4 or 8, in bytes"),
        ({"path": "a", "io-direction": "in", "dim": [1]}, "there is no 'dim'; there are path, dims"),
    ],
)
def test_entries_that_are_wrong_are_named_at_once(entry: object, message: str, tmp_path: Path) -> None:
    good = {"path": "a", "io-direction": "in"}
    path = written(tmp_path, [good, entry], 5)
    with pytest.raises(AicError) as caught:
        read_json_inputs(path)
    text = str(caught.value)
    assert f"\n  {path}: inference 0, file 1" in text
    assert message in text
    assert f"\n  {path}: inference 1 is a number, not a list of files" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", 'not a list of inputs and outputs: expected {"IO-files"'),
        ('{"IO-files": {}}', 'expected {"IO-files"'),
        ('{"IO-files": [], "IO": 1}', 'expected {"IO-files"'),
        ('{"IO-files": []}', "a list of inputs and outputs of no inference"),
        ("{", "not a list of inputs and outputs in JSON"),
    ],
)
def test_files_that_are_no_lists(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "io.json"
    path.write_text(text)
    with pytest.raises(AicError) as caught:
        read_json_inputs(path)
    assert message in str(caught.value)


def signature(name: str, length: int) -> Signature:
    inputs = (
        TensorInfo("ids", TOKENS, (1, length)),
        TensorInfo("scale", FLOAT, (2,)),
        TensorInfo("past", FLOAT, (1, 3)),
    )
    return Signature(name, inputs, (TensorInfo("y", FLOAT, (length,)),), ("past",))


BOTH = [signature("short", 1), signature("long", 4)]


def files(folder: Path, **shapes: tuple[int, ...]) -> dict[str, DataFile]:
    """Raw files of zeros, with their dimensions."""
    found: dict[str, DataFile] = {}
    for name, dims in shapes.items():
        dtype = TOKENS if name == "ids" else FLOAT
        (folder / name).write_bytes(np.zeros(dims, dtype).tobytes())
        found[name] = DataFile(folder / name, "in", dims, dtype.itemsize)
    return found


def test_dimensions_choose_a_specialization(tmp_path: Path) -> None:
    given = files(tmp_path, ids=(1, 4), scale=(2,), past=(1, 3))
    ids, scale, past = given.values()
    out = DataFile(tmp_path / "out", "out", (4,), 4)
    (chosen,) = choose_files([InputFiles((ids, scale, past), "here", (out,))], BOTH)
    assert (chosen.specialization, chosen.outputs) == (1, {"y": tmp_path / "out"})
    assert load_inputs(chosen, BOTH[1])["ids"].shape == (1, 4)
    (chosen,) = choose_files([InputFiles((ids, scale), "here")], BOTH)
    assert list(chosen.inputs) == ["ids", "scale"]


def test_what_stays_on_the_card_may_be_empty(tmp_path: Path) -> None:
    given = files(tmp_path, ids=(1, 1), scale=(2,), past=(0, 3))
    (chosen,) = choose_files([InputFiles(tuple(given.values()), "here")], BOTH)
    assert (chosen.specialization, list(chosen.inputs)) == (0, ["ids", "scale"])


def test_files_that_name_their_inputs_come_in_any_order(tmp_path: Path) -> None:
    given = files(tmp_path, scale=(2,), ids=(1, 1))
    named = tuple(DataFile(f.path, "in", f.dims, f.element_bytes, name) for name, f in given.items())
    (chosen,) = choose_files([InputFiles(named, "here")], BOTH)
    assert {name: path.name for name, path in chosen.inputs.items()} == {"ids": "ids", "scale": "scale"}


def message(inference: InputFiles, signatures: list[Signature]) -> str:
    with pytest.raises(AicError) as caught:
        choose_files([inference], signatures)
    return str(caught.value)


def test_what_does_not_fit_is_named_at_once(tmp_path: Path) -> None:
    ids, scale, past = files(tmp_path, ids=(1, 4), scale=(2,), past=(1, 3)).values()
    small = DataFile(scale.path, "in", (2,), 2)
    missing = DataFile(tmp_path / "none", "in", (1, 3), 4)
    text = message(InputFiles((ids, small, missing), "here", (DataFile(Path("o"), "out", (5,)),)), BOTH[1:])
    assert text.splitlines() == [
        "inputs do not fit the network:",
        f"  here: {tmp_path}/none: there is no such file",
        f"  here: {tmp_path}/scale has elements of 2 bytes, those of 'scale' float32[2] have 4",
        "  here: o is [5]; 'y' float32[4] is expected",
    ]
    text = message(InputFiles((DataFile(ids.path, "in", (1, 7)), scale), "here"), BOTH)
    assert f"here: no specialization takes '{ids.path}' [1, 7], '{scale.path}' [2]; there are:\n  short:" in text
    (tmp_path / "ids").write_bytes(bytes(8))
    text = message(InputFiles((ids, scale, past), "here"), BOTH)
    assert f"here: {tmp_path}/ids has 8 bytes; 'ids' int64[1, 4] takes 32" in text
    wrong = DataFile(scale.path, "in", name="scal")
    assert "there is no input 'scal'; there are 'ids'" in message(InputFiles((wrong,), "here"), BOTH[:1])
    twice = DataFile(scale.path, "in", name="scale")
    assert "input 'scale' has several files" in message(InputFiles((twice, twice), "here"), BOTH[:1])


def test_lists_of_files_say_no_shapes(tmp_path: Path) -> None:
    same = [signature("short", 1), Signature("other", signature("", 1).inputs, ())]
    files(tmp_path, ids=(1, 1), scale=(2,), past=(1, 3))
    listed = tmp_path / "list.txt"
    listed.write_text(f"{tmp_path}/ids,{tmp_path}/scale,{tmp_path}/past\n")
    (inference,) = read_input_list(listed)
    assert "its files do not say their shapes ('dims')" in message(inference, same)
    (chosen,) = choose_files([inference], BOTH)
    assert chosen.specialization == 0
