"""Sequences of unsigned numbers as bytes: seven bits per byte, low bits first, high bit = more to come (LEB128)."""

from collections.abc import Sequence

import numpy as np

from aic.qpc.errors import QpcError

MAX_WORD = (1 << 63) - 1
_MAX_BYTES = 9


def pack_words(words: Sequence[int]) -> bytes:
    """Encode numbers from 0 to 2**63 - 1."""
    values = np.array(words, dtype=np.uint64)
    sizes = np.ones(len(values), dtype=np.int64)
    for extra in range(1, _MAX_BYTES):
        sizes += values >= np.uint64(1 << (7 * extra))
    starts = np.cumsum(sizes) - sizes
    packed = np.zeros(int(sizes.sum()), dtype=np.uint8)
    for index in range(int(sizes.max(initial=0))):
        has_byte = sizes > index
        bits = (values[has_byte] >> np.uint64(7 * index)) & np.uint64(0x7F)
        more = np.where(sizes[has_byte] > index + 1, 0x80, 0)
        packed[starts[has_byte] + index] = bits.astype(np.uint8) | more.astype(np.uint8)
    return packed.tobytes()


def unpack_words(data: bytes | memoryview) -> list[int]:
    """Decode numbers. Raises QpcError if one is cut off or exceeds 63 bits."""
    packed = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(packed < 0x80)
    if packed.size and packed[-1] >= 0x80:
        raise QpcError("program: the last number is cut off")
    sizes = np.diff(ends, prepend=-1)
    if int(sizes.max(initial=0)) > _MAX_BYTES:
        raise QpcError("program: a number has more than 63 bits")
    values = np.zeros(len(ends), dtype=np.uint64)
    starts = ends - sizes + 1
    for index in range(int(sizes.max(initial=0))):
        has_byte = sizes > index
        bits = (packed[starts[has_byte] + index] & 0x7F).astype(np.uint64)
        values[has_byte] |= bits << np.uint64(7 * index)
    return values.tolist()
