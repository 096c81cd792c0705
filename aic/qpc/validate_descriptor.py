"""Checks of the network descriptor by itself: every tensor in its DMA buffer, every step one that the runtime does."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from aic.qpc.descriptor import (
    CopyDmaBuffer,
    Direction,
    IoBinding,
    IoDescriptor,
    NetworkDescriptor,
    TensorShape,
    TransformKind,
    tensor_bytes,
)


def check_descriptor(descriptor: NetworkDescriptor) -> Iterator[str]:
    """What is wrong with the descriptor, one line each."""
    yield from _check_names(descriptor)
    for direction, bindings in ((Direction.In, descriptor.inputs), (Direction.Out, descriptor.outputs)):
        for binding in bindings:
            for problem in _check_binding(binding, direction, descriptor):
                yield f"networkdesc.bin: {_role(direction)} {binding.name!r}: {problem}"
    yield from _check_overlaps(descriptor)
    yield from _check_threads(descriptor)
    for index, shapes in enumerate(descriptor.allowed_shapes):
        for problem in _check_shapes(shapes, descriptor):
            yield f"networkdesc.bin: allowed_shapes[{index}]{problem}"


def binding_copy(binding: IoBinding) -> CopyDmaBuffer | None:
    """Where the binding lies in its DMA buffer; None if it is optimised away or its steps are malformed."""
    return binding.transforms[0].copy if len(binding.transforms) == 1 else None


def _role(direction: Direction) -> str:
    return "input" if direction is Direction.In else "output"


def _check_names(descriptor: NetworkDescriptor) -> Iterator[str]:
    seen: set[str] = set()
    for binding in descriptor.bindings:
        if binding.name in seen:
            yield f"networkdesc.bin: two inputs or outputs are called {binding.name!r}"
        seen.add(binding.name)


def _check_binding(binding: IoBinding, direction: Direction, descriptor: NetworkDescriptor) -> Iterator[str]:
    for side in (binding.initial, binding.transformed, *binding.transforms):
        if min(side.dims, default=0) < 0:
            yield f"dimensions {list(side.dims)} must not be negative"
            return
    if not binding.transforms:
        return
    step = binding.transforms[0]
    copy = step.copy
    if len(binding.transforms) != 1 or step.kind is not TransformKind.CopyDMABuffer or copy is None:
        kinds = ", ".join(step.kind.name for step in binding.transforms)
        yield f"has the transforms {kinds}; the runtime does exactly one CopyDMABuffer"
        return
    if binding.initial.layout or binding.transformed.layout or step.layout:
        yield "has a layout other than 0 (FlatNXYD), which the runtime cannot copy"
    moved = tensor_bytes(step.type, step.dims)
    yield from _check_sides(binding, moved)
    if copy.direction is not direction:
        yield f"its CopyDMABuffer has direction {copy.direction.name}"
    if copy.buffer_num >= len(descriptor.dma_buffers):
        yield f"buffer_num is {copy.buffer_num}, there are {len(descriptor.dma_buffers)} DMA buffers"
        return
    buffer = descriptor.dma_buffers[copy.buffer_num]
    if buffer.direction is not direction:
        yield f"lies in DMA buffer {copy.buffer_num}, which has direction {buffer.direction.name}"
    if copy.offset + moved > buffer.size:
        yield (
            f"bytes {copy.offset} to {copy.offset + moved} lie outside DMA buffer {copy.buffer_num} "
            f"of {buffer.size} bytes"
        )


def _check_sides(binding: IoBinding, moved: int) -> Iterator[str]:
    sides: tuple[tuple[str, IoDescriptor], ...] = (
        ("io_initial", binding.initial),
        ("io_transformed", binding.transformed),
    )
    for name, side in sides:
        if side.byte_size != moved:
            yield f"{name} has {side.byte_size} bytes, but CopyDMABuffer moves {moved}"


def _check_overlaps(descriptor: NetworkDescriptor) -> Iterator[str]:
    placed: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
    for binding in descriptor.bindings:
        copy = binding_copy(binding)
        if copy is not None:
            placed[copy.buffer_num].append((copy.offset, copy.offset + binding.initial.byte_size, binding.name))
    for number, ranges in sorted(placed.items()):
        for (_, end, name), (start, _, next_name) in pairwise(sorted(ranges)):
            if end > start:
                yield f"networkdesc.bin: {name!r} and {next_name!r} overlap at byte {start} of DMA buffer {number}"


def _check_shapes(shapes: Sequence[TensorShape], descriptor: NetworkDescriptor) -> Iterator[str]:
    bindings = descriptor.bindings
    if len(shapes) != len(bindings):
        yield f" has {len(shapes)} shapes for {len(bindings)} inputs and outputs"
        return
    for index, (shape, binding) in enumerate(zip(shapes, bindings, strict=True)):
        if shape.type != binding.initial.type or tensor_bytes(shape.type, shape.dims) > binding.initial.byte_size:
            yield f"[{index}]: {shape.type.name} {list(shape.dims)} does not fit the buffer of {binding.name!r}"


def _check_threads(descriptor: NetworkDescriptor) -> Iterator[str]:
    groups, names = descriptor.thread_groups, descriptor.thread_group_names
    if len(groups) != descriptor.num_threads:
        yield f"networkdesc.bin: num_threads is {descriptor.num_threads}, but thread_groups has {len(groups)} entries"
    if descriptor.num_hvx_threads > descriptor.num_threads:
        yield f"networkdesc.bin: num_hvx_threads is {descriptor.num_hvx_threads} of {descriptor.num_threads} threads"
    for index, group in enumerate(groups):
        if group >= len(names):
            yield f"networkdesc.bin: thread_groups[{index}] is {group}, there are {len(names)} group names"
