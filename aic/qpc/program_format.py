"""What encoder and decoder of NSP programs agree on.

    header    magic, u16 major, u16 minor, u32 operations, u64 payload size
    payload   zlib stream of: u64 size of the numbers, numbers, byte strings end to end

The numbers (`aic.qpc.words`) are, in order:

    strings     count, then the length of each
    classes     count, then the name of each attribute class (a string)
    attributes  count, then per attribute: class, number of words, words. Parametrized: its parameters (attributes);
                data: its payload (`aic.qpc.payload`). Refers to earlier attributes only.
    kinds       count, then per kind of operation: name, operands, results, regions, and count and names of its
                properties and of its other attributes
    operation   kind, location, operands, result types, property values, attribute values, regions. An operand is the
                distance back to its definition, counted in the values that are visible.
    region      0, or 1 and its block: count of arguments, type and location of each, count of operations, operations
"""

import struct
import zlib
from dataclasses import dataclass
from functools import cache
from inspect import isabstract

from xdsl.dialects import builtin
from xdsl.ir import Attribute, TypeAttribute

from aic.qpc.errors import QpcError

MAGIC = b"AICPROG\0"
MAJOR, MINOR = 1, 0
HEADER = struct.Struct("<8sHHIQ")
NUMBERS_SIZE = struct.Struct("<Q")
COMPRESSION_LEVEL = 6
BUILTIN_MARK = "/"
_MAX_COMPRESSION_RATIO = 1100  # deflate cannot do better than 1032 to 1


@dataclass(frozen=True)
class ProgramLimits:
    """Ceilings on what a program from a file may ask for.

    `attribute_nodes` bounds the size of all attributes, each with everything in it; `visits` the sum of these sizes
    over all uses of attributes by operations: shared parts are stored once, but verifying walks them once per use.
    """

    payload_bytes: int = 8 << 20
    string_bytes: int = 1 << 20
    operations: int = 1 << 17
    attributes: int = 1 << 17
    attribute_nodes: int = 1 << 20
    visits: int = 1 << 23
    rank: int = 64
    depth: int = 64


@dataclass(frozen=True)
class ProgramHeader:
    """The header of an encoded program."""

    major: int
    minor: int
    operations: int
    payload_bytes: int


def read_header(data: bytes | memoryview) -> ProgramHeader:
    """Read the header. Raises QpcError if this is no encoded program or one of another major version."""
    if len(data) < HEADER.size:
        raise QpcError(f"program: {len(data)} bytes are less than the {HEADER.size}-byte header")
    magic, major, minor, operations, payload_bytes = HEADER.unpack_from(data)
    if magic != MAGIC:
        raise QpcError("program: not an encoded NSP program (wrong magic)")
    if major != MAJOR:
        raise QpcError(f"program: encoding version {major}.{minor}, only {MAJOR}.x is read")
    return ProgramHeader(major, minor, operations, payload_bytes)


def pack_program(operations: int, numbers: bytes, strings: bytes) -> bytes:
    """Header and compressed payload."""
    payload = NUMBERS_SIZE.pack(len(numbers)) + numbers + strings
    return HEADER.pack(MAGIC, MAJOR, MINOR, operations, len(payload)) + zlib.compress(payload, COMPRESSION_LEVEL)


def unpack_program(data: bytes | memoryview, limits: ProgramLimits) -> tuple[ProgramHeader, bytes, memoryview]:
    """Header, numbers and strings of an encoded program.

    Raises QpcError if the header announces more than the limits allow, or anything but what the stream holds.
    """
    header = read_header(data)
    packed_bytes = len(data) - HEADER.size
    if header.operations > limits.operations:
        raise QpcError(f"program: {header.operations} operations, at most {limits.operations} are read")
    if header.payload_bytes > min(limits.payload_bytes, _MAX_COMPRESSION_RATIO * packed_bytes):
        raise QpcError(f"program: a payload of {header.payload_bytes} bytes in {packed_bytes} is too large")
    stream = zlib.decompressobj()
    try:
        payload = stream.decompress(data[HEADER.size :], header.payload_bytes + 1)
    except zlib.error as error:
        raise QpcError(f"program: the compressed payload is damaged ({error})") from error
    if len(payload) != header.payload_bytes or not stream.eof or stream.unused_data:
        raise QpcError(f"program: the payload does not have the announced {header.payload_bytes} bytes")
    if len(payload) < NUMBERS_SIZE.size:
        raise QpcError("program: the payload is cut off")
    (numbers_size,) = NUMBERS_SIZE.unpack_from(payload)
    end = NUMBERS_SIZE.size + numbers_size
    if end > len(payload):
        raise QpcError(f"program: {numbers_size} bytes of numbers in a payload of {len(payload)}")
    return header, payload[NUMBERS_SIZE.size : end], memoryview(payload)[end:]


@cache
def builtin_classes() -> dict[str, type[Attribute]]:
    """Class name -> attribute class, of the builtin dialect's attributes that can be encoded.

    They are known by class name because registry names repeat ("array") and not all of them are registered. A
    `dense_resource` is left out: its content lies outside the IR.
    """
    left_out = (builtin.DenseResourceAttr, builtin.UnregisteredAttr)
    return {
        name: value
        for name, value in vars(builtin).items()
        if isinstance(value, type)
        and issubclass(value, Attribute)
        and value.__module__ == builtin.__name__
        and value not in left_out
        and not isabstract(value)
    }


def class_name(cls: type[Attribute]) -> str:
    """How an attribute class is called in a file: `/Class` in the builtin dialect, else `!name` (types) or `#name`.

    Raises QpcError for what cannot be encoded.
    """
    if builtin_classes().get(cls.__name__) is cls:
        return BUILTIN_MARK + cls.__name__
    if issubclass(cls, builtin.DenseResourceAttr | builtin.UnregisteredAttr):
        raise QpcError(f"attribute {cls.name}: cannot be encoded, what it means lies outside the program")
    return ("!" if issubclass(cls, TypeAttribute) else "#") + cls.name
