"""CRC-32 of QPC parts.

The public format names the CRC segments and their form (one little-endian u32) but neither polynomial nor reflection.
This compiler's choice is CRC-32 as zlib and PNG compute it (polynomial 0x04C11DB7 reflected, initial value and final
exclusive or 0xFFFFFFFF).
"""

import struct
import zlib
from collections.abc import Collection, Mapping

from aic.qpc.container import CONSTANTS, NETWORK_ELF, Segment
from aic.qpc.elf import METADATA_SECTION, read_elf
from aic.qpc.errors import QpcError

CRC_SEGMENTS = ("network.elf.crc", "metadata.crc", "constants.bin.crc")
"""The CRC segments in the order in which they are written, each over the part that its name says."""

_CRC = struct.Struct("<I")


def crc32(data: bytes | memoryview) -> int:
    """CRC-32 of `data`, as zlib computes it."""
    return zlib.crc32(data)


def pack_crc(value: int) -> bytes:
    """The content of a CRC segment."""
    return _CRC.pack(value)


def unpack_crc(name: str, data: bytes | memoryview) -> int:
    """The value in the CRC segment called `name`. Raises QpcError unless it has exactly four bytes."""
    if len(data) != _CRC.size:
        raise QpcError(f"segment {name}: a CRC has {_CRC.size} bytes, this one has {len(data)}")
    return _CRC.unpack(data)[0]


def compute_crcs(segments: Mapping[str, Segment], names: Collection[str] = CRC_SEGMENTS) -> dict[str, int]:
    """CRC segment name -> CRC-32 of what it covers, for each of these names whose part can be found."""
    covered: dict[str, memoryview] = {}
    if NETWORK_ELF in segments:
        image = segments[NETWORK_ELF].data
        covered["network.elf.crc"] = image
        metadata = _metadata(image)
        if metadata is not None:
            covered["metadata.crc"] = metadata
    if CONSTANTS in segments:
        covered["constants.bin.crc"] = segments[CONSTANTS].data
    return {name: crc32(covered[name]) for name in CRC_SEGMENTS if name in covered and name in names}


def _metadata(image: memoryview) -> memoryview | None:
    try:
        return read_elf(image).sections.get(METADATA_SECTION)
    except QpcError:
        return None
