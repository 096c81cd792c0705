"""A network as it runs: one of its programs for each inference, and the state that stays on the card in between."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from aic.specializations.choice import choose
from aic.tensors import Array, Shape, Signature
from dialects.retained import retaining

Run: TypeAlias = Callable[[int, Mapping[str, Array]], dict[str, Array]]
"""Runs the program of a number on all of its inputs; gives all of its outputs."""


class Network:
    """Programs of which one runs, and their state. Programs share the state of a name where its shape is the same."""

    def __init__(self, signatures: Sequence[Signature]) -> None:
        self.signatures = tuple(signatures)
        self.chosen = 0
        """Number of the program that ran last."""
        self._state: dict[tuple[str, Shape], Array] = {}

    def run(self, inputs: Mapping[str, Array], run: Run) -> dict[str, Array]:
        """One inference by `run`: outputs by name, but for those that stay on the card.

        What stays on the card and is missing among the inputs, or has no elements, is what the inference before left
        there; zeros at first.

        Raises AicError when no program, or not one alone, takes inputs of these shapes.
        """
        may_stay = self.signatures[0].retained
        given = {name: array for name, array in inputs.items() if name not in may_stay or np.size(array)}
        self.chosen = choose(self.signatures, {name: np.shape(array) for name, array in given.items()})
        state = self.state
        outputs = run(self.chosen, {**state, **given})
        for name in state:
            self._state[name, state[name].shape] = outputs.pop(retaining(name))
        return outputs

    @property
    def state(self) -> dict[str, Array]:
        """What stays on the card for the program that ran last, by the names of its inputs."""
        chosen = self.signatures[self.chosen]
        tensors = [tensor for tensor in chosen.inputs if tensor.name in chosen.retained]
        kept = {tensor: self._state.get((tensor.name, tensor.shape)) for tensor in tensors}
        return {t.name: np.zeros(t.shape, t.dtype) if array is None else array for t, array in kept.items()}

    def reset(self) -> None:
        """Forgets the state: it is zeros again."""
        self._state.clear()
