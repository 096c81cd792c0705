"""The DDR of a program: what it declares there, where it lies, and which of the host's buffers it is transferred from.

Inputs, outputs and the region of scratch tensors share the static shared DDR, in this order; constants have a segment
of their own.
Each input and output has a buffer of its own on the host, unless the module says that they are combined: then those of
one direction lie close together, and a few large transfers move them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp

from dialects.module import combines, main_of
from dialects.tile.ops import Buffer, Role, TensorOp, bytes_of, type_of
from dialects.tile.scratch import ALIGNMENT, scratch_end

COMBINED_ALIGNMENT = 128
"""The same of a tensor within combined buffers, whose gaps are transferred too: a cache line."""
MAX_BUFFER_BYTES = (1 << 32) - 1
"""A DMA buffer states its size in 32 bits."""


@dataclass(frozen=True)
class Port:
    """An input or output of the network: its name in the model, its tensor, and its place in shared DDR."""

    name: str
    type: Buffer
    size: int
    offset: int


@dataclass(frozen=True)
class HostBuffer:
    """A buffer of the host, and the part of shared DDR that has the same bytes: one transfer moves them."""

    ports: tuple[Port, ...]

    @property
    def offset(self) -> int:
        """Where it lies in shared DDR."""
        return self.ports[0].offset

    @property
    def size(self) -> int:
        """Its bytes, gaps between tensors included."""
        return self.ports[-1].offset + self.ports[-1].size - self.offset


@dataclass(frozen=True)
class SharedDdr:
    """Inputs and outputs in the order of the model, buffer by buffer, and the size of the whole region in bytes."""

    inputs: tuple[HostBuffer, ...]
    outputs: tuple[HostBuffer, ...]
    size: int

    @property
    def buffers(self) -> tuple[HostBuffer, ...]:
        """Those of inputs, then those of outputs: the order of DMA buffers."""
        return self.inputs + self.outputs

    @property
    def ports(self) -> tuple[Port, ...]:
        """Inputs, then outputs."""
        return tuple(port for buffer in self.buffers for port in buffer.ports)


def declared_tensors(module: ModuleOp) -> list[TensorOp]:
    """Every tensor in DDR that a program declares, in its order. Raises AicError when it has no function `main`."""
    return [op for op in main_of(module).body.walk() if isinstance(op, TensorOp)]


def lay_out_shared_ddr(module: ModuleOp) -> SharedDdr:
    """Places of inputs, outputs and scratch tensors. Raises AicError when the module has no function `main`."""
    tensors = declared_tensors(module)
    inputs, end = _laid_out(_of_role(tensors, "input"), 0, combined=combines(module, "inputs"))
    outputs, end = _laid_out(_of_role(tensors, "output"), end, combined=combines(module, "outputs"))
    return SharedDdr(inputs, outputs, end + scratch_end(tensors))


def _of_role(tensors: Iterable[TensorOp], role: Role) -> list[TensorOp]:
    return [tensor for tensor in tensors if tensor.role.data == role]


def _laid_out(tensors: Sequence[TensorOp], start: int, *, combined: bool) -> tuple[tuple[HostBuffer, ...], int]:
    """Tensors from `start` on, and where the next ones may start. Combined, as many as it can hold share a buffer."""
    groups: list[list[Port]] = []
    end = start
    for tensor in tensors:
        size = bytes_of(tensor.result)
        label = "" if tensor.label is None else tensor.label.data
        offset = _aligned(end, COMBINED_ALIGNMENT)
        if not combined or not groups or offset + size - groups[-1][0].offset > MAX_BUFFER_BYTES:
            offset = _aligned(end, ALIGNMENT)
            groups.append([])
        groups[-1].append(Port(label, type_of(tensor.result), size, offset))
        end = offset + size
    return tuple(HostBuffer(tuple(ports)) for ports in groups), _aligned(end, ALIGNMENT)


def _aligned(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment
