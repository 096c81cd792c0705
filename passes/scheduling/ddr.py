"""What a program takes of DDR, and what to say where that is more than there is."""

from collections.abc import Iterable, Sequence

from xdsl.dialects.builtin import NameLoc, f32
from xdsl.ir import Attribute

from dialects.tile.buffers import TensorOp, bytes_of, type_of
from dialects.tile.scratch import is_scratch, scratch_end

_NAMED = 3
"""Tensors that are named, the largest."""


def ddr_excess(tensors: Sequence[TensorOp], available: int) -> str | None:
    """Demand, bound, gap and the largest tensors of a program whose tensors take more than `available` bytes of DDR;
    None where they fit. Scratch tensors share what `scratch_end` says.
    """
    once = list(_once(tensors))
    constants = sum(bytes_of(tensor.result) for tensor in once if tensor.value is not None)
    ports = sum(bytes_of(tensor.result) for tensor in once if tensor.label is not None)
    scratch = scratch_end(tensors)
    demand = constants + ports + scratch
    if demand <= available:
        return None
    largest = sorted(once, key=lambda tensor: -bytes_of(tensor.result))[:_NAMED]
    named = ", ".join(f"{bytes_of(tensor.result)} of {_name(tensor)}" for tensor in largest)
    return (
        f"the network takes {demand} bytes of DDR, {demand - available} more than the {available} there are: "
        f"{constants} of constants, {ports} of inputs and outputs, {scratch} of activations; the largest are {named}; "
        f"less is taken with {' or '.join(_remedies(once))}"
    )


def _once(tensors: Iterable[TensorOp]) -> Iterable[TensorOp]:
    """The tensors, of those with the same constant the first."""
    known: set[Attribute] = set()
    for tensor in tensors:
        if tensor.value is None or tensor.value not in known:
            yield tensor
        if tensor.value is not None:
            known.add(tensor.value)


def _name(tensor: TensorOp) -> str:
    """The network's name of a tensor, or the node that made it or uses it first."""
    if tensor.label is not None:
        return f"{tensor.role.data} {tensor.label.data!r}"
    locations = (tensor.location, *(use.operation.location for use in tensor.result.uses))
    node = next((location.desc.data for location in locations if isinstance(location, NameLoc)), "no node")
    return f"{'activations of' if is_scratch(tensor) else 'constant'} {node}"


def _remedies(tensors: Iterable[TensorOp]) -> list[str]:
    found = ["fewer samples (batchsize)"]
    if any(type_of(tensor.result).element_type == f32 for tensor in tensors):
        found.insert(0, "half precision (convert-to-fp16)")
    return found
