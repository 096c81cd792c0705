"""The DDR of a program: what it declares there, and where its inputs, outputs and scratch tensors lie.

They share the static shared DDR, in the order of their declaration; constants have a segment of their own.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp

from dialects.module import main_of
from dialects.tile.ops import Buffer, TensorOp, bytes_of, type_of

ALIGNMENT = 2048
"""Alignment in bytes of a tensor in shared DDR, and of the whole region."""


@dataclass(frozen=True)
class Port:
    """An input or output of the network: its name in the model, its tensor, and its place in shared DDR."""

    name: str
    type: Buffer
    size: int
    offset: int


@dataclass(frozen=True)
class SharedDdr:
    """Inputs and outputs in the order of the model, and the size of the whole region in bytes."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    size: int

    @property
    def ports(self) -> tuple[Port, ...]:
        """Inputs, then outputs: the order of DMA buffers."""
        return self.inputs + self.outputs


def declared_tensors(module: ModuleOp) -> list[TensorOp]:
    """Every tensor in DDR that a program declares, in its order. Raises AicError when it has no function `main`."""
    return [op for op in main_of(module).body.walk() if isinstance(op, TensorOp)]


def lay_out_shared_ddr(tensors: Iterable[TensorOp]) -> SharedDdr:
    """Places of inputs, outputs and scratch tensors."""
    ports: dict[str, list[Port]] = {"input": [], "output": [], "scratch": []}
    end = 0
    for tensor in tensors:
        role = tensor.role.data
        if role not in ports:
            continue
        size = bytes_of(tensor.result)
        name = "" if tensor.label is None else tensor.label.data
        ports[role].append(Port(name, type_of(tensor.result), size, end))
        end = -(-(end + size) // ALIGNMENT) * ALIGNMENT
    return SharedDdr(tuple(ports["input"]), tuple(ports["output"]), end)
