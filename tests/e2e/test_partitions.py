"""ResNet-50 in int8, BERT-base in fp16 and BERT-large over clusters and cards, in every way to divide them.

Minutes long: `make sweep`.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest

import aic
from aic.partitions.nodes import node_names
from tests.models.cache import CACHE
from tests.models.light import drawn_path, image
from tests.models.reference import FP16_BOUND, relative_error, run
from tests.models.symbolic import BERT_BASE, Sizes, bert

Arrays = dict[str, npt.NDArray[Any]]

CORES = 4
STAGES = {
    "pipeline of 2": (1, 1),
    "pipeline of 4": (1, 1, 1, 1),
    "slices on 2": (2,),
    "slices on 4": (4,),
    "mixed": (2, 1),
}
"""Cards of each stage."""
WAYS = ("clusters 2,2", "clusters 1,1,1,1", *STAGES)
BERT_LARGE = Sizes(layers=24, heads=16, head_dim=64, inner=4096, vocabulary=30522, context=512)
TOKENS = {"batch": 1, "sequence": 128}

pytestmark = pytest.mark.sweep


def divided(way: str, model: Path, folder: Path) -> dict[str, Any]:
    """Options that divide a model in a way."""
    if way.startswith("clusters"):
        return {"aic_num_cores": CORES, "sdp_cluster_sizes": tuple(map(int, way.split()[1].split(",")))}
    return {"mdp_load_partition_config": configuration(model, STAGES[way], CORES, folder / "cards.json")}


def configuration(model: Path, stages: Sequence[int], cores: int, path: Path) -> Path:
    """A file that divides a model's nodes evenly over stages of so many peers each."""
    names, first, partitions = list(node_names(model)), 0, list[dict[str, Any]]()
    for stage, cards in enumerate(stages):
        begin, end = (len(names) * place // len(stages) for place in (stage, stage + 1))
        devices = [{"deviceId": first + card, "numCores": cores} for card in range(cards)]
        partitions.append({"name": f"stage{stage}", "devices": devices, "nodeList": names[begin:end]})
        first += cards
    peers = {"devices": list(range(first)), "type": "p2p"}
    path.write_text(json.dumps({"connections": [peers], "partitions": partitions}))
    return path


def session(model: Path, folder: Path, **options: Any) -> aic.Session:
    return aic.Session(aic.compile(model, aic_binary_dir=folder / "qpc", **options).path)


def kept_bert(sizes: Sizes, name: str) -> Path:
    """A BERT with open batch and sequence, its weights in a file beside the model."""
    path = CACHE / f"{name}.onnx"
    if not path.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        onnx.save(bert(sizes), path, save_as_external_data=True, location=f"{name}.data")
    return path


@pytest.mark.parametrize("way", WAYS)
def test_resnet50_in_int8_has_the_same_bits(way: str, tmp_path: Path) -> None:
    model, inputs = drawn_path("resnet50"), {"gpu_0/data_0": image(0)}
    quantized: dict[str, Any] = {
        "convert_to_quantize": True,
        "calibration_inputs": [inputs, {"gpu_0/data_0": image(1)}],
        "enable_channelwise": True,
    }
    whole = session(model, tmp_path / "whole", aic_num_cores=CORES, **quantized)
    parts = session(model, tmp_path / "parts", **divided(way, model, tmp_path), **quantized)
    expected = whole.run(inputs)
    for name, found in parts.run(inputs).items():
        np.testing.assert_array_equal(found, expected[name])


@pytest.mark.parametrize("way", WAYS)
def test_bert_base_in_fp16_keeps_to_the_bound(way: str, tmp_path: Path) -> None:
    model = kept_bert(BERT_BASE, "bert-base-parts")
    inputs = {
        "input_ids": np.random.default_rng(0).integers(0, BERT_BASE.vocabulary, (1, 128)),
        "attention_mask": np.ones((1, 128), np.int64),
    }
    options = {**divided(way, model, tmp_path), "onnx_define_symbol": TOKENS, "convert_to_fp16": True}
    found = session(model, tmp_path, **options).run(inputs)["hidden"]
    assert relative_error(found, run(model, inputs)["hidden"]) <= FP16_BOUND


def test_bert_large_over_cards(tmp_path: Path) -> None:
    """A pipeline of 2 and 4 peers has 1.8 and 3.4 times the throughput of one card; slices give an inference sooner."""
    model = kept_bert(BERT_LARGE, "bert-large-parts")
    options: dict[str, Any] = {"onnx_define_symbol": TOKENS, "convert_to_fp16": True, "aic_sku": "standard"}

    def timing(name: str, **more: Any) -> Any:
        return session(model, tmp_path / name, **options, **more).timing()

    one = timing("one", aic_num_cores=14)
    for cards, gain in ((2, 1.8), (4, 3.4)):
        pipeline = timing(f"pipeline{cards}", aic_num_cores=14, mdp_auto_partition=cards)
        assert pipeline.inferences_per_second >= gain * one.inferences_per_second
        cut = configuration(model, (cards,), 14, tmp_path / f"{cards}.json")
        assert timing(f"slices{cards}", mdp_load_partition_config=cut).latency_us < one.latency_us
