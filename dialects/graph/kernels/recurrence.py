"""Kernels of recurrences: a loop over time whose steps are products of the state with the weights.

Operands are those of `dialects.graph.recurrence`, with a stack of cores before them or not.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from dialects.graph.kernels.registry import KERNELS, Array, kernel

CELL_ACTIVATIONS = ("sigmoid", "tanh", "relu", "softplus")
"""Kernels that may be named as activations of a recurrence."""

States: TypeAlias = tuple[Array, ...]
Step: TypeAlias = Callable[[Array, Array, States], States]
"""States [.., D, B, H] after a step, from its gates [.., D, B, H G], the first state and the states before."""


def _run(step: Step, gates: Array, weight: Array, hidden: Array, initial: Array, valid: Array | None) -> Array:
    """States [.., S, D, T, B, H] after all steps.

    Where all of a stack meet one weight, the stack becomes part of the batch, so that a step reads the weight once.
    """
    stack = gates.shape[:-4]
    if not stack or weight.ndim > 3:
        return _states(step, gates, hidden, initial, valid)
    batch = gates.shape[-2]
    counts = None if valid is None else _merged(valid, stack, 4)
    y = _states(step, _merged(gates, stack, 4), _merged(hidden, stack, 5), _merged(initial, stack, 5), counts)
    y = y.reshape(*y.shape[:-2], *stack, batch, y.shape[-1])
    return np.moveaxis(y, range(3, 3 + len(stack)), range(len(stack)))


def _merged(part: Array, stack: Sequence[int], own: int) -> Array:
    """The stack moved into the last dimension but one."""
    part = np.broadcast_to(part, (*stack, *part.shape[part.ndim - own :]))
    part = np.moveaxis(part, range(len(stack)), range(own - 2, own - 2 + len(stack)))
    return part.reshape(*part.shape[: own - 2], -1, part.shape[-1])


def _states(step: Step, gates: Array, hidden: Array, initial: Array, valid: Array | None) -> Array:
    steps = gates.shape[-3]
    first = hidden[..., 0, :, 0, :, :]
    states = tuple(initial[..., s, :, 0, :, :] for s in range(initial.shape[-5]))
    result = np.empty((*gates.shape[:-4], len(states), gates.shape[-4], steps, *initial.shape[-2:]), gates.dtype)
    for t in range(steps):
        after = step(gates[..., t, :, :], first, states)
        if valid is not None:
            counts = valid[..., t, :, :]
            after = tuple(np.where(counts, new, old) for new, old in zip(after, states, strict=True))
        for s, state in enumerate(after):
            result[..., s, :, t, :, :] = state
        first, states = after[0], after
    return result


def _functions(activations: str) -> list[Callable[[Array], Array]]:
    return [KERNELS[name] for name in activations.split(",")]


def _limited(values: Array, clip: float) -> Array:
    return np.clip(values, -clip, clip) if clip else values


def _rows(bias: Array) -> list[Array]:
    """The rows of a bias [.., D, n, H G], each [.., D, 1, H G]."""
    return [bias[..., row : row + 1, :] for row in range(bias.shape[-2])]


def _parts(columns: Array, gates: int) -> list[Array]:
    """Gate by gate the elements [.., H] of columns [.., H G]."""
    return [columns[..., gate::gates] for gate in range(gates)]


@kernel
def lstm(
    gates: Array,
    weight: Array,
    bias: Array,
    hidden: Array,
    initial: Array,
    valid: Array | None = None,
    *,
    activations: str = "sigmoid,tanh,tanh",
    clip: float = 0.0,
) -> Array:
    gate, inner, outer = _functions(activations)
    offset, *more = _rows(bias)
    peepholes = _parts(more[0], 4) if more else None

    def step(x: Array, first: Array, states: States) -> States:
        _, cell = states
        total = first @ weight
        total += x
        total += offset
        taken, shown, kept, new = _parts(total, 4)
        if peepholes:
            taken, kept = taken + peepholes[0] * cell, kept + peepholes[2] * cell
        cell = gate(_limited(kept, clip)) * cell + gate(_limited(taken, clip)) * inner(_limited(new, clip))
        if peepholes:
            shown = shown + peepholes[1] * cell
        return gate(_limited(shown, clip)) * outer(cell), cell

    return _run(step, gates, weight, hidden, initial, valid)


@kernel
def gru(
    gates: Array,
    weight: Array,
    bias: Array,
    hidden: Array,
    initial: Array,
    valid: Array | None = None,
    *,
    activations: str = "sigmoid,tanh",
    clip: float = 0.0,
) -> Array:
    gate, inner = _functions(activations)
    before, *after = _rows(bias)
    offset = _parts(after[0], 3)[2] if after else _parts(before, 3)[2]
    # Where the reset gate applies to the state, the product with its result comes apart.
    of_new = None if after else np.ascontiguousarray(weight[..., 2::3])

    def step(x: Array, first: Array, states: States) -> States:
        (state,) = states
        update, reset, new = _parts(first @ weight + before, 3)
        of_update, of_reset, of_input = _parts(x, 3)
        update, reset = gate(_limited(update + of_update, clip)), gate(_limited(reset + of_reset, clip))
        new = reset * new if of_new is None else (reset * state) @ of_new
        new = inner(_limited(new + offset + of_input, clip))
        return (new + update * (state - new),)

    return _run(step, gates, weight, hidden, initial, valid)


@kernel
def rnn(
    gates: Array,
    weight: Array,
    bias: Array,
    hidden: Array,
    initial: Array,
    valid: Array | None = None,
    *,
    activations: str = "tanh",
    clip: float = 0.0,
) -> Array:
    (function,) = _functions(activations)

    def step(x: Array, first: Array, states: States) -> States:
        return (function(_limited(first @ weight + x + bias, clip)),)

    return _run(step, gates, weight, hidden, initial, valid)
