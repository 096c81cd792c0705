"""State that stays on the card: decoders that keep keys and values generate text from one QPC."""

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest

import aic
from aic.load import validate_qpc
from aic.qpc.container import NETWORK_DESC, open_container
from aic.qpc.descriptor import NetworkDescriptor, parse_descriptor
from tests.models import symbolic
from tests.models.cache import kept
from tests.qpc import independent_reader
from tests.specializations.decoding import (
    GENERATED,
    PREFILL,
    PROMPT,
    Tokens,
    by_onnxruntime,
    config,
    generated,
    one_token,
    sums,
)

SIZES = {"gpt2": symbolic.Sizes(kv_heads=4), "llama": symbolic.Sizes()}


def descriptor_of(path: Path) -> NetworkDescriptor:
    with open_container(path) as segments:
        return parse_descriptor(segments[NETWORK_DESC].data)


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
@pytest.mark.parametrize("cores", [1, 4])
def test_greedy_text_is_onnxruntime_s(kind: Literal["gpt2", "llama"], cores: int, tmp_path: Path) -> None:
    """Token for token, in fp32, prefill and decoding from one QPC."""
    sizes = SIZES[kind]
    model = kept(symbolic.decoder(kind, sizes), f"{kind}_retained")
    qpc = aic.compile(
        model, network_specialization_config=config(tmp_path, PREFILL, 1), retained_state=True, aic_num_cores=cores
    )
    assert not validate_qpc(qpc.path).findings
    independent_reader.read(qpc.path.read_bytes())
    session = aic.Session(qpc.path)
    chosen: list[int] = []

    def step(tokens: Tokens) -> npt.NDArray[Any]:
        outputs = session.run(tokens)
        chosen.append(session.chosen)
        return outputs["logits"]

    expected = by_onnxruntime(model, sizes)
    assert len(set(expected)) > 5
    assert generated(step, sizes) == expected
    assert chosen == [0] + [1] * GENERATED
    session.reset()
    assert generated(step, sizes) == expected
    for number in range(2):
        inputs, outputs = session.timing(number).host
        length = session.specializations[number].inputs[0].shape[1]
        assert (inputs.transfers, inputs.bytes) == (2, 2 * 8 * length)
        assert (outputs.transfers, outputs.bytes) == (1, 4 * length * sizes.vocabulary)


def test_state_has_two_memories_and_is_no_transfer(tmp_path: Path) -> None:
    qpc = aic.compile(sums(tmp_path), onnx_define_symbol={"n": 4}, retained_state=True, combine_inputs=True)
    descriptor = descriptor_of(qpc.path)
    x, s = descriptor.inputs
    kept_output, y = descriptor.outputs
    assert [each.is_partial_allowed for each in (x, s, kept_output, y)] == [False, True, False, False]
    assert kept_output.transforms == ()
    assert [buffer.size for buffer in descriptor.dma_buffers] == [16, 24, 16]
    session = aic.Session(qpc.path)
    assert session.memory.ddr_shared == 4 * 2048
    assert [port.name for port in session.outputs] == ["y"]
    ones = np.ones(4, np.float32)
    assert session.run({"x": ones})["y"].tolist() == [1] * 4
    assert session.run_checked({"x": ones})["y"].tolist() == [25] * 4
    assert session.state["s"].tolist() == [[8] * 3] * 2
    assert session.run({"x": ones, "s": np.ones((2, 3), np.float32)})["y"].tolist() == [7] * 4
    inputs, outputs = session.timing().host
    assert (inputs.transfers, inputs.bytes, outputs.transfers, outputs.bytes) == (1, 16, 1, 16)


def test_state_of_several_shapes_has_a_memory_more_than_shapes(tmp_path: Path) -> None:
    config = tmp_path / "spec.json"
    entries = [{"n": "2", "m": "1"}, {"n": "4", "m": "1"}, {"n": "6", "m": "5"}]
    config.write_text(json.dumps({"specializations": entries}))
    model = sums(tmp_path, ("m", 3), ("m", 3))
    session = aic.Session(aic.compile(model, network_specialization_config=config, retained_state=True).path)
    assert session.memory.ddr_shared == (1 + 3 + 1) * 2048
    answers = [session.run({"x": np.ones(size, np.float32)})["y"][0] for size in (2, 4, 6, 6, 2)]
    assert answers == [1, 1 + 3 * 2, 1, 1 + 15 * 6, 1 + 3 * 6]


@pytest.mark.parametrize(
    ("state", "written", "message"),
    [
        ((2, 3), (4, 3), "input 's' is tensor<2x3xf32>, but output 's_RetainedState', .* tensor<4x3xf32>"),
    ],
)
def test_state_that_changes_its_shape_is_refused(state: Any, written: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(aic.AicError, match=message):
        aic.compile(sums(tmp_path, state, written), onnx_define_symbol={"n": 4}, retained_state=True)


def test_without_the_option_state_is_an_input_like_others(tmp_path: Path) -> None:
    session = aic.Session(aic.compile(sums(tmp_path), onnx_define_symbol={"n": 4}).path)
    outputs = session.run({"x": np.ones(4, np.float32), "s": np.zeros((2, 3), np.float32)})
    assert outputs.keys() == {"s_RetainedState", "y"}
    with pytest.raises(aic.AicError, match="s: missing"):
        session.run({"x": np.ones(4, np.float32)})


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_one_profile_serves_prefill_and_decoding(kind: Literal["gpt2", "llama"], tmp_path: Path) -> None:
    """Though their graphs differ; what stays on the card is profiled as it comes."""
    sizes = SIZES[kind]
    options: dict[str, Any] = {
        "model": kept(symbolic.decoder(kind, sizes), f"{kind}_retained"),
        "network_specialization_config": config(tmp_path, PREFILL, 1),
        "retained_state": True,
    }
    steps = [symbolic.prompt(sizes, PROMPT, PREFILL), *(one_token(n, PROMPT + n) for n in range(4))]
    quantized = aic.compile(**options, convert_to_quantize=True, calibration_inputs=steps)
    with pytest.raises(aic.AicError, match=r"there are none of spec1 \(sequence=1\)"):
        aic.compile(**options, convert_to_quantize=True, calibration_inputs=steps[:1])
    exact, integers = aic.Session(aic.compile(**options).path), aic.Session(quantized.path)
    for tokens in steps:
        expected, found = (session.run(tokens)["logits"] for session in (exact, integers))
        assert 0 < np.abs(found - expected).max() < 0.1 * np.abs(expected).max()
