"""Where the scratch tensors of a program lie: in one region of DDR, at addresses from its begin on. Those that hold
something at the same time lie apart; one without an address lies behind all that have one.
"""

from collections.abc import Iterable

from dialects.channels import PLACES
from dialects.tile.buffers import TensorOp, bytes_of

ALIGNMENT = 2048
"""Alignment in bytes of a tensor in shared DDR."""


def is_scratch(tensor: TensorOp) -> bool:
    """Whether a tensor is neither an input or output nor a constant."""
    return tensor.role.data == "scratch"


def scratch_bytes(tensor: TensorOp) -> int:
    """Bytes that a scratch tensor takes in the region."""
    return -(-bytes_of(tensor.result) // ALIGNMENT) * ALIGNMENT


def scratch_end(tensors: Iterable[TensorOp]) -> int:
    """Bytes of the region of scratch tensors."""
    end, behind = 0, 0
    for tensor in filter(is_scratch, tensors):
        size = scratch_bytes(tensor)
        if tensor.address is None:
            behind += size
        else:
            end = max(end, tensor.address.value.data + size)
    return end + behind


def channel_bytes(tensors: Iterable[TensorOp]) -> int:
    """Bytes of what a program sends to other parts of its network and receives from them: all places of each."""
    moved = [tensor for tensor in tensors if tensor.role.data in ("send", "receive")]
    return PLACES * sum(scratch_bytes(tensor) for tensor in moved)
