"""What `tools.make_models` exports."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

SEED = 0
"""Of the weights."""


@dataclass(frozen=True)
class Network:
    """A PyTorch module with the inputs that it is exported with, and the names of its inputs and outputs."""

    module: Any
    inputs: tuple[Any, ...]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]


def library(name: str) -> Any:
    """A library of the extra `models`, which type checking knows nothing of."""
    return import_module(name)


def returning(module: Any, input_names: Sequence[str], *fields: str) -> Any:
    """A module that takes inputs in order where another takes them by name, and returns fields of the other's result as
    a tuple, as exporters need it.
    """
    torch = library("torch")

    class Returning(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, *inputs: Any) -> tuple[Any, ...]:
            result = self.inner(**dict(zip(input_names, inputs, strict=True)))
            return tuple(getattr(result, field) for field in fields)

    return Returning().eval()
