"""Several cards on the command line."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import aic
from aic.partitions.multi_device import load
from aic.partitions.nodes import node_names
from aic.phases import PHASE_NAMES
from tests.models.bert import bert
from tests.models.cache import kept
from tests.models.digits import DIGITS_BN, digits_test
from tests.partitions.networks import outputs_of_loaded
from tools.aic_exec import main

MODEL = f"-m={DIGITS_BN}"
IMAGES, _, LOGITS = digits_test()


@pytest.fixture
def sample(tmp_path: Path) -> Any:
    """The sample, read."""
    path = tmp_path / "sample.json"
    assert main([MODEL, "-aic-num-cores=4", f"-mdp-dump-partition-config={path}"]) == 0
    return json.loads(path.read_text())


def pipeline(folder: Path, sample: Any, cards: int) -> str:
    """A configuration of so many cards, made of the sample by hand; the option that loads it."""
    (all_of_it,) = sample["partitions"]
    nodes = all_of_it["nodeList"]
    ends = [len(nodes) * card // cards for card in range(cards + 1)]
    sample["partitions"] = [
        {
            "name": f"Partition{card}",
            "devices": [{"deviceId": card, "numCores": 4}],
            "nodeList": nodes[ends[card] : ends[card + 1]],
        }
        for card in range(cards)
    ]
    sample["connections"] = [{"devices": list(range(cards)), "type": "p2p"}]
    (folder / "pipeline.json").write_text(json.dumps(sample))
    return f"-mdp-load-partition-config={folder}/pipeline.json"


def text_after(phase: str, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main([MODEL, *arguments, f"-to={phase}"]) == 0
    return capsys.readouterr().out


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main([MODEL, *arguments]) == 1
    return capsys.readouterr().err


def test_the_sample_is_one_partition_of_all_nodes(sample: Any) -> None:
    (partition,) = sample["partitions"]
    assert partition["name"] == "Partition0"
    assert partition["devices"] == [{"deviceId": 0, "numCores": 4}]
    assert sample["connections"] == []
    assert len(partition["nodeList"]) == 20


def test_the_sample_loaded_is_the_network_itself(
    tmp_path: Path, sample: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = text_after("partition", capsys, f"-mdp-load-partition-config={tmp_path}/sample.json")
    assert loaded == text_after("partition", capsys, "-aic-num-cores=4")


def test_nodes_go_to_the_cards_that_list_them(tmp_path: Path, sample: Any, capsys: pytest.CaptureFixture[str]) -> None:
    text = text_after("partition", capsys, pipeline(tmp_path, sample, 2), "-aic-num-cores=4")
    first, second = text.split("builtin.module @Partition1 attributes {aic.cores = 4 : i64, aic.device = 1 : i64}")
    assert '"p2p", "Partition1"' in first
    assert "/3/Add" in first
    assert "/13/Gemm" not in first
    assert "/13/Gemm" in second
    assert "/3/Add" not in second


@pytest.mark.parametrize("cards", [2, 3])
def test_the_interpreter_runs_all_parts(tmp_path: Path, sample: Any, cards: int) -> None:
    (tmp_path / "list.txt").write_text(f"{tmp_path}/image.raw\n")
    IMAGES[:1].tofile(tmp_path / "image.raw")
    run = [MODEL, f"-input-list-file={tmp_path}/list.txt", f"-write-output-dir={tmp_path}/out", "-run-on-interpreter"]
    assert main([*run, pipeline(tmp_path, sample, cards)]) == 0
    logits = np.fromfile(tmp_path / "out/logits-activation-0-inf-0.bin", np.float32)
    np.testing.assert_allclose(logits, LOGITS[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("precision", [[], ["-convert-to-fp16"]], ids=["fp32", "fp16"])
def test_the_qpc_holds_all_parts(tmp_path: Path, sample: Any, precision: Sequence[str]) -> None:
    option = pipeline(tmp_path, sample, 3)
    assert main([MODEL, option, *precision, "-vvv", "-compile-only", f"-aic-binary-dir={tmp_path}/qpc"]) == 0
    network = load(tmp_path / "qpc")
    assert [(slot.name, slot.device, slot.cores) for slot in network.info.parts] == [
        (f"Partition{card}", card, 4) for card in range(3)
    ]
    (logits,) = outputs_of_loaded(network, {"x": IMAGES[:1]}).values()
    np.testing.assert_allclose(logits, LOGITS[:1], rtol=0, atol=0.05 if precision else 1e-3)
    assert [path.name for path in (tmp_path / "qpc").iterdir()] == ["programqpc.bin"]


@pytest.mark.parametrize("start", ["graph", "partition", "shard", "schedule", "emit"])
def test_ir_text_in_between(tmp_path: Path, sample: Any, start: str) -> None:
    """From the phases before the division with the option, and from those behind with what the text says."""
    option = pipeline(tmp_path, sample, 2)
    before = start in ("graph", "partition")
    given = [] if before else [option]
    stop = PHASE_NAMES[PHASE_NAMES.index(start) - 1]
    assert main([MODEL, *given, f"-to={stop}", f"-dump-dir={tmp_path}/dumps"]) == 0
    text = f"-m={tmp_path}/dumps/{PHASE_NAMES.index(stop):02d}.{stop}.mlir"
    end = ["-compile-only", f"-aic-binary-dir={tmp_path}/qpc"]
    assert main([text, f"-from={start}", *([option] if before else []), *end]) == 0
    (logits,) = outputs_of_loaded(load(tmp_path / "qpc"), {"x": IMAGES[:1]}).values()
    np.testing.assert_allclose(logits, LOGITS[:1], rtol=0, atol=1e-3)


@pytest.mark.parametrize("cards", [2, 3])
def test_integers_are_the_same_on_several_cards(tmp_path: Path, sample: Any, cards: int) -> None:
    (tmp_path / "list.txt").write_text(f"{tmp_path}/image.raw\n")
    IMAGES[:1].tofile(tmp_path / "image.raw")
    quantized = [MODEL, "-convert-to-quantize", f"-input-list-file={tmp_path}/list.txt", "-compile-only"]
    assert main([*quantized, "-aic-num-cores=4", f"-aic-binary-dir={tmp_path}/one"]) == 0
    assert main([*quantized, pipeline(tmp_path, sample, cards), f"-aic-binary-dir={tmp_path}/several"]) == 0
    inputs = {"x": IMAGES[1:2]}
    (actual,) = outputs_of_loaded(load(tmp_path / "several"), inputs).values()
    np.testing.assert_array_equal(actual, aic.Session(tmp_path / "one").run(inputs)["logits"])


def test_the_api_takes_the_same_options(tmp_path: Path) -> None:
    qpc = aic.compile(DIGITS_BN, mdp_auto_partition=2, aic_num_cores=2)
    assert len(load(qpc.path).constants) == 2
    assert "QAicGraph_slice01, for a card of its own" in qpc.info()


def test_automatic_stages(capsys: pytest.CaptureFixture[str]) -> None:
    text = text_after("partition", capsys, "-mdp-auto-partition=3", "-aic-num-cores=2")
    for card in range(3):
        assert f"builtin.module @Partition{card} attributes {{aic.cores = 2 : i64, aic.device = {card} : i64}}" in text


@pytest.mark.parametrize("objective", ["throughput", "latency"])
def test_what_is_chosen_by_cost_is_a_configuration(
    objective: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It lists all nodes of the model, and loaded it divides the network in the same way."""
    model, path = kept(bert("older", layers=2), "bert-2-cards"), tmp_path / "cards.json"
    automatic = ["-mdp-auto-partition=2", f"-mdp-auto-objective={objective}"]
    fp16 = [f"-m={model}", "-convert-to-fp16", "-aic-num-cores=1"]
    assert main([*fp16, *automatic, f"-mdp-dump-partition-config={path}"]) == 0
    told = capsys.readouterr().out
    assert {"throughput": "a pipeline of 2 cards", "latency": "slices on 2 cards"}[objective] in told
    assert "by cost" in told
    config = json.loads(path.read_text())
    assert config["connections"] == [{"devices": [0, 1], "type": "p2p"}]
    assert sorted(node for each in config["partitions"] for node in each["nodeList"]) == sorted(node_names(model))
    texts: list[str] = []
    for ways in (automatic, [f"-mdp-load-partition-config={path}"]):
        assert main([*fp16, *ways, "-to=partition"]) == 0
        texts.append(capsys.readouterr().out)
    stores = re.compile(r'aic.weights = "[^"]*"')
    assert stores.sub("", texts[0]) == stores.sub("", texts[1])


def test_cores_that_no_card_has(tmp_path: Path, sample: Any, capsys: pytest.CaptureFixture[str]) -> None:
    message = refusal(capsys, pipeline(tmp_path, sample, 2), "-aic-num-cores=3", "-to=partition")
    assert "-aic-num-cores=3: " in message
    assert "gives its cards 4 (numCores)" in message


def test_what_is_wrong_with_nodes(tmp_path: Path, sample: Any, capsys: pytest.CaptureFixture[str]) -> None:
    sample["partitions"][0]["nodeList"][0] = "/0/Konv"
    (tmp_path / "wrong.json").write_text(json.dumps(sample))
    message = refusal(capsys, f"-mdp-load-partition-config={tmp_path}/wrong.json", "-to=partition")
    assert "'/0/Konv'; did you mean '/0/Conv'" in message
    assert "in no partition:\n    '/0/Conv'" in message


def test_a_circle_names_partitions_and_tensors(tmp_path: Path, sample: Any, capsys: pytest.CaptureFixture[str]) -> None:
    option = pipeline(tmp_path, sample, 2)
    first, second = sample["partitions"]
    second["nodeList"].append(first["nodeList"].pop(0))
    (tmp_path / "pipeline.json").write_text(json.dumps(sample))
    assert "wait for each other in a circle: 'Partition1' needs" in refusal(capsys, option, "-to=partition")


LOAD = "-mdp-load-partition-config=c"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([LOAD, "-mdp-dump-partition-config=d"], "it excludes -mdp-load-partition-config"),
        (["-mdp-dump-partition-config=d", "-compile-only", "-from=graph"], "it excludes -compile-only, -from"),
        ([LOAD, "-mdp-auto-partition=2"], "each say which card has what: give one"),
        ([LOAD, "-sdp-cluster-sizes=1,1"], "excludes dividing one by -sdp-cluster-sizes"),
        ([LOAD, "-aic-num-of-instances=2"], "-mdp-load-partition-config excludes -aic-num-of-instances"),
        ([LOAD, "-from=shard"], "excludes -from=shard, which is behind the phase partition"),
        (["-mdp-auto-partition=1"], "must be at least 2"),
        (["-mdp-auto-objective=latency"], "-mdp-auto-objective is what -mdp-auto-partition is for: give that, too"),
        (["-mdp-auto-partition=2", "-mdp-auto-objective=speed"], "must be throughput or latency"),
        (["-mdp-auto-partition=2", "-mdp-dump-partition-config=d", "-compile-only"], "it excludes -compile-only"),
        (
            ["-mdp-auto-partition=2", "-mdp-dump-partition-config=d", "-convert-to-quantize"],
            "it excludes -convert-to-quantize",
        ),
    ],
)
def test_what_does_not_go_together(arguments: Sequence[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert message in refusal(capsys, *arguments)
