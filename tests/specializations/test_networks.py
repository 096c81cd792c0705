"""Networks for several shapes in one QPC, against a QPC for each shape alone."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest

import aic
from aic.load import validate_qpc
from aic.qpc.container import CONSTANTS, NETWORK_ELF, open_container
from aic.qpc.packing import describe
from aic.validation import PassValidator
from tests.models import reference, symbolic
from tests.models.cache import kept
from tests.models.digits import DIGITS_DYN
from tests.models.reference import FP16_BOUND, FP32_BOUND, relative_error
from tests.qpc import independent_reader

Symbols = Mapping[str, int]
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Specialized:
    """A network, the symbols of its specializations, and inputs for each."""

    model: Path
    symbols: Sequence[Symbols]
    inputs: Sequence[Arrays]

    def compiled(self, folder: Path, **options: Any) -> aic.Qpc:
        """One QPC for all."""
        return aic.compile(self.model, network_specialization_config=self.config(folder), **options)

    def config(self, folder: Path) -> Path:
        path = folder / "spec.json"
        entries = [{name: str(value) for name, value in each.items()} for each in self.symbols]
        path.write_text(json.dumps({"specializations": entries}))
        return path


@cache
def resnet18() -> Specialized:
    draw, sizes = np.random.default_rng(0), ((1, 56, 56), (1, 112, 112), (2, 56, 84))
    return Specialized(
        kept(symbolic.resnet18(), "resnet18_symbolic"),
        [{"batch": batch, "height": height, "width": width} for batch, height, width in sizes],
        [{"image": draw.standard_normal((n, 3, h, w)).astype(np.float32)} for n, h, w in sizes],
    )


@cache
def bert() -> Specialized:
    draw, lengths = np.random.default_rng(0), (8, 16, 33, 48)
    inputs: list[Arrays] = []
    for length in lengths:
        mask = (np.arange(length) < length - 2).astype(np.int64)[None]
        inputs.append({"input_ids": draw.integers(0, 96, (1, length)), "attention_mask": mask})
    symbols = [{"batch": 1, "sequence": length} for length in lengths]
    return Specialized(kept(symbolic.bert(symbolic.Sizes(heads=8)), "bert_symbolic"), symbols, inputs)


def sizes_of(qpc: aic.Qpc) -> dict[str, int]:
    with open_container(qpc.path) as segments:
        return {name: len(segment.data) for name, segment in segments.items()}


@pytest.mark.parametrize("make", [resnet18, bert], ids=["resnet18", "bert"])
def test_one_file_for_all_is_as_good_as_one_for_each(make: Any, tmp_path: Path) -> None:
    """Constants are stored once, and nothing else differs."""
    network: Specialized = make()
    options: dict[str, Any] = {"aic_num_cores": 4, "convert_to_fp16": True}
    qpc = network.compiled(tmp_path, **options)
    assert not validate_qpc(qpc.path).findings
    read: Any = independent_reader.read
    seen = read(qpc.path.read_bytes())["descriptor"]["allowed_shapes"]
    assert [shapes[0]["dims"] for shapes in seen] == [list(next(iter(x.values())).shape) for x in network.inputs]
    session = aic.Session(qpc.path)
    largest = programs = 0
    for number, (symbols, inputs) in enumerate(zip(network.symbols, network.inputs, strict=True)):
        alone = aic.compile(network.model, onnx_define_symbol=symbols, **options)
        single = aic.Session(alone.path)
        expected, outputs = single.run(inputs), session.run(inputs)
        assert session.chosen == number
        for name, values in expected.items():
            np.testing.assert_array_equal(outputs[name], values)
        (name,) = expected
        assert relative_error(outputs[name], reference.run(network.model, inputs)[name]) < FP16_BOUND
        assert session.timing(number).cycles == single.timing().cycles
        assert session.timing(number).latency_us == single.timing().latency_us
        assert session.batch_size_of(number) == symbols["batch"]
        sizes = sizes_of(alone)
        largest, programs = max(largest, alone.path.stat().st_size), programs + sizes[NETWORK_ELF]
        assert sizes_of(qpc)[CONSTANTS] < 1.05 * sizes[CONSTANTS]
    assert qpc.path.stat().st_size < 1.05 * largest + programs
    assert session.memory.vtcm.taken == max(session.timing(n).rooms[0].taken for n in range(len(network.symbols)))


def test_the_runtime_chooses_and_lists_what_there_is(tmp_path: Path) -> None:
    network = bert()
    session = aic.Session(network.compiled(tmp_path, aic_num_cores=2).path)
    assert [each.name for each in session.specializations][:2] == [
        "spec0 (batch=1, sequence=8)",
        "spec1 (batch=1, sequence=16)",
    ]
    for number in (2, 0, 3, 1):
        inputs = network.inputs[number]
        expected = reference.run(network.model, inputs)["hidden"]
        assert relative_error(session.run(inputs)["hidden"], expected) < FP32_BOUND
        assert session.chosen == number
    np.testing.assert_array_equal(
        session.run_checked(network.inputs[0])["hidden"], session.run(network.inputs[0])["hidden"]
    )
    ids = np.zeros((1, 9), np.int64)
    with pytest.raises(aic.AicError, match=r"no specialization takes 'input_ids' \[1, 9\].*there are:\n  spec0 \("):
        session.run({"input_ids": ids, "attention_mask": ids})
    with pytest.raises(aic.AicError, match="input_ids: float32"):
        session.run({**network.inputs[1], "input_ids": network.inputs[1]["input_ids"].astype(np.float32)})
    with pytest.raises(aic.AicError, match="specialization 4: there are 4, numbered from 0"):
        session.timing(4)


def test_widened_weights_are_held_once(tmp_path: Path) -> None:
    """Of specializations that use them alike."""
    network = resnet18()
    session = aic.Session(network.compiled(tmp_path, convert_to_fp16=True).path)
    held: list[int] = []
    for inputs in network.inputs[:2]:
        session.run(inputs)
        held.append(sum(block.nbytes for _, block in session._blocks.values()))  # pyright: ignore[reportPrivateUsage]
    assert 0 < held[0] <= held[1] < 1.05 * held[0]


@pytest.mark.parametrize(("combined", "buffers"), [(False, 3), (True, 2)])
def test_buffers_fit_the_largest(combined: bool, buffers: int, tmp_path: Path) -> None:
    network = bert()
    qpc = network.compiled(tmp_path, combine_inputs=combined)
    assert not validate_qpc(qpc.path).findings
    text = describe(qpc.path)
    assert "input      'input_ids': Int64ITy 1x48, 384 bytes" in text
    assert "shapes     'input_ids' 1x8, 'attention_mask' 1x8, 'hidden' 1x8x256" in text
    assert f"{buffers} DMA buffers" in text
    session = aic.Session(qpc.path)
    for inputs in network.inputs:
        expected = reference.run(network.model, inputs)["hidden"]
        assert relative_error(session.run(inputs)["hidden"], expected) < FP32_BOUND


def test_passes_are_validated_over_each(tmp_path: Path) -> None:
    network, validator = Specialized(DIGITS_DYN, [{"batch": 1}, {"batch": 3}], []), PassValidator()
    network.compiled(tmp_path, observer=validator)
    assert sum(verdict.phase == "emit" for verdict in validator.verdicts) == len(network.symbols)


def test_what_is_wrong_with_a_model_says_for_which_symbols(tmp_path: Path) -> None:
    network = resnet18()
    wrong = Specialized(
        network.model, [{**network.symbols[0]}, {"batch": 1, "heigth": 8, "width": 8}, {"batch": 2}], []
    )
    with pytest.raises(aic.AicError) as caught:
        wrong.compiled(tmp_path)
    _, *problems = str(caught.value).splitlines()
    assert problems[0].startswith(
        "  spec1 (batch=1, heigth=8, width=8): the model has no symbol 'heigth'; did you mean 'height'?"
    )
    assert problems[1].startswith("  spec2 (batch=2): symbol 'height' of input 'image', dimension 2, has no value")
    assert "symbol 'width'" in problems[1]


def test_one_that_does_not_fit_is_named(tmp_path: Path) -> None:
    small = symbolic.Sizes(layers=1, context=16)
    model = tmp_path / "bert.onnx"
    onnx.save(symbolic.bert(small), model)
    with pytest.raises(aic.AicError, match=r"bert.onnx: spec1 \(batch=1, sequence=20\): .*do not broadcast|do not fit"):
        Specialized(model, [{"batch": 1, "sequence": n} for n in (16, 20)], []).compiled(tmp_path)
