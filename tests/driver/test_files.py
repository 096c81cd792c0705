"""Lists of inputs, raw tensors, names of outputs, drawn inputs."""

from pathlib import Path

import numpy as np
import pytest

from aic.files.inputs import InputFiles, choose_files, load_inputs, read_input_list
from aic.files.outputs import file_stems, write_outputs
from aic.files.random_inputs import draw_inputs
from aic.tensors import Signature, TensorInfo
from dialects.errors import AicError
from dialects.quantized.parameters import Parameters

IMAGE = TensorInfo("image", np.dtype(np.float32), (2, 3))
MASK = TensorInfo("mask", np.dtype(np.bool_), (4,))
NETWORK = Signature("", (IMAGE, MASK), ())
TOKENS = TensorInfo("tokens", np.dtype(np.int64), (1, 100))


def test_a_list_has_a_line_per_inference(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("a.raw,b.raw\n\n  c.raw  d.raw \ne.raw, f.raw\n")
    inferences = read_input_list(path)
    assert [[str(file.path) for file in each.inputs] for each in inferences] == [
        ["a.raw", "b.raw"],
        ["c.raw", "d.raw"],
        ["e.raw", "f.raw"],
    ]
    assert inferences[1].origin == f"{path}:3"


def test_raw_files_become_arrays(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    (tmp_path / "a").write_bytes(values.tobytes())
    (tmp_path / "b").write_bytes(bytes([0, 1, 2, 0]))
    (chosen,) = choose_files([InputFiles.of([tmp_path / "a", tmp_path / "b"], "here")], [NETWORK])
    arrays = load_inputs(chosen, NETWORK)
    np.testing.assert_array_equal(arrays["image"], values)
    assert arrays["mask"].tolist() == [False, True, True, False]
    assert arrays["mask"].view(np.uint8).max() == 1


def test_all_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(23))
    files = [InputFiles.of([tmp_path / "a", tmp_path / "none"], "line 1"), InputFiles.of([tmp_path / "a"], "line 2")]
    with pytest.raises(AicError) as caught:
        choose_files(files, [NETWORK])
    assert str(caught.value).splitlines() == [
        "inputs do not fit the network:",
        f"  line 1: {tmp_path}/none: there is no such file",
        f"  line 1: {tmp_path}/a has 23 bytes; 'image' float32[2, 3] takes 24",
        "  line 2: 1 file for 2 inputs: 'image' float32[2, 3], 'mask' bool[4]",
    ]


def test_names_of_outputs_are_safe_and_different() -> None:
    stems = file_stems(["logits", "a/b:0", "a_b_0", "../../etc", "", "x" * 300, "über"])
    assert list(stems.values()) == ["logits", "a_b_0", "a_b_0_1", "_.._etc", "output", "x" * 180, "_ber"]


def test_outputs_are_written_whole(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.float16).reshape(2, 3)
    (written,) = write_outputs(tmp_path, 7, {"a/b": values.T})
    assert written.name == "a_b-activation-0-inf-7.bin"
    assert written.read_bytes() == values.T.tobytes()
    assert list(tmp_path.iterdir()) == [written]


def test_drawn_inputs_are_valid_and_repeatable() -> None:
    first, again, other = (draw_inputs([IMAGE, MASK, TOKENS], "gaussian", seed) for seed in (1, 1, 2))
    for name, values in first.items():
        np.testing.assert_array_equal(values, again[name])
    assert not np.array_equal(first["image"], other["image"])
    assert set(first["tokens"].ravel()) == {0, 1}
    assert (first["image"].dtype, first["mask"].dtype, first["tokens"].dtype) == (np.float32, np.bool_, np.int64)
    pixels = TensorInfo("pixels", np.dtype(np.int8), (500,), Parameters(0.01, -128))
    meant = 0.01 * (draw_inputs([pixels], "uniform", 0)["pixels"] + 128.0)
    assert meant.min() == pytest.approx(0, abs=0.02)
    assert meant.max() == pytest.approx(1, abs=0.02)
    uniform = draw_inputs([IMAGE], "uniform", 0)["image"]
    assert uniform.min() >= 0
    assert uniform.max() < 1
    with pytest.raises(AicError, match="there are uniform, gaussian"):
        draw_inputs([IMAGE], "poisson", 0)
