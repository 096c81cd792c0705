"""Transformers and a recommender of reduced size at every level, on even and ragged splits, against onnxruntime.

Lengths of 1 and of primes, batches, masks at either end, heads that share keys and values, tables larger than VTCM.
`make sweep` runs long sequences and large batches in layers of real width, too, from the QPC.
"""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy.typing as npt
import onnx
import pytest

from tests.e2e.levels import Case, check_levels, check_qpc
from tests.models import decoders, recommender, reference, vit
from tests.models.cache import kept

Network = tuple[onnx.ModelProto, Mapping[str, npt.NDArray[Any]]]


def _decoder(make: Any, flavour: decoders.Flavour, *, left: bool = False, **sizes: int) -> Network:
    built = decoders.Sizes(**sizes)
    return make(flavour, built), decoders.tokens(built, left=left)


def _vit(**sizes: int) -> Network:
    built = vit.Sizes(**sizes)
    return vit.vit(built), vit.images(built)


def _wide_deep(**sizes: int) -> Network:
    built = recommender.Sizes(**sizes)
    return recommender.wide_deep(built), recommender.features(built)


NETWORKS: dict[str, Callable[[], Network]] = {
    "llama older": lambda: _decoder(decoders.llama, "older"),
    "llama dynamo": lambda: _decoder(decoders.llama, "dynamo", batch=2, length=17),
    "llama of one token": lambda: _decoder(decoders.llama, "dynamo", length=1),
    "llama padded left": lambda: _decoder(decoders.llama, "dynamo", left=True),
    "gpt2 older": lambda: _decoder(decoders.gpt2, "older", kv_heads=6, batch=3),
    "gpt2 dynamo": lambda: _decoder(decoders.gpt2, "dynamo", kv_heads=6, length=300, layers=1),
    "vit": lambda: _vit(batch=2),
    "wide and deep": _wide_deep,
    "wide and deep, tables larger than VTCM": lambda: _wide_deep(rows=1 << 17, width=32, tables=2, batch=64),
}
WIDE = {"heads": 12, "head_dim": 64, "layers": 1}
"""Layers of real width."""
LARGE: dict[str, Callable[[], Network]] = {
    "llama, 1 token": lambda: _decoder(decoders.llama, "dynamo", **WIDE, kv_heads=4, inner=2048, length=1),
    "llama, 384 tokens, batch 8": lambda: _decoder(
        decoders.llama, "older", **WIDE, kv_heads=4, inner=2048, length=384, batch=8
    ),
    "llama, 4096 tokens": lambda: _decoder(decoders.llama, "dynamo", **WIDE, kv_heads=4, inner=2048, length=4096),
    "gpt2, 17 tokens, batch 64": lambda: _decoder(
        decoders.gpt2, "dynamo", **WIDE, kv_heads=12, inner=3072, length=17, batch=64
    ),
    "gpt2, 384 tokens, batch 64": lambda: _decoder(
        decoders.gpt2, "older", **WIDE, kv_heads=12, inner=3072, length=384, batch=64
    ),
    "gpt2, 4096 tokens": lambda: _decoder(decoders.gpt2, "older", **WIDE, kv_heads=12, inner=3072, length=4096),
    "vit, batch 64": lambda: _vit(**WIDE, side=224, patch=16, batch=64),
    "wide and deep, batch 64": lambda: _wide_deep(tables=8, rows=1 << 16, width=64, batch=64),
}


@cache
def case_of(name: str) -> Case:
    """The network of that name, its reference computed once."""
    model, inputs = {**NETWORKS, **LARGE}[name]()
    path = kept(model, name.replace(" ", "_"))
    output = model.graph.output[0].name
    expected = reference.run(path, inputs)[output]
    return Case(path, inputs, output, expected, reference.fp16_bound(path, inputs, output), {})


@pytest.mark.parametrize("fp16", [True, False], ids=["fp16", "fp32"])
@pytest.mark.parametrize("cores", [1, 7, 16])
@pytest.mark.parametrize("name", NETWORKS)
def test_network(name: str, cores: int, fp16: bool, tmp_path: Path) -> None:
    check_levels(case_of(name), cores, fp16=fp16, folder=tmp_path)


@pytest.mark.sweep
@pytest.mark.parametrize("cores", [1, 3, 7, 14, 16])
@pytest.mark.parametrize("name", LARGE)
def test_large_network(name: str, cores: int, tmp_path: Path) -> None:
    check_qpc(case_of(name), cores, fp16=True, folder=tmp_path)
