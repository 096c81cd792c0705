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
Step: TypeAlias = Callable[[Array, States], States]
"""States [.., D, B, H] after a step, from its gates [.., D, B, G H] and the states before."""


def _run(step: Step, gates: Array, weight: Array, initial: Array, valid: Array | None) -> Array:
    """States [.., S, D, T, B, H] after all steps.

    Where all of a stack meet one weight, the stack becomes part of the batch, so that a step reads the weight once.
    """
    stack = gates.shape[:-4]
    if not stack or weight.ndim > 3:
        return _states(step, gates, initial, valid)
    batch = gates.shape[-2]
    counts = None if valid is None else _merged(valid, stack, 4)
    y = _states(step, _merged(gates, stack, 4), _merged(initial, stack, 5), counts)
    y = y.reshape(*y.shape[:-2], *stack, batch, y.shape[-1])
    return np.moveaxis(y, range(3, 3 + len(stack)), range(len(stack)))


def _merged(part: Array, stack: Sequence[int], own: int) -> Array:
    """The stack moved into the last dimension but one."""
    part = np.broadcast_to(part, (*stack, *part.shape[part.ndim - own :]))
    part = np.moveaxis(part, range(len(stack)), range(own - 2, own - 2 + len(stack)))
    return part.reshape(*part.shape[: own - 2], -1, part.shape[-1])


def _states(step: Step, gates: Array, initial: Array, valid: Array | None) -> Array:
    steps = gates.shape[-3]
    states = tuple(initial[..., s, :, 0, :, :] for s in range(initial.shape[-5]))
    result = np.empty((*gates.shape[:-4], len(states), gates.shape[-4], steps, *initial.shape[-2:]), gates.dtype)
    for t in range(steps):
        after = step(gates[..., t, :, :], states)
        if valid is not None:
            counts = valid[..., t, :, :]
            after = tuple(np.where(counts, new, old) for new, old in zip(after, states, strict=True))
        for s, state in enumerate(after):
            result[..., s, :, t, :, :] = state
        states = after
    return result


def _functions(activations: str) -> list[Callable[[Array], Array]]:
    return [KERNELS[name] for name in activations.split(",")]


def _limited(values: Array, clip: float) -> Array:
    return np.clip(values, -clip, clip) if clip else values


def _rows(bias: Array) -> list[Array]:
    """The rows of a bias [.., D, n, G H], each [.., D, 1, G H]."""
    return [bias[..., row : row + 1, :] for row in range(bias.shape[-2])]


@kernel
def lstm(
    gates: Array,
    weight: Array,
    bias: Array,
    initial: Array,
    valid: Array | None = None,
    *,
    activations: str = "sigmoid,tanh,tanh",
    clip: float = 0.0,
) -> Array:
    gate, inner, outer = _functions(activations)
    size = weight.shape[-2]
    offset, *peepholes = _rows(bias)

    def step(x: Array, states: States) -> States:
        hidden, cell = states
        total = hidden @ weight
        total += x
        total += offset
        taken, shown, kept, new = (total[..., part * size : (part + 1) * size] for part in range(4))
        if peepholes:
            taken, kept = (
                part + peepholes[0][..., p * size : (p + 1) * size] * cell for part, p in ((taken, 0), (kept, 2))
            )
        cell = gate(_limited(kept, clip)) * cell + gate(_limited(taken, clip)) * inner(_limited(new, clip))
        if peepholes:
            shown = shown + peepholes[0][..., size : 2 * size] * cell
        return gate(_limited(shown, clip)) * outer(cell), cell

    return _run(step, gates, weight, initial, valid)


@kernel
def gru(
    gates: Array,
    weight: Array,
    bias: Array,
    initial: Array,
    valid: Array | None = None,
    *,
    activations: str = "sigmoid,tanh",
    clip: float = 0.0,
) -> Array:
    gate, inner = _functions(activations)
    size = weight.shape[-2]
    before, *after = _rows(bias)
    of_gates, of_hidden = (np.ascontiguousarray(part) for part in (weight[..., : 2 * size], weight[..., 2 * size :]))

    def step(x: Array, states: States) -> States:
        (hidden,) = states
        both = gate(_limited(x[..., : 2 * size] + hidden @ of_gates + before[..., : 2 * size], clip))
        update, reset = both[..., :size], both[..., size:]
        if after:
            new = reset * (hidden @ of_hidden + before[..., 2 * size :]) + after[0][..., 2 * size :]
        else:
            new = (reset * hidden) @ of_hidden + before[..., 2 * size :]
        new = inner(_limited(new + x[..., 2 * size :], clip))
        return (new + update * (hidden - new),)

    return _run(step, gates, weight, initial, valid)


@kernel
def rnn(
    gates: Array,
    weight: Array,
    bias: Array,
    initial: Array,
    valid: Array | None = None,
    *,
    activations: str = "tanh",
    clip: float = 0.0,
) -> Array:
    (function,) = _functions(activations)

    def step(x: Array, states: States) -> States:
        return (function(_limited(states[0] @ weight + x + bias, clip)),)

    return _run(step, gates, weight, initial, valid)
