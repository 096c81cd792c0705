"""Recurrent networks."""

from typing import Any

from tools.exports.network import SEED, Network, library

_LENGTH = 50
_WIDTH = 256
"""Features of an element of a sequence, and of a state."""


def lstm() -> Network:
    """Two layers of LSTM on a sequence of 50: the states of the last layer and the last ones of both."""
    return _stack("LSTM", ("h", "c"))


def gru() -> Network:
    """Two layers of GRU on the same."""
    return _stack("GRU", ("h",))


def _stack(cell: str, states: tuple[str, ...]) -> Network:
    torch = library("torch")

    class Stack(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = getattr(torch.nn, cell)(_WIDTH, _WIDTH, num_layers=2)

        def forward(self, x: Any) -> tuple[Any, ...]:
            every, last = self.layers(x)
            return (every, *last) if len(states) > 1 else (every, last)

    torch.manual_seed(SEED)
    return Network(Stack().eval(), (torch.randn(_LENGTH, 1, _WIDTH),), ("x",), ("y", *states))
