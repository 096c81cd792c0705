"""constantsdesc.bin: how many bytes of constants.bin are static, how many dynamic, and their error correction.

u64 static size, u64 dynamic size, u8 static ECC, u8 dynamic ECC, 6 bytes of padding
"""

import struct
from dataclasses import dataclass

from aic.qpc.errors import QpcError

_LAYOUT = struct.Struct("<QQBB6x")


@dataclass(frozen=True)
class ConstantsDescriptor:
    """Sizes in bytes of the static and the dynamic part of constants.bin, in this order in the file."""

    static_size: int = 0
    dynamic_size: int = 0
    static_ecc: bool = False
    dynamic_ecc: bool = False

    def pack(self) -> bytes:
        """The 24 bytes of the segment."""
        return _LAYOUT.pack(self.static_size, self.dynamic_size, self.static_ecc, self.dynamic_ecc)

    @staticmethod
    def unpack(data: bytes | memoryview) -> "ConstantsDescriptor":
        """Read the segment. Raises QpcError unless it has 24 bytes and its flags are 0 or 1."""
        if len(data) != _LAYOUT.size:
            raise QpcError(f"constantsdesc.bin: {_LAYOUT.size} bytes expected, {len(data)} found")
        static_size, dynamic_size, static_ecc, dynamic_ecc = _LAYOUT.unpack(data)
        if static_ecc > 1 or dynamic_ecc > 1:
            raise QpcError(f"constantsdesc.bin: ECC flags {static_ecc} and {dynamic_ecc}, each must be 0 or 1")
        return ConstantsDescriptor(static_size, dynamic_size, bool(static_ecc), bool(dynamic_ecc))
