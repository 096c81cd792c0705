"""Stacks of LSTM and GRU layers as PyTorch's exporters write them, built without PyTorch."""

from typing import Literal, TypeAlias

import numpy as np
import onnx

from tests.models.nodes import Nodes

Cell: TypeAlias = Literal["LSTM", "GRU"]
_GATES = {"LSTM": 4, "GRU": 3}


def recurrent(
    cell: Cell,
    sequence: int = 17,
    batch: int = 1,
    features: int = 256,
    hidden: int = 256,
    layers: int = 2,
    *,
    bidirectional: bool = False,
    initial_states: bool = False,
) -> onnx.ModelProto:
    """Layers one after the other on x [sequence, batch, features]; y is [sequence, batch, directions hidden].

    Further outputs are the last states of all layers, `h` and for LSTM `c`, [layers directions, batch, hidden]; further
    inputs, if asked for, the first ones, `h0` and `c0`.
    """
    build = Nodes()
    directions = 2 if bidirectional else 1
    states = ("h", "c") if cell == "LSTM" else ("h",)
    zero = build.constant(np.zeros((directions, batch, hidden)))
    last: dict[str, list[str]] = {state: [] for state in states}
    y, width = "x", features
    for layer in range(layers):
        first = [_layer_state(build, f"{state}0", layer, directions) if initial_states else zero for state in states]
        y, *ends = _layer(build, cell, y, width, hidden, directions, first)
        width = directions * hidden
        y = build.op("Transpose", y, perm=[0, 2, 1, 3])
        y = build.op("Reshape", y, build.integers(sequence, batch, width))
        for state, end in zip(states, ends, strict=True):
            last[state].append(end)
    outputs = {"y": y, **{state: build.op("Concat", *ends, axis=0) for state, ends in last.items()}}
    inputs = {"x": [sequence, batch, features]}
    if initial_states:
        inputs |= {f"{state}0": [layers * directions, batch, hidden] for state in states}
    return build.model(inputs, outputs)


def _layer_state(build: Nodes, name: str, layer: int, directions: int) -> str:
    low, high = build.integers(layer * directions), build.integers((layer + 1) * directions)
    return build.op("Slice", name, low, high, build.integers(0))


def _layer(build: Nodes, cell: Cell, x: str, inputs: int, hidden: int, directions: int, first: list[str]) -> list[str]:
    """All states of one layer, then the last ones. The attribute `linear_before_reset` is PyTorch's."""
    rows = _GATES[cell] * hidden
    weight = build.drawn(directions, rows, inputs, scale=inputs**-0.5)
    recurrence = build.drawn(directions, rows, hidden, scale=hidden**-0.5)
    bias = build.drawn(directions, 2 * rows, scale=0.1)
    more = {"linear_before_reset": 1} if cell == "GRU" else {}
    direction = "bidirectional" if directions == 2 else "forward"
    operands = (x, weight, recurrence, bias, "", *first)
    return build.ops(cell, 1 + len(first), *operands, hidden_size=hidden, direction=direction, **more)
