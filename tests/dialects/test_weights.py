"""The weight store on its way through several processes."""

import json
import resource
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp, StringAttr, TensorType, f16

from dialects import weights
from dialects.aic import WeightAttr
from dialects.errors import AicError
from dialects.weights import STORE_ATTRIBUTE, WeightStore, as_stored, drop_store, move_store, open_store, store_of

FIRST = np.arange(6, dtype=np.float32).reshape(2, 3)
SECOND = np.array([1, -2, 3], np.int64)
STATM = Path("/proc/self/statm")


def reopened(folder: Path) -> WeightStore:
    """The store as another process finds it."""
    drop_store(str(folder))
    return open_store(str(folder))


def test_every_save_keeps_what_earlier_ones_wrote(tmp_path: Path) -> None:
    store = WeightStore(str(tmp_path))
    first = store.add(FIRST)
    store.save(tmp_path)

    store = reopened(tmp_path)
    second = store.add(SECOND)
    assert store.unsaved == [second]
    store.save(tmp_path)
    store.save(tmp_path)

    store = reopened(tmp_path)
    assert store.unsaved == []
    np.testing.assert_array_equal(store.stored(first), FIRST)
    np.testing.assert_array_equal(store.stored(second), SECOND)


def test_a_saved_folder_may_move(tmp_path: Path) -> None:
    store = WeightStore("")
    key = store.add(FIRST)
    (tmp_path / "model.bin").write_bytes(SECOND.tobytes())
    mapped = store.map_tensor(tmp_path / "model.bin", 0, SECOND.dtype, SECOND.shape)
    store.save(tmp_path / "old")
    (tmp_path / "old").rename(tmp_path / "new")

    store = reopened(tmp_path / "new")
    np.testing.assert_array_equal(store.stored(key), FIRST)
    np.testing.assert_array_equal(store.stored(mapped), SECOND)


@pytest.mark.skipif(not STATM.is_file(), reason="the system does not tell memory there")
def test_weights_of_a_file_are_not_held(tmp_path: Path) -> None:
    """Reading 256 MB of weights, one after the other, takes the memory of one."""
    count, size = 64, 1 << 22
    with (tmp_path / "model.bin").open("wb") as file:
        file.truncate(count * size)
    store = WeightStore("")
    keys = [store.map_tensor(tmp_path / "model.bin", n * size, FIRST.dtype, (size // 4,)) for n in range(count)]
    before = _resident_bytes()
    for key in keys:
        assert not store.stored(key).any()
        assert _resident_bytes() - before < 8 * size
    assert store.stored_shape(keys[0]) == (size // 4,)
    assert store.stored_dtype(keys[0]) == np.float32


def _resident_bytes() -> int:
    pages = int(STATM.read_text().split()[1])
    return pages * resource.getpagesize()


def test_the_same_arrays_give_the_same_files(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        store = WeightStore("")
        store.add(FIRST)
        store.add(SECOND)
        store.save(tmp_path / folder)
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_what_is_in_the_folder_is_not_written_again(tmp_path: Path) -> None:
    for array in (FIRST, FIRST, SECOND):
        store = WeightStore("")
        store.add(array)
        store.save(tmp_path)
    assert sorted(file.name for file in tmp_path.glob("*.bin")) == ["weights-0.bin", "weights-1.bin"]
    assert len(reopened(tmp_path).entries) == 2


def test_a_module_takes_its_store_to_another_folder() -> None:
    module = ModuleOp([], {STORE_ATTRIBUTE: StringAttr("here")})
    key = store_of(module).add(FIRST)
    move_store(module, "there")
    assert store_of(module).folder == "there"
    np.testing.assert_array_equal(store_of(module).stored(key), FIRST)
    assert open_store("here").arrays == {}


def test_a_tensor_of_the_model_is_not_copied(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(bytes(16) + FIRST.tobytes())
    store = WeightStore("")
    key = store.map_tensor(model, 16, FIRST.dtype, FIRST.shape)
    store.save(tmp_path / "store")
    assert [file.name for file in (tmp_path / "store").iterdir()] == ["index.json"]
    np.testing.assert_array_equal(reopened(tmp_path / "store").stored(key), FIRST)


@pytest.mark.parametrize("text", ["", "[1]", '{"k": {}}', json.dumps({"k": {"file": "x", "offset": 0, "dtype": "q"}})])
def test_a_damaged_index_is_one_message(tmp_path: Path, text: str) -> None:
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(AicError, match="not a valid index"):
        reopened(tmp_path)


def test_a_file_that_is_too_short_is_one_message(tmp_path: Path) -> None:
    store = WeightStore("")
    key = store.add(FIRST)
    store.save(tmp_path)
    (tmp_path / "weights-0.bin").write_bytes(b"")
    with pytest.raises(AicError, match="cannot read 6 x float32 at 0"):
        reopened(tmp_path).stored(key)


def test_a_folder_that_cannot_be_made_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AicError, match="weight store"):
        WeightStore("").save(tmp_path / "file" / "store")


@pytest.mark.parametrize("shape", [(), (8,), (2, 4)])
def test_only_finite_values_beyond_fp16_are_clamped(shape: tuple[int, ...]) -> None:
    wide = np.array([65519, 65520, 1e30, -1e30, np.inf, -np.inf, np.nan, 1 / 3], np.float32)
    expected = np.array([65504, 65504, 65504, -65504, np.inf, -np.inf, np.nan, 1 / 3], np.float16)
    store, tensor = WeightStore(""), TensorType(f16, shape)
    for value, result in zip(wide, expected, strict=True) if shape == () else [(wide, expected)]:
        handle = WeightAttr.of(store.add(np.asarray(value)), tensor)
        wanted = np.asarray(result).reshape(shape)
        np.testing.assert_array_equal(store.stored_bytes(handle).reshape(shape), wanted)
        np.testing.assert_array_equal(store.held(handle), wanted.astype(np.float32))


def test_values_are_clamped_through_a_permutation() -> None:
    store = WeightStore("")
    handle = WeightAttr.of(store.add(np.array([[1e9, 2, 3], [4, 5, -1e9]])), TensorType(f16, (3, 2)), (1, 0))
    assert store.stored_bytes(handle).tolist() == [[65504, 4], [2, 5], [3, -65504]]


@pytest.mark.parametrize("shape", [(), (0, 3), (7,), (5, 4, 3)])
def test_parts_are_the_whole(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_PART_ELEMENTS", 6)
    store = WeightStore("parts")
    key = store.add(np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape))
    for order in ((), tuple(reversed(range(len(shape))))):
        seen = tuple(shape[d] for d in order) if order else shape
        constant = WeightAttr.of(key, TensorType(f16, seen), order)
        parts = b"".join(as_stored(part, constant.type.element_type).tobytes() for part in store.parts(constant))
        assert parts == store.stored_bytes(constant).tobytes()


def test_boxes_are_views_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(SECOND.tobytes())
    store = WeightStore("")
    made, mapped = store.add(FIRST), store.map_tensor(tmp_path / "model.bin", 0, SECOND.dtype, SECOND.shape)
    columns = store.add_section(made, ((0, 2), (1, 3)))
    corner = store.add_section(columns, ((1, 2), (1, 2)))
    last = store.add_section(mapped, ((2, 3),))
    assert (columns, corner) == (f"{made}[:, 1:3]", f"{made}[1:2, 2:3]")
    assert store.add_section(columns, ((0, 2), (0, 2))) == columns
    assert np.shares_memory(store.stored(columns), store.stored(made))
    store.save(tmp_path / "store")
    assert (tmp_path / "store" / "weights-0.bin").stat().st_size == 64  # FIRST alone, padded
    for each in (store, reopened(tmp_path / "store")):
        np.testing.assert_array_equal(each.stored(columns), FIRST[:, 1:])
        np.testing.assert_array_equal(each.stored(corner), FIRST[1:, 2:])
        np.testing.assert_array_equal(each.stored(last), SECOND[2:])
        assert (each.stored_shape(columns), each.stored_dtype(last)) == ((2, 2), np.int64)


def test_a_box_that_the_array_does_not_have_is_one_message(tmp_path: Path) -> None:
    store = WeightStore("")
    columns = store.add_section(store.add(FIRST), ((0, 2), (1, 3)))
    store.save(tmp_path)
    index = tmp_path / "index.json"
    known = json.loads(index.read_text())
    known[columns]["box"][1][1] = 7
    index.write_text(json.dumps(known))
    with pytest.raises(AicError, match=r"there is no box \(\(0, 2\), \(1, 7\)\)"):
        reopened(tmp_path).stored(columns)
