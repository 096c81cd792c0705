"""Networks that once were computed wrongly below the graph level, on any number of cores, however they are sharded."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest

import passes.sharding.plans
from dialects import create_context
from dialects.aic import TargetAttr
from dialects.hardware import Hardware
from dialects.text import SourceMap, parse_module
from dialects.tile.sharding import Sharding
from passes.sharding.candidates import candidates
from passes.sharding.search import Node
from tests.tile.levels import assert_levels_agree

WINDOW = "dilations = array<i64: 1, 1>"
NETWORKS = {
    "output that is an input": ("2x3xf32", "2x3xf32", "func.return %x : tensor<2x3xf32>"),
    "one value twice": (
        "2x3xf32",
        "2x3xf32, 2x3xf32",
        """
        %0 = graph.relu %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
        func.return %0, %0 : tensor<2x3xf32>, tensor<2x3xf32>
        """,
    ),
    "value without dimensions": (
        "4xf32",
        "f32",
        """
        %i = graph.constant #aic.dense<2 : tensor<i64>>
        %0 = graph.gather %x, %i {axis = 0 : i64} : (tensor<4xf32>, tensor<i64>) -> tensor<f32>
        func.return %0 : tensor<f32>
        """,
    ),
    "table of a gather that is split": (
        "6x5x4xf32",
        "6x5x2xf32",
        """
        %i = graph.constant #aic.dense<[3, 1] : tensor<2xi64>>
        %0 = graph.gather %x, %i {axis = 2 : i64} : (tensor<6x5x4xf32>, tensor<2xi64>) -> tensor<6x5x2xf32>
        func.return %0 : tensor<6x5x2xf32>
        """,
    ),
    "padding behind blocks without a halo": (
        "1x5x5x4xf32",
        "1x3x5x4xf32",
        f"""
        %0 = graph.relu %x : (tensor<1x5x5x4xf32>) -> tensor<1x5x5x4xf32>
        %1 = graph.average_pool %0 {{{WINDOW}, kernel_shape = array<i64: 2, 1>, pads = array<i64: 0, 0, 1, 0>, strides = array<i64: 2, 1>}} : (tensor<1x5x5x4xf32>) -> tensor<1x3x5x4xf32>
        func.return %1 : tensor<1x3x5x4xf32>
        """,  # noqa: E501
    ),
    "more rows than the operand has": (
        "1x3x4x1xf32",
        "1x5x4x1xf32",
        f"""
        %w = graph.constant #aic.dense<[1.0, 2.0, 3.0] : tensor<3x1x1x1xf32>>
        %0 = graph.tanh %x : (tensor<1x3x4x1xf32>) -> tensor<1x3x4x1xf32>
        %1 = graph.conv %0, %w {{{WINDOW}, pads = array<i64: 2, 0, 2, 0>, strides = array<i64: 1, 1>}} : (tensor<1x3x4x1xf32>, tensor<3x1x1x1xf32>) -> tensor<1x5x4x1xf32>
        func.return %1 : tensor<1x5x4x1xf32>
        """,  # noqa: E501
    ),
    "product of stacks": (
        "1x2x6x4xf32",
        "1x2x6x6xf32",
        """
        %0 = graph.transpose %x {permutation = array<i64: 0, 1, 3, 2>} : (tensor<1x2x6x4xf32>) -> tensor<1x2x4x6xf32>
        %1 = graph.matmul %x, %0 : (tensor<1x2x6x4xf32>, tensor<1x2x4x6xf32>) -> tensor<1x2x6x6xf32>
        func.return %1 : tensor<1x2x6x6xf32>
        """,
    ),
    "mean of a value that lies in a padded buffer": (
        "1x5x5x7xf32",
        "1x1x5x1xf32, 1x5x5x7xf32",
        f"""
        %0 = graph.tanh %x : (tensor<1x5x5x7xf32>) -> tensor<1x5x5x7xf32>
        %1 = graph.average_pool %0 {{{WINDOW}, kernel_shape = array<i64: 3, 3>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>}} : (tensor<1x5x5x7xf32>) -> tensor<1x5x5x7xf32>
        %2 = graph.reduce_mean %0 {{axes = array<i64: 0, 1, 3>, keepdims = true}} : (tensor<1x5x5x7xf32>) -> tensor<1x1x5x1xf32>
        func.return %2, %1 : tensor<1x1x5x1xf32>, tensor<1x5x5x7xf32>
        """,  # noqa: E501
    ),
}


@pytest.mark.parametrize(("name", "cores"), list(product(NETWORKS, [1, 3, 16])))
def test_every_sharding(name: str, cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every candidate of every value, in turn."""
    taken, body = 0, NETWORKS[name]
    draw = np.random.default_rng(0)

    def chosen(nodes: Sequence[Node], cores: int, hardware: Hardware, **tuning: object) -> list[Sharding]:
        options = [candidates(node.shape, node.indexing.granularity, cores, 4) for node in nodes]
        return [
            shardings[(taken if n == 0 else int(draw.integers(99))) % len(shardings)]
            for n, shardings in enumerate(options)
        ]

    monkeypatch.setattr(passes.sharding.plans, "choose_shardings", chosen)
    for taken in range(12):
        results = ", ".join(f'tensor<{t}> {{aic.name = "y{n}"}}' for n, t in enumerate(body[1].split(", ")))
        text = f'func.func @main(%x: tensor<{body[0]}> {{aic.name = "x"}}) -> ({results}) {{\n{body[2]}\n}}'
        module = parse_module(create_context(), SourceMap(name, text))
        assert_levels_agree(module, cores, TargetAttr.of("pro", {"vtcm_bytes": 1 << 17}), taken)
