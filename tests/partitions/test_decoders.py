"""Networks for several shapes, with state that stays, over several cards."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import pytest
from xdsl.dialects.builtin import ModuleOp, StringAttr

import aic
from aic.emission.memory import declared_tensors
from aic.memory_use import memory_use_of_card
from aic.nsp.parts_report import PartsReport
from aic.partitions.multi_device import load, validate
from aic.partitions.nodes import node_names
from bench.cards import compiled_over_cards
from bench.networks import DECODER
from dialects.aic import WeightAttr
from dialects.element_types import tensor_bytes
from dialects.module import programs_of, set_symbols, specializations_of
from dialects.retained import STATE_SLICES, StateSlice, set_retained, set_state_slices, state_slices_of
from tests.models import reference, symbolic
from tests.models.builder import ExternalData
from tests.models.cache import kept
from tests.partitions.test_multi_device import SLICES, mutants, validated, with_program
from tests.partitions.test_running import sliced
from tests.specializations.decoding import PREFILL, PROMPT, Tokens, by_onnxruntime, config, generated, one_token, sums
from tools import aic_exec

Kind = Literal["gpt2", "llama"]
CORES = 4
SIZES = {
    "gpt2": symbolic.Sizes(heads=8, kv_heads=8, head_dim=64, inner=2048, vocabulary=512),
    "llama": symbolic.Sizes(heads=8, kv_heads=4, head_dim=64, inner=2048, vocabulary=512),
    "few heads": symbolic.Sizes(layers=1, heads=8, kv_heads=2, head_dim=64, inner=2048, vocabulary=512),
}
"""Wide enough that cards share the work."""


@cache
def decoder(name: str) -> Path:
    kind: Kind = "gpt2" if name == "gpt2" else "llama"
    return kept(symbolic.decoder(kind, SIZES[name]), f"{name.replace(' ', '-')}-over-cards")


@cache
def expected(name: str) -> list[int]:
    return by_onnxruntime(decoder(name), SIZES[name])


def shapes_and_state(folder: Path) -> dict[str, Any]:
    return {"network_specialization_config": config(folder, PREFILL, 1), "retained_state": True}


def text(session: aic.Session, name: str) -> list[int]:
    return generated(lambda tokens: session.run(tokens)["logits"], SIZES[name])


def divided(folder: Path, model: Path, sizes: Sequence[int], at: str) -> Path:
    """Two partitions of so many peers each; the second begins with the first node that has `at` in its name."""
    nodes = node_names(model)
    cut = next(number for number, node in enumerate(nodes) if at in node)
    cards = iter(range(sum(sizes)))
    devices = [[{"deviceId": next(cards), "numCores": CORES} for _ in range(size)] for size in sizes]
    parts = zip(("first", "last"), devices, (nodes[:cut], nodes[cut:]), strict=True)
    partitions = [{"name": name, "devices": each, "nodeList": listed} for name, each, listed in parts]
    path = folder / "divided.json"
    connections = [{"devices": list(range(sum(sizes))), "type": "p2p"}]
    path.write_text(json.dumps({"connections": connections, "partitions": partitions}))
    return path


# ---------------------------------------------------------------------------------------------------------- sliced


@pytest.mark.parametrize(("name", "devices"), [("llama", 4), ("gpt2", 2), ("few heads", 3)])
def test_greedy_text_of_sliced_decoders_is_onnxruntime_s(name: str, devices: int, tmp_path: Path) -> None:
    """Token for token, in fp32, from one QPC, whatever the heads of keys and values that cards share."""
    cards = sliced(tmp_path, devices, CORES)
    options = {**shapes_and_state(tmp_path), "mdp_load_partition_config": cards}
    qpc = aic.compile(decoder(name), **options)
    assert not validate(qpc.path).findings
    session = aic.Session(qpc.path)
    assert len(set(expected(name))) > 5
    assert text(session, name) == expected(name)
    session.reset()
    assert text(session, name) == expected(name)
    assert session.cores == devices * CORES
    assert_weights_are_stored_once(qpc.path, decoder(name).stat().st_size)


def assert_weights_are_stored_once(qpc: Path, weights: int) -> None:
    """On each card, for all shapes; and over the cards but for what all of them compute."""
    module = load(qpc).module
    networks = specializations_of(module)
    for part in programs_of(networks[0]):
        shapes = [_stored(program) for program in specializations_of(part)]
        assert memory_use_of_card(part).ddr_constants < 1.02 * max(map(sum, (each.values() for each in shapes)))
    total = sum(memory_use_of_card(part).ddr_constants for part in programs_of(networks[0]))
    assert total < 1.2 * weights
    assert qpc.stat().st_size < total + 1_000_000


def _stored(program: Any) -> dict[str, int]:
    """Bytes of the constants of a program, by their places in the file."""
    found = (tensor.value for tensor in declared_tensors(program))
    return {each.key.data: tensor_bytes(each.type) for each in found if isinstance(each, WeightAttr)}


def test_each_card_keeps_a_slice_of_the_state(tmp_path: Path) -> None:
    cards = sliced(tmp_path, 2, CORES)
    qpc = aic.compile(decoder("llama"), **shapes_and_state(tmp_path), mdp_load_partition_config=cards)
    network = load(qpc.path).module
    for number, parts in enumerate(zip(*map(programs_of, specializations_of(network)), strict=True)):
        for part in parts:
            slices = state_slices_of(part)
            assert sorted(slices) == sorted(f"past_{what}.{layer}" for what in ("key", "value") for layer in (0, 1))
            assert {(each.dim, each.first, each.size) for each in slices.values()} == {(1, 2 * number, 4)}
    session = aic.Session(qpc.path)
    tokens = symbolic.prompt(SIZES["llama"], PROMPT, PREFILL)
    session.run(tokens)
    inputs = {port.name: np.zeros(port.shape, port.dtype) for port in session.specializations[0].inputs}
    outputs = reference.run(decoder("llama"), {**inputs, **tokens})
    before = session.state
    assert before.keys() == {name for name in inputs if name.startswith("past")}
    for name, array in before.items():
        np.testing.assert_allclose(array, outputs[f"{name}_RetainedState"], rtol=0, atol=1e-4)
    first = session.run(one_token(7, PROMPT))["logits"]
    session.reset()
    again = session.run({**one_token(7, PROMPT), **before})["logits"]  # the host may give it as a whole
    np.testing.assert_array_equal(again, first)
    reports = [session.timing(number) for number in range(2)]
    assert all(isinstance(report, PartsReport) for report in reports)
    assert [report.name for report in reports] == ["spec0 (sequence=8)", "spec1 (sequence=1)"]


def test_integers_are_those_of_one_card(tmp_path: Path) -> None:
    steps: list[Tokens] = [symbolic.prompt(SIZES["llama"], PROMPT, PREFILL)]
    steps += [one_token(token, PROMPT + token) for token in range(3)]
    options = {**shapes_and_state(tmp_path), "convert_to_quantize": True, "calibration_inputs": steps}
    one = aic.Session(aic.compile(decoder("llama"), aic_num_cores=CORES, **options).path)
    cards = divided(tmp_path, decoder("llama"), (2, 1), "layers.1")
    many = aic.Session(aic.compile(decoder("llama"), mdp_load_partition_config=cards, **options).path)
    for tokens in steps:
        np.testing.assert_array_equal(many.run(tokens)["logits"], one.run(tokens)["logits"])
    assert many.state.keys() == one.state.keys()
    for name, array in many.state.items():
        np.testing.assert_array_equal(array, one.state[name])


# ------------------------------------------------------------------------------------------------------- pipelined


def test_greedy_text_of_pipelined_decoders_is_onnxruntime_s(tmp_path: Path) -> None:
    model, both = decoder("gpt2"), shapes_and_state(tmp_path)
    ways: list[dict[str, Any]] = [
        {"aic_num_cores": CORES, "mdp_auto_partition": 2},
        {"mdp_load_partition_config": divided(tmp_path, model, (1, 2), "layers.1")},
    ]
    for options in ways:
        session = aic.Session(aic.compile(model, **both, **options).path)
        assert text(session, "gpt2") == expected("gpt2")


def sums_over_cards(folder: Path, first: Sequence[str]) -> dict[str, Any]:
    """A network whose state is a sum, for several shapes of both, over two cards of which the first has these nodes."""
    model = sums(folder, ("m", 3), ("m", 3))
    others = [node for node in node_names(model) if node not in first]
    parts = [
        {"name": name, "devices": [{"deviceId": number, "numCores": 1}], "nodeList": nodes}
        for number, (name, nodes) in enumerate((("grows", list(first)), ("answers", others)))
    ]
    (folder / "cards.json").write_text(json.dumps({"partitions": parts}))
    entries = [{"n": "2", "m": "1"}, {"n": "4", "m": "1"}, {"n": "6", "m": "5"}]
    (folder / "shapes.json").write_text(json.dumps({"specializations": entries}))
    return {
        "model": model,
        "network_specialization_config": folder / "shapes.json",
        "mdp_load_partition_config": folder / "cards.json",
        "retained_state": True,
    }


def test_state_of_several_shapes_is_kept_apart(tmp_path: Path) -> None:
    session = aic.Session(aic.compile(**sums_over_cards(tmp_path, ("added", "grow", "kept"))).path)
    answers = [session.run({"x": np.ones(size, np.float32)})["y"][0] for size in (2, 4, 6, 6, 2)]
    assert answers == [1, 1 + 3 * 2, 1, 1 + 15 * 6, 1 + 3 * 6]


def test_state_that_one_partition_reads_and_another_writes_is_refused(tmp_path: Path) -> None:
    told = "state stays on the card that computes it.*'s' is computed by 'grows', and read by 'answers' .node 'kept'"
    with pytest.raises(aic.AicError, match=told):
        aic.compile(**sums_over_cards(tmp_path, ("added", "grow")))


# ------------------------------------------------------------------------------------------------- one without other


def test_shapes_without_state(tmp_path: Path) -> None:
    """Outputs for every shape are those of a single compile for that shape, over the same cards."""
    sizes = symbolic.Sizes(layers=1, heads=8, head_dim=64, inner=2048, vocabulary=512, context=64)
    model = kept(symbolic.bert(sizes), "bert-shapes-over-cards")
    entries = [{"batch": "1", "sequence": str(length)} for length in (32, 64)]
    (tmp_path / "shapes.json").write_text(json.dumps({"specializations": entries}))
    cards = sliced(tmp_path, 2, CORES)
    both = aic.Session(
        aic.compile(model, network_specialization_config=tmp_path / "shapes.json", mdp_load_partition_config=cards).path
    )
    rng = np.random.default_rng(0)
    for length in (64, 32):
        inputs = {
            "input_ids": rng.integers(0, 512, (1, length)),
            "attention_mask": np.ones((1, length), np.int64),
        }
        actual, wanted = both.run(inputs)["hidden"], reference.run(model, inputs)["hidden"]
        assert actual.shape == (1, length, 512)
        assert reference.relative_error(actual, wanted) < 1e-4
    with pytest.raises(aic.AicError, match="no specialization takes"):
        both.run({"input_ids": np.zeros((1, 16), np.int64), "attention_mask": np.ones((1, 16), np.int64)})


def test_state_without_shapes(tmp_path: Path) -> None:
    cards = sliced(tmp_path, 2, CORES)
    options = {"onnx_define_symbol": {"sequence": 1}, "retained_state": True}
    model = decoder("few heads")
    session = aic.Session(aic.compile(model, mdp_load_partition_config=cards, **options).path)
    one = aic.Session(aic.compile(model, aic_num_cores=CORES, **options).path)
    for position, token in enumerate((3, 1, 4, 1, 5)):
        actual, wanted = (each.run(one_token(token, position))["logits"] for each in (session, one))
        assert reference.relative_error(actual, wanted) < 1e-4


# ------------------------------------------------------------------------------------------------------------ text


def test_text_between_phases_gives_the_same_bytes(tmp_path: Path) -> None:
    model, cards = decoder("few heads"), sliced(tmp_path, 2, CORES)
    options = [f"-network-specialization-config={config(tmp_path, PREFILL, 1)}", "-retained-state"]
    options += [f"-mdp-load-partition-config={cards}", f"-dump-dir={tmp_path / 'ir'}"]

    def compiled(*arguments: str) -> bytes:
        folder = tmp_path / f"qpc{len(list(tmp_path.iterdir()))}"
        assert aic_exec.main([*arguments, "-compile-only", f"-aic-binary-dir={folder}"]) == 0
        return (folder / "programqpc.bin").read_bytes()

    whole = compiled(f"-m={model}", *options)
    for before, phase in (("02.quantize", "partition"), ("03.partition", "shard"), ("05.tile", "schedule")):
        assert compiled(f"-m={tmp_path / 'ir' / before}.mlir", f"-from={phase}") == whole


def test_the_interpreter_runs_all_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [f"-m={decoder('few heads')}", f"-network-specialization-config={config(tmp_path, PREFILL, 1)}"]
    options += ["-retained-state", f"-mdp-load-partition-config={sliced(tmp_path, 2, CORES)}", "-num-iter=2"]
    folders: list[Path] = []
    for way in (["-run-on-interpreter"], []):
        folders.append(tmp_path / f"out{len(way)}")
        assert aic_exec.main([*options, *way, f"-write-output-dir={folders[-1]}"]) == 0
    capsys.readouterr()
    for path in sorted(folders[0].iterdir()):
        first, second = (np.fromfile(folder / path.name, np.float32) for folder in folders)
        np.testing.assert_allclose(first, second, rtol=0, atol=1e-3)


# ----------------------------------------------------------------------------------------------------------- trust


@pytest.fixture(scope="module")
def qpc(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("decoder")
    cards = sliced(folder, 2, CORES)
    options = {**shapes_and_state(folder), "mdp_load_partition_config": cards}
    return aic.compile(decoder("few heads"), **options).to_bytes()


def on_state(piece: StateSlice | None) -> Callable[[ModuleOp], None]:
    """Says of what a card keeps of the keys that it is this slice, or all."""

    def change(card: ModuleOp) -> None:
        for program in programs_of(card):
            slices = state_slices_of(program)
            del slices["past_key.0"]
            set_state_slices(program, slices if piece is None else {**slices, "past_key.0": piece})

    return change


def of_other_shapes(card: ModuleOp) -> None:
    set_symbols(list(programs_of(card))[1], {"sequence": 2})


def forgetful(card: ModuleOp) -> None:
    for program in programs_of(card):
        set_retained(program, ["past_value.0"])


def forgetful_once(card: ModuleOp) -> None:
    set_retained(next(programs_of(card)), ["past_value.0"])


def malformed(card: ModuleOp) -> None:
    next(programs_of(card)).attributes[STATE_SLICES] = StringAttr("past_key.0")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (on_state(StateSlice(1, 2, 2)), "is no slice of state as it says"),
        (on_state(StateSlice(7, 0, 2)), "is no slice of state as it says"),
        (on_state(StateSlice(1, 0, 2)), "no card has some of 'past_key.0'"),
        (on_state(StateSlice(1, 1, 1 << 40)), "parts have input 'past_key.0' with several shapes or types"),
        (on_state(None), "parts have input 'past_key.0' with several shapes or types"),
        (of_other_shapes, "have programs for different shapes"),
        (forgetful, "networkdesc.bin"),
        (forgetful_once, "do not keep the same inputs on the card"),
        (malformed, "aic.state_slices"),
    ],
)
def test_what_cards_say_of_state_is_not_trusted(
    qpc: bytes, change: Callable[[ModuleOp], None], message: str, tmp_path: Path
) -> None:
    errors = validated(with_program(qpc, SLICES[1], change), tmp_path)
    assert any(message in error for error in errors), errors


@pytest.mark.parametrize("mutation", ["in_meta_info", "around_programs", "in_programs"])
def test_no_mutant_does_harm(mutation: str, tmp_path: Path) -> None:
    """A file is refused, or runs for every shape."""
    data = aic.compile(**sums_over_cards(tmp_path, ("added", "grow", "kept"))).to_bytes()
    refused = 0
    for mutant in mutants(mutation, data):
        if validated(mutant, tmp_path):
            refused += 1
            continue
        session = aic.Session(tmp_path / "mutant.bin")
        for number, signature in enumerate(session.specializations):
            session.run({port.name: np.ones(port.shape, port.dtype) for port in signature.needed})
            session.timing(number)
    assert refused


def test_the_same_network_gives_the_same_bytes(qpc: bytes, tmp_path: Path) -> None:
    cards = sliced(tmp_path, 2, CORES)
    options = {**shapes_and_state(tmp_path), "mdp_load_partition_config": cards}
    assert aic.compile(decoder("few heads"), **options).to_bytes() == qpc


# ---------------------------------------------------------------------------------------------------------- memory


@pytest.mark.parametrize("layers", [2, pytest.param(24, marks=pytest.mark.sweep)])
def test_weights_do_not_come_to_lie_in_memory(layers: int, tmp_path: Path) -> None:
    """With 24 layers they are 2 GiB. Those of 2 layers are small beside the compiler itself."""
    sizes = replace(DECODER, layers=layers)
    with (tmp_path / "weights").open("wb") as file:
        model = symbolic.decoder("llama", sizes, ExternalData(file, "weights"))
    onnx.save(model, tmp_path / "model.onnx")
    weights = (tmp_path / "weights").stat().st_size
    use = compiled_over_cards(tmp_path / "model.onnx", tmp_path, 4, ["-convert-to-fp16"])
    (tmp_path / "weights").unlink()
    qpc = tmp_path / "qpc" / "programqpc.bin"
    assert use.peak_bytes < 0.5 * weights + 200_000_000
    table = 2 * sizes.vocabulary * sizes.width  # of embeddings, which each card has whole
    assert qpc.stat().st_size < 1.02 * weights / 2 + 3 * table
    for part in programs_of(specializations_of(load(qpc).module)[0]):
        assert memory_use_of_card(part).ddr_constants < 1.02 * weights / 8 + table
    shutil.rmtree(tmp_path / "qpc")
