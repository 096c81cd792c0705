"""networkdesc.bin: what the host must know of a network: its inputs and outputs and the buffers they travel in.

The classes here are the part of the schema (`descriptor_schema`) that this compiler fills and the runtime reads; what
else a descriptor may hold (statistics, device CRCs, D32 paddings) survives in the file but is not in these classes.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from google.protobuf.message import DecodeError

from aic.qpc.descriptor_schema import NETWORK_DESCRIPTOR
from aic.qpc.errors import QpcError

MAJOR_VERSION, MINOR_VERSION = 9, 0
MAX_BYTES = 1 << 20
"""Of networkdesc.bin. What is read of it takes several hundred times as much memory."""
MAX_BINDINGS = 1 << 14
"""Inputs, outputs, and what else there is of one kind in one place."""
MAX_DIMENSIONS = 32


class DataType(IntEnum):
    """Element types of inputs and outputs, with the schema's names."""

    FloatTy = 0
    Float16Ty = 1
    Int8QTy = 2
    UInt8QTy = 3
    Int16QTy = 4
    Int32QTy = 5
    Int32ITy = 6
    Int64ITy = 7
    Int8Ty = 8

    @property
    def byte_size(self) -> int:
        """Bytes of one element."""
        return _ELEMENT_BYTES[self]


_ELEMENT_BYTES = (4, 2, 1, 1, 2, 4, 4, 8, 1)


class Direction(IntEnum):
    """Seen from the device."""

    In = 0
    Out = 1


class TransformKind(IntEnum):
    """What the host does to a tensor on its way from or to the user's buffer."""

    Convert = 0
    ConvertToD32 = 1
    ConvertFromD32 = 2
    Dequantize = 3
    Transpose = 4
    Quantize = 5
    CopyDMABuffer = 6


@dataclass(frozen=True)
class IoDescriptor:
    """A tensor: element type, dimensions, quantization (real = scale * (stored - offset)), layout 0 = dense."""

    type: DataType
    dims: tuple[int, ...]
    qscale: float = 1.0
    qoffset: int = 0
    layout: int = 0

    @property
    def byte_size(self) -> int:
        """Bytes of the tensor; a dimension of 0 counts as 1, as the runtime has it."""
        return tensor_bytes(self.type, self.dims)


@dataclass(frozen=True)
class CopyDmaBuffer:
    """Where a tensor lies in its DMA buffer: byte offset and index of the buffer."""

    direction: Direction
    offset: int
    buffer_num: int


@dataclass(frozen=True)
class Transform:
    """One step between the user's buffer and the DMA buffer; `copy` is there when `kind` is CopyDMABuffer."""

    kind: TransformKind
    type: DataType
    dims: tuple[int, ...]
    scale: float = 1.0
    offset: int = 0
    layout: int = 0
    copy: CopyDmaBuffer | None = None


@dataclass(frozen=True)
class IoBinding:
    """An input or output: the user's side, the device's side, and the steps in between.

    For an input `initial` is the user's side; an output is described by `initial` in the DMA buffer and by
    `transformed` in the user's buffer. `align` is used only if partial inputs are allowed.
    """

    name: str
    initial: IoDescriptor
    transformed: IoDescriptor
    transforms: tuple[Transform, ...]
    is_partial_allowed: bool = False
    align: int = 0

    @staticmethod
    def copied(
        name: str, type: DataType, dims: Sequence[int], direction: Direction, buffer_num: int, offset: int = 0
    ) -> "IoBinding":
        """A binding of a tensor that is only copied: same type and dimensions on both sides."""
        tensor = IoDescriptor(type, tuple(dims))
        copy = Transform(
            TransformKind.CopyDMABuffer, type, tuple(dims), copy=CopyDmaBuffer(direction, offset, buffer_num)
        )
        return IoBinding(name, tensor, tensor, (copy,))

    def quantized(self, scale: float, offset: int) -> "IoBinding":
        """The binding of integers that have this scale and offset on both sides: nothing is done to them."""
        initial, transformed = (
            replace(side, qscale=scale, qoffset=offset) for side in (self.initial, self.transformed)
        )
        return replace(self, initial=initial, transformed=transformed)

    @staticmethod
    def kept(name: str, type: DataType, dims: Sequence[int]) -> "IoBinding":
        """A binding of a tensor that stays on the card: nothing is done to it."""
        tensor = IoDescriptor(type, tuple(dims))
        return IoBinding(name, tensor, tensor, ())


@dataclass(frozen=True)
class DmaBuffer:
    """A host buffer, `size` bytes, that is transferred in one direction. Its index is its position."""

    size: int
    direction: Direction


@dataclass(frozen=True)
class TensorShape:
    """Type and dimensions of one input or output under a specialization."""

    type: DataType
    dims: tuple[int, ...]


@dataclass(frozen=True)
class NetworkDescriptor:
    """The network as the host sees it.

    `thread_groups` has the group (index into `thread_group_names`) of each thread of a core. Each entry of
    `allowed_shapes` lists the shapes of all inputs, then of all outputs.
    """

    name: str
    inputs: tuple[IoBinding, ...]
    outputs: tuple[IoBinding, ...]
    dma_buffers: tuple[DmaBuffer, ...]
    num_cores: int
    batch_size: int = 1
    num_threads: int = 0
    num_hvx_threads: int = 0
    thread_groups: tuple[int, ...] = ()
    thread_group_names: tuple[str, ...] = ()
    thread_group_issue_count: int = 0
    cluster_offsets: tuple[int, ...] = (0,)
    allowed_shapes: tuple[tuple[TensorShape, ...], ...] = ()
    major_version: int = MAJOR_VERSION
    minor_version: int = MINOR_VERSION

    @property
    def bindings(self) -> tuple[IoBinding, ...]:
        """All inputs, then all outputs: the order of the runtime's indexes."""
        return self.inputs + self.outputs


def tensor_bytes(type: DataType, dims: Iterable[int]) -> int:
    """Bytes of a dense tensor; a dimension of 0 counts as 1, no dimension is a scalar."""
    return type.byte_size * math.prod(max(dim, 1) for dim in dims)


def serialize_descriptor(descriptor: NetworkDescriptor) -> bytes:
    """networkdesc.bin. Raises QpcError, naming the field, if a number does not fit its field, or if it is too large."""
    message = NETWORK_DESCRIPTOR()
    try:
        _fill(message, descriptor)
    except (ValueError, TypeError) as error:
        raise QpcError(f"networkdesc.bin of '{descriptor.name}': {error}") from error
    data = message.SerializeToString(deterministic=True)
    if len(data) > MAX_BYTES or len(descriptor.bindings) > MAX_BINDINGS:
        raise QpcError(
            f"networkdesc.bin of '{descriptor.name}': {len(descriptor.bindings)} inputs and outputs in {len(data)} "
            f"bytes; at most {MAX_BINDINGS} in {MAX_BYTES} are read"
        )
    return data


def parse_descriptor(data: bytes | memoryview) -> NetworkDescriptor:
    """Read networkdesc.bin. Raises QpcError on malformed bytes, on more than the ceilings allow, and on enum values
    that the schema does not have.
    """
    message = _parse(data)
    _check_counts(message)
    try:
        return NetworkDescriptor(
            name=message.network_name,
            inputs=tuple(_binding(binding) for binding in message.inputs),
            outputs=tuple(_binding(binding) for binding in message.outputs),
            dma_buffers=tuple(DmaBuffer(buffer.size, Direction(buffer.dir)) for buffer in message.dma_buffers),
            num_cores=message.num_cores,
            batch_size=message.batch_size,
            num_threads=message.num_threads,
            num_hvx_threads=message.num_hvx_threads,
            thread_groups=tuple(message.thread_groups),
            thread_group_names=tuple(message.thread_group_names),
            thread_group_issue_count=message.thread_group_issue_count,
            cluster_offsets=tuple(message.cluster_offsets),
            allowed_shapes=tuple(
                tuple(TensorShape(DataType(shape.type), tuple(shape.dims)) for shape in shapes.shapes)
                for shapes in message.allowed_shapes
            ),
            major_version=message.major_version,
            minor_version=message.minor_version,
        )
    except ValueError as error:
        raise QpcError(f"networkdesc.bin: {error}") from error


def descriptor_json(data: bytes | memoryview) -> str:
    """networkdesc.bin as JSON with the schema's field names, everything in it included. Raises QpcError."""
    from google.protobuf import json_format

    return (
        json_format.MessageToJson(
            _parse(data), preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        + "\n"
    )


def _parse(data: bytes | memoryview) -> Any:
    if len(data) > MAX_BYTES:
        raise QpcError(f"networkdesc.bin: {len(data)} bytes, at most {MAX_BYTES} are read")
    message = NETWORK_DESCRIPTOR()
    try:
        message.ParseFromString(bytes(data))
    except DecodeError as error:
        raise QpcError(f"networkdesc.bin: not a network descriptor ({error})") from error
    return message


def _check_counts(message: Any) -> None:
    bindings = (*message.inputs, *message.outputs)
    steps = [step for binding in bindings for step in binding.transformseq]
    tensors = [tensor for binding in bindings for tensor in (binding.io_initial, binding.io_transformed)]
    shapes = [shape for entry in message.allowed_shapes for shape in entry.shapes]
    for what, count in (
        ("inputs and outputs", len(bindings)),
        ("transforms", len(steps)),
        ("DMA buffers", len(message.dma_buffers)),
        ("allowed shapes", len(shapes)),
        ("threads", len(message.thread_groups)),
    ):
        if count > MAX_BINDINGS:
            raise QpcError(f"networkdesc.bin: {count} {what}, at most {MAX_BINDINGS} are read")
    longest = max((len(each.dims) for each in (*tensors, *steps, *shapes)), default=0)
    if longest > MAX_DIMENSIONS:
        raise QpcError(f"networkdesc.bin: a tensor of {longest} dimensions, at most {MAX_DIMENSIONS} are read")


def _fill(message: Any, descriptor: NetworkDescriptor) -> None:
    message.major_version = descriptor.major_version
    message.minor_version = descriptor.minor_version
    message.network_name = descriptor.name
    for binding in descriptor.inputs:
        _fill_binding(message.inputs.add(), binding)
    for binding in descriptor.outputs:
        _fill_binding(message.outputs.add(), binding)
    for buffer in descriptor.dma_buffers:
        message.dma_buffers.add(size=buffer.size, dir=buffer.direction)
    message.num_cores = descriptor.num_cores
    message.num_threads = descriptor.num_threads
    message.num_hvx_threads = descriptor.num_hvx_threads
    message.thread_groups.extend(descriptor.thread_groups)
    message.thread_group_issue_count = descriptor.thread_group_issue_count
    message.thread_group_names.extend(descriptor.thread_group_names)
    message.batch_size = descriptor.batch_size
    message.cluster_offsets.extend(descriptor.cluster_offsets)
    for shapes in descriptor.allowed_shapes:
        entry = message.allowed_shapes.add()
        for shape in shapes:
            entry.shapes.add(type=shape.type, dims=shape.dims)


def _fill_binding(message: Any, binding: IoBinding) -> None:
    message.name = binding.name
    _fill_tensor(message.io_initial, binding.initial)
    _fill_tensor(message.io_transformed, binding.transformed)
    for step in binding.transforms:
        entry = message.transformseq.add(
            kind=step.kind, type=step.type, scale=step.scale, offset=step.offset, dims=step.dims, layout=step.layout
        )
        if step.copy is not None:
            entry.copy_dma_buffer.dir = step.copy.direction
            entry.copy_dma_buffer.offset = step.copy.offset
            entry.copy_dma_buffer.buffer_num = step.copy.buffer_num
            entry.copy_dma_buffer.SetInParent()
    message.is_partial_allowed = binding.is_partial_allowed
    message.align = binding.align


def _fill_tensor(message: Any, tensor: IoDescriptor) -> None:
    message.type = tensor.type
    message.qscale = tensor.qscale
    message.qoffset = tensor.qoffset
    message.dims.extend(tensor.dims)
    message.layout = tensor.layout
    message.SetInParent()


def _binding(message: Any) -> IoBinding:
    return IoBinding(
        name=message.name,
        initial=_tensor(message.io_initial),
        transformed=_tensor(message.io_transformed),
        transforms=tuple(_transform(step) for step in message.transformseq),
        is_partial_allowed=message.is_partial_allowed,
        align=message.align,
    )


def _tensor(message: Any) -> IoDescriptor:
    return IoDescriptor(DataType(message.type), tuple(message.dims), message.qscale, message.qoffset, message.layout)


def _transform(message: Any) -> Transform:
    copy = message.copy_dma_buffer
    return Transform(
        kind=TransformKind(message.kind),
        type=DataType(message.type),
        dims=tuple(message.dims),
        scale=message.scale,
        offset=message.offset,
        layout=message.layout,
        copy=CopyDmaBuffer(Direction(copy.dir), copy.offset, copy.buffer_num)
        if message.HasField("copy_dma_buffer")
        else None,
    )
