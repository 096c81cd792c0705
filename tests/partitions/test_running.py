"""Networks over several cards on the simulated host: values, times, and what a session says of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np

import aic
from aic.nsp.parts_report import PartsReport
from aic.partitions.nodes import node_names
from tests.models.bert import bert, tokens
from tests.models.cache import kept
from tests.models.digits import DIGITS_BN, digits_test
from tests.models.reference import relative_error, run

IMAGES = digits_test()[0]
CALIBRATION = [{"x": image[None].astype("f")} for image in IMAGES[:16]]


def sliced(folder: Path, devices: int, cores: int) -> Path:
    """A configuration of one partition on several peers."""
    cards = [{"deviceId": device, "numCores": cores} for device in range(devices)]
    config = {
        "connections": [{"devices": list(range(devices)), "type": "p2p"}],
        "partitions": [{"name": "Partition0", "devices": cards}],
    }
    path = folder / f"sliced{devices}.json"
    path.write_text(json.dumps(config))
    return path


def mixed(folder: Path, model: Path, cores: int) -> Path:
    """Two peers with slices, and a third card behind them that the host relays to."""
    nodes = list(node_names(model))
    first = [{"deviceId": device, "numCores": cores} for device in (0, 1)]
    config = {
        "connections": [{"devices": [0, 1], "type": "p2p"}],
        "partitions": [
            {"name": "first", "devices": first, "nodeList": nodes[: len(nodes) // 2]},
            {"name": "last", "devices": [{"deviceId": 2, "numCores": cores}], "nodeList": nodes[len(nodes) // 2 :]},
        ],
    }
    path = folder / "mixed.json"
    path.write_text(json.dumps(config))
    return path


def session(model: Path, folder: Path, **options: Any) -> aic.Session:
    return aic.Session(aic.compile(model, aic_binary_dir=folder, **options).path)


def test_integers_are_those_of_one_card(tmp_path: Path) -> None:
    quantized = {"convert_to_quantize": True, "calibration_inputs": CALIBRATION}
    whole = session(DIGITS_BN, tmp_path / "whole", aic_num_cores=2, **quantized)
    ways: dict[str, dict[str, Any]] = {
        "pipeline": {"aic_num_cores": 2, "mdp_auto_partition": 3},
        "sliced": {"mdp_load_partition_config": sliced(tmp_path, 2, 2)},
        "mixed": {"mdp_load_partition_config": mixed(tmp_path, DIGITS_BN, 2)},
    }
    for name, options in ways.items():
        cards = session(DIGITS_BN, tmp_path / name, **options, **quantized)
        for number in range(3):
            x = {"x": IMAGES[number : number + 1].astype("f")}
            np.testing.assert_array_equal(cards.run(x)["logits"], whole.run(x)["logits"])


def test_a_transformer_over_cards(tmp_path: Path) -> None:
    model = kept(bert("older", layers=2), "bert-2-cards")
    inputs = dict(tokens())
    expected = run(bert("older", layers=2), inputs)
    ways: dict[str, dict[str, Any]] = {
        "pipeline": {"aic_num_cores": 4, "mdp_auto_partition": 2},
        "sliced": {"mdp_load_partition_config": sliced(tmp_path, 4, 4)},
    }
    for name, options in ways.items():
        cards = session(model, tmp_path / name, convert_to_fp16=True, **options)
        for output, array in cards.run(inputs).items():
            assert relative_error(array, expected[output]) < 5e-3


def test_a_pipeline_of_cards_gives_more_and_slices_give_earlier(tmp_path: Path) -> None:
    model = kept(bert("older", layers=4), "bert-4-cards")
    fp16: dict[str, Any] = {"convert_to_fp16": True}
    one = session(model, tmp_path / "one", aic_num_cores=14, **fp16).timing()
    two = session(model, tmp_path / "two", aic_num_cores=14, mdp_auto_partition=2, **fp16).timing()
    both = session(model, tmp_path / "both", mdp_load_partition_config=sliced(tmp_path, 2, 14), **fp16).timing()
    assert isinstance(two, PartsReport)
    assert isinstance(both, PartsReport)
    assert two.inferences_per_second > 1.6 * one.inferences_per_second
    assert both.latency_us < one.latency_us
    assert [part.device for part in two.parts] == [part.device for part in both.parts] == [0, 1]
    assert two.parts[0].sent_bytes == 128 * 768 * 2 + 128 * 2  # and the mask
    assert two.parts[0].constant_bytes + two.parts[1].constant_bytes > 50_000_000


def test_costs_choose_what_the_objective_says(tmp_path: Path) -> None:
    model = kept(bert("older", layers=2), "bert-2-cards")
    inputs = dict(tokens())
    expected = run(bert("older", layers=2), inputs)
    fp16: dict[str, Any] = {"convert_to_fp16": True, "aic_num_cores": 1}
    one = session(model, tmp_path / "one", **fp16).timing()
    found: dict[str, PartsReport] = {}
    for objective in ("throughput", "latency"):
        by_cost = {"mdp_auto_partition": 2, "mdp_auto_objective": objective}
        cards = session(model, tmp_path / objective, **by_cost, **fp16)
        for output, array in cards.run(inputs).items():
            assert relative_error(array, expected[output]) < 5e-3
        report = cards.timing()
        assert isinstance(report, PartsReport)
        found[objective] = report
    assert [part.name for part in found["throughput"].parts] == ["Partition0", "Partition1"]
    assert [part.name for part in found["latency"].parts] == ["Partition0_slice00", "Partition0_slice01"]
    assert found["throughput"].inferences_per_second > 1.6 * one.inferences_per_second
    assert found["latency"].latency_us < 0.7 * one.latency_us
    assert found["latency"].latency_us < found["throughput"].latency_us


def test_what_a_session_of_several_cards_says(tmp_path: Path) -> None:
    cards = session(DIGITS_BN, tmp_path / "q", aic_num_cores=16, convert_to_fp16=True, mdp_auto_partition=2)
    assert (cards.cores, cards.name, [tensor.name for tensor in cards.outputs]) == (32, "digits_cnn_bn", ["logits"])
    assert cards.memory.ddr_constants < 64_000
    x = {"x": IMAGES[:1].astype("f")}
    np.testing.assert_array_equal(cards.run_checked(x, seed=3)["logits"], cards.run(x)["logits"])
