"""LSTM, GRU and RNN: products of all inputs and weights at once, then the recurrence over their results.

A direction that runs backwards gets the sequence the other way round, and its states are turned back. Sequences shorter
than the longest keep their states once they end: a backward one does so before it begins.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import i32

from aic.importer.builder import Builder, Value
from aic.importer.node import Node
from aic.importer.operators.movement import take
from aic.importer.problems import Misfit, Unsupported
from aic.importer.registry import converts
from dialects.element_types import is_float
from dialects.graph.contraction import MatmulOp
from dialects.graph.elementwise import AddOp, LessOp, SelectOp
from dialects.graph.kernels.recurrence import CELL_ACTIVATIONS
from dialects.graph.movement import ConcatOp
from dialects.graph.recurrence import GruOp, LstmOp, RecurrentOp, RnnOp

_NOTE = f"activations {', '.join(CELL_ACTIVATIONS)}, the same in both directions"


@dataclass(frozen=True)
class Layer:
    """One node: its op, the sequence [T, B, I], and which directions run backwards."""

    node: Node
    op: type[RecurrentOp]
    x: Value
    backward: tuple[bool, ...]
    hidden: int

    @property
    def steps(self) -> int:
        """Length of the sequence."""
        return self.x.shape[0]

    @property
    def batch(self) -> int:
        """Number of sequences."""
        return self.x.shape[1]

    @property
    def directions(self) -> int:
        """1 or 2."""
        return len(self.backward)

    @property
    def columns(self) -> int:
        """Elements of all gates."""
        return self.op.GATES * self.hidden


@converts("LSTM", note=f"{_NOTE}; without input_forget")
def lstm(builder: Builder, node: Node) -> list[Value]:
    node.only_default("input_forget", 0)
    layer = _layer(builder, node, LstmOp)
    rows = [_sum(builder, *_biases(builder, layer))]
    peepholes = node.optional(7)
    if peepholes is not None:
        parts = [
            _row(builder, layer, peepholes),
            builder.constant(np.zeros((layer.directions, 1, layer.hidden)), layer.x.element),
        ]
        rows.append(builder.emit(ConcatOp, parts, axis=2))
    return _outputs(builder, layer, rows, [node.optional(5), node.optional(6)])


@converts("GRU", note=_NOTE)
def gru(builder: Builder, node: Node) -> list[Value]:
    layer = _layer(builder, node, GruOp)
    of_input, of_state = _biases(builder, layer)
    if not node.integer("linear_before_reset", 0):
        return _outputs(builder, layer, [_sum(builder, of_input, of_state)], [node.optional(5)])
    gates, inner = range(2 * layer.hidden), range(2 * layer.hidden, layer.columns)
    zeros = builder.constant(np.zeros((layer.directions, 1, len(gates))), layer.x.element)
    early = _sum(builder, take(builder, of_input, {2: gates}), take(builder, of_state, {2: gates}))
    rows = [[early, take(builder, of_state, {2: inner})], [zeros, take(builder, of_input, {2: inner})]]
    joined = [builder.emit(ConcatOp, parts, axis=2) for parts in rows]
    return _outputs(builder, layer, joined, [node.optional(5)])


@converts("RNN", note=_NOTE)
def rnn(builder: Builder, node: Node) -> list[Value]:
    layer = _layer(builder, node, RnnOp)
    return _outputs(builder, layer, [_sum(builder, *_biases(builder, layer))], [node.optional(5)])


def _layer(builder: Builder, node: Node, op: type[RecurrentOp]) -> Layer:
    """The node's layer, its operands checked. Raises Misfit and Unsupported."""
    x, weight, recurrence = (node.operand(position) for position in range(3))
    if not is_float(x.element):
        raise Unsupported(f"element type {x.element}")
    if {x.rank, weight.rank, recurrence.rank} != {3}:
        raise Misfit(f"{x.type}, {weight.type} and {recurrence.type} need 3 dimensions each")
    direction = node.text("direction", "forward")
    backward = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}.get(direction)
    if backward is None:
        raise Misfit(f"direction {direction!r} is none of forward, reverse, bidirectional")
    if node.integer("layout", 0):
        x = builder.transpose(x, (1, 0, 2))
    layer = Layer(node, op, x, backward, recurrence.shape[2])
    expected = [(len(backward), layer.columns, size) for size in (x.shape[2], layer.hidden)]
    if [weight.shape, recurrence.shape] != expected or node.integer("hidden_size", layer.hidden) != layer.hidden:
        raise Misfit(f"{weight.type} and {recurrence.type} do not fit {x.type} and a state of {layer.hidden} elements")
    return layer


def _biases(builder: Builder, layer: Layer) -> tuple[Value, Value]:
    """Biases of inputs and of states, [directions, 1, columns] each."""
    given = layer.node.optional(3)
    if given is None:
        zeros = builder.constant(np.zeros((layer.directions, 1, layer.columns)), layer.x.element)
        return zeros, zeros
    if given.shape != (layer.directions, 2 * layer.columns):
        raise Misfit(f"bias {given.type} for {layer.columns} columns in {layer.directions} directions")
    rows = _row(builder, layer, given)
    first = take(builder, rows, {2: range(layer.columns)})
    return first, take(builder, rows, {2: range(layer.columns, 2 * layer.columns)})


def _row(builder: Builder, layer: Layer, vectors: Value) -> Value:
    """[directions, n] as [directions, 1, n]."""
    return builder.reshape(vectors, (layer.directions, 1, vectors.shape[-1]))


def _sum(builder: Builder, a: Value, b: Value) -> Value:
    return builder.emit(AddOp, [a, b])


def _activations(layer: Layer) -> dict[str, str]:
    """The property `activations`, if the node names any."""
    attribute = layer.node.attributes.get("activations")
    if attribute is None:
        return {}
    names = [name.decode(errors="replace").lower() for name in attribute.strings]
    each, unknown = names[: layer.op.FUNCTIONS], sorted(set(names) - set(CELL_ACTIVATIONS))
    if unknown:
        raise Unsupported(f"activations {', '.join(unknown)}; supported are {', '.join(CELL_ACTIVATIONS)}")
    if names != each * layer.directions:
        raise Unsupported(f"activations {', '.join(names)} that differ between directions")
    return {"activations": ",".join(each)}


def _turned(builder: Builder, layer: Layer, value: Value, axis: int) -> Value:
    """[directions, ..] with the steps of backward directions in the opposite order along `axis`."""
    order = range(layer.steps - 1, -1, -1)
    if len(set(layer.backward)) == 1:
        return take(builder, value, {axis: order}) if layer.backward[0] else value
    parts = [
        take(builder, value, {0: range(d, d + 1), **({axis: order} if back else {})})
        for d, back in enumerate(layer.backward)
    ]
    return builder.emit(ConcatOp, parts, axis=0)


def _gates(builder: Builder, layer: Layer) -> Value:
    """Products of the inputs with their weights [directions, T, B, columns], steps in each direction's order."""
    x, weight = builder.reshape(layer.x, (1, *layer.x.shape)), _weight(builder, layer, layer.node.operand(1))
    if layer.directions == 1:
        return builder.emit(MatmulOp, [_turned(builder, layer, x, 1), builder.reshape(weight, weight.shape[1:])])
    both = _turned(builder, layer, builder.expand(x, (layer.directions, *layer.x.shape)), 1)
    return builder.emit(MatmulOp, [both, builder.reshape(weight, (weight.shape[0], 1, *weight.shape[1:]))])


def _weight(builder: Builder, layer: Layer, rows: Value) -> Value:
    """Weights [directions, columns, n] as [directions, n, columns], the gates of each element side by side."""
    apart = builder.reshape(rows, (layer.directions, layer.op.GATES, layer.hidden, rows.shape[2]))
    return builder.reshape(builder.transpose(apart, (0, 3, 2, 1)), (layer.directions, rows.shape[2], layer.columns))


def _by_element(builder: Builder, layer: Layer, rows: Value) -> Value:
    """Rows [directions, n, columns] of biases, gate after gate, with the gates of each element side by side."""
    apart = builder.reshape(rows, (*rows.shape[:2], layer.op.GATES, layer.hidden))
    return builder.reshape(builder.transpose(apart, (0, 1, 3, 2)), rows.shape)


def _initial(builder: Builder, layer: Layer, given: Sequence[Value | None]) -> Value:
    """[states, directions, 1, B, H], zeros where nothing is given."""
    shape = (1, layer.directions, 1, layer.batch, layer.hidden)
    if not any(given):
        return builder.filled(np.zeros((), layer.x.dtype)[()], (layer.op.STATES, *shape[1:]))
    parts: list[Value] = []
    for state in given:
        if state is None:
            parts.append(builder.filled(np.zeros((), layer.x.dtype)[()], shape))
            continue
        turned = builder.transpose(state, (1, 0, 2)) if layer.node.integer("layout", 0) else state
        if turned.shape != (layer.directions, layer.batch, layer.hidden):
            raise Misfit(f"initial state {state.type} for a batch of {layer.batch}, {layer.hidden} elements")
        parts.append(builder.reshape(turned, shape))
    return parts[0] if len(parts) == 1 else builder.emit(ConcatOp, parts, axis=0)


def _valid(builder: Builder, layer: Layer) -> Value | None:
    """[directions, T, B, 1]: whether a step is one of its sequence; None where all of them are."""
    lengths = layer.node.optional(4)
    if lengths is None:
        return None
    known = builder.known(lengths)
    if known is not None and (known == layer.steps).all():
        return None
    steps = np.arange(layer.steps, dtype=np.int32)
    order = np.stack([steps[::-1] if back else steps for back in layer.backward])
    positions = builder.constant(order.reshape(layer.directions, layer.steps, 1, 1))
    return builder.emit(LessOp, [positions, builder.reshape(builder.cast(lengths, i32), (1, 1, layer.batch, 1))])


def _outputs(builder: Builder, layer: Layer, bias: Sequence[Value], initial: Sequence[Value | None]) -> list[Value]:
    """The node's outputs: hidden states of all steps, then the last ones of each state."""
    valid = _valid(builder, layer)
    first = _initial(builder, layer, initial)
    operands = [
        _gates(builder, layer),
        _weight(builder, layer, layer.node.operand(2)),
        _by_element(builder, layer, bias[0] if len(bias) == 1 else builder.emit(ConcatOp, bias, axis=1)),
        take(builder, first, {0: range(1)}),
        first,
        *([valid] if valid is not None else []),
    ]
    clip = {"clip": layer.node.number("clip", 0.0)} if layer.node.has("clip") else {}
    states = builder.emit(layer.op, operands, **_activations(layer), **clip)
    outputs = [_all_steps(builder, layer, states, valid)]
    last = range(layer.steps - 1, layer.steps)
    for state in range(layer.op.STATES):
        end = take(builder, states, {0: range(state, state + 1), 2: last})
        end = builder.reshape(end, (layer.directions, layer.batch, layer.hidden))
        outputs.append(builder.transpose(end, (1, 0, 2)) if layer.node.integer("layout", 0) else end)
    return outputs


def _all_steps(builder: Builder, layer: Layer, states: Value, valid: Value | None) -> Value:
    """Hidden states in the order of time [T, directions, B, H], or [B, T, directions, H]; zeros where there is none."""
    hidden = take(builder, states, {0: range(1)})
    hidden = builder.reshape(hidden, (layer.directions, layer.steps, layer.batch, layer.hidden))
    if valid is not None:
        hidden = builder.emit(SelectOp, [valid, hidden, builder.constant(0, layer.x.element)])
    hidden = _turned(builder, layer, hidden, 1)
    return builder.transpose(hidden, (2, 1, 0, 3) if layer.node.integer("layout", 0) else (1, 0, 2, 3))
