"""A wide-and-deep recommender as PyTorch's exporters write it, built without PyTorch, of any size."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from tests.models.builder import Build


@dataclass(frozen=True)
class Sizes:
    """Tables of `rows` rows of `width` numbers, one per category, beside `numbers` other features."""

    tables: int = 3
    rows: int = 4000
    width: int = 16
    crosses: int = 4
    numbers: int = 13
    batch: int = 5


def features(sizes: Sizes = Sizes()) -> Mapping[str, npt.NDArray[Any]]:
    """Inputs of the network."""
    draw = np.random.default_rng(1)
    return {
        "crosses": draw.integers(0, sizes.rows, (sizes.batch, sizes.crosses)),
        "categories": draw.integers(0, sizes.rows, (sizes.batch, sizes.tables)),
        "numbers": draw.standard_normal((sizes.batch, sizes.numbers), np.float32),
    }


def wide_deep(sizes: Sizes = Sizes(), seed: int = 0) -> onnx.ModelProto:
    """A sum of one number per crossed feature, beside a perceptron on embeddings: output `click` [batch, 1]."""
    build = Build(seed, "/model")
    wide = build.op("Gather", build.drawn(sizes.rows, 1, scale=1), "crosses")
    wide = build.op("ReduceSum", wide, build.shape(1), keepdims=0)
    embedded: list[str] = []
    for table in range(sizes.tables):
        column = build.op("Gather", "categories", build.constant(table, np.int64), axis=1)
        embedded.append(build.op("Gather", build.drawn(sizes.rows, sizes.width, scale=1), column))
    deep = build.op("Concat", *embedded, "numbers", axis=1)
    shape = (sizes.tables * sizes.width + sizes.numbers, 128, 64, 1)
    for number, (rows, columns) in enumerate(pairwise(shape)):
        weight, bias = build.drawn(columns, rows, scale=rows**-0.5), build.drawn(columns, scale=0.1)
        deep = build.op("Gemm", deep, weight, bias, transB=1)
        deep = build.op("Relu", deep) if number < 2 else deep
    click = build.op("Sigmoid", build.op("Add", wide, deep))
    return build.model("wide_deep", features(sizes), {"click": (click, (sizes.batch, 1))})
