"""Flatbuffer tables declared as dataclasses: one declaration drives the builder and the checked reader.

A table is a frozen dataclass derived from `Table`; the position of a field is its id, its annotation is its type:

    U8, U16, U32, U64, I8       scalars
    str                         string
    bytes                       vector of u8
    tuple[X, ...]               vector of scalars, strings, tables or structs
    T or T | None               table; None = absent

A `Struct` holds scalars only and is stored in line. All fields are written, defaults included, as the vendor's writer
does. The reader trusts nothing: every offset, vtable, vector and string is checked to lie inside the buffer and to be
aligned, and depth and total size are bounded, as many offsets may lead to one part.
Source of the layout: "FlatBuffers internals", flatbuffers.dev.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from types import UnionType
from typing import Annotated, Any, Protocol, TypeVar, cast, get_args, get_origin, get_type_hints

import flatbuffers

from aic.qpc.errors import QpcError

MAX_DEPTH = 16
MAX_SHARING = 4
"""What is read in all, in multiples of the buffer's size."""
MAX_BYTES = 4 << 20
MAX_TABLES = 1 << 16
"""Tables that are read in all; each takes far more memory than in the buffer."""


@dataclass(frozen=True)
class Scalar:
    """An integer field: its `struct` code, and the name that the flatbuffers builder calls it by."""

    code: str
    builder_name: str

    @property
    def size(self) -> int:
        """Bytes, which are also the alignment."""
        return struct.calcsize(self.code)


U8 = Annotated[int, Scalar("<B", "Uint8")]
U16 = Annotated[int, Scalar("<H", "Uint16")]
U32 = Annotated[int, Scalar("<I", "Uint32")]
U64 = Annotated[int, Scalar("<Q", "Uint64")]
I8 = Annotated[int, Scalar("<b", "Int8")]


class Table:
    """Base of the dataclasses that declare tables."""


class Struct:
    """Base of the dataclasses that declare structs."""


TableT = TypeVar("TableT", bound=Table)


class FieldType(Protocol):
    """How values of one field type are written and read.

    `size` is the number of bytes in line: of the value itself, or of the offset to it. `prepare` writes what must exist
    before the table does and returns what goes in line; `store` puts that at the builder's head; `read` takes the value
    from position `at` of the buffer.
    """

    @property
    def size(self) -> int: ...

    def prepare(self, builder: Any, value: Any) -> Any: ...

    def store(self, builder: Any, prepared: Any) -> None: ...

    def read(self, reader: "Reader", at: int) -> Any: ...


@dataclass(frozen=True)
class Slot:
    """One field of a table: its name and its type."""

    name: str
    type: FieldType


def build(root: Table) -> bytes:
    """Serialize a table. Raises QpcError, naming the field, if a number does not fit its type."""
    builder = flatbuffers.Builder(1024)
    builder.ForceDefaults(True)
    builder.Finish(_build_table(builder, root))
    return bytes(builder.Output())


def parse(cls: type[TableT], data: bytes | memoryview) -> TableT:
    """Check and read the table at the root of a flatbuffer. Raises QpcError on anything malformed."""
    reader = Reader(memoryview(data))
    return cast(TableT, reader.table(cls, reader.offset(0)))


@cache
def slots(cls: type) -> tuple[Slot, ...]:
    """The fields of a table or struct, in the order of their ids."""
    hints = get_type_hints(cls, include_extras=True)
    return tuple(Slot(field.name, _field_type(hints[field.name])) for field in fields(cls))


def field_paths(cls: type, prefix: str) -> list[str]:
    """Names of all fields reachable from a table, as `prefix->field->field of its table`, outer before inner."""
    paths: list[str] = []
    for slot in slots(cls):
        path = f"{prefix}->{slot.name}"
        paths.append(path)
        element = slot.type.element if isinstance(slot.type, _Vector) else slot.type
        if isinstance(element, _TableType | _StructType):
            paths += field_paths(element.cls, path)
    return paths


class Reader:
    """A buffer, and how much of it may still be read."""

    def __init__(self, data: memoryview) -> None:
        if len(data) > MAX_BYTES:
            raise QpcError(f"flatbuffer: {len(data)} bytes, at most {MAX_BYTES} are read")
        self.data = data
        self._tables_left = MAX_TABLES
        self._bytes_left = MAX_SHARING * len(data)
        self._depth = 0

    def scalar(self, code: str, at: int) -> int:
        """The number at `at`, which must be aligned and inside the buffer."""
        size = struct.calcsize(code)
        if at < 0 or at % size or at + size > len(self.data):
            raise QpcError(
                f"flatbuffer: a {size}-byte number at {at} is misaligned or outside the {len(self.data)} bytes"
            )
        return struct.unpack_from(code, self.data, at)[0]

    def offset(self, at: int) -> int:
        """The position that the offset stored at `at` points to."""
        return at + self.scalar("<I", at)

    def vector(self, at: int, element_size: int) -> tuple[int, int]:
        """Start and length of the vector whose offset is stored at `at`."""
        head = self.offset(at)
        count = self.scalar("<I", head)
        if head + 4 + count * element_size > len(self.data):
            raise QpcError(f"flatbuffer: a vector of {count} elements at {head} exceeds the {len(self.data)} bytes")
        self._spend(4 + count * element_size)
        return head + 4, count

    def table(self, cls: type, at: int) -> Any:
        """The table at `at`."""
        self._depth += 1
        self._tables_left -= 1
        if self._tables_left < 0:
            raise QpcError(f"flatbuffer: more than {MAX_TABLES} tables")
        if self._depth > MAX_DEPTH:
            raise QpcError(f"flatbuffer: tables are nested deeper than {MAX_DEPTH}")
        vtable = at - self.scalar("<i", at)
        vtable_size = self.scalar("<H", vtable)
        table_size = self.scalar("<H", vtable + 2)
        if vtable_size < 4 or vtable_size % 2 or vtable + vtable_size > len(self.data):
            raise QpcError(f"flatbuffer: vtable at {vtable} of {vtable_size} bytes is malformed")
        if table_size < 4 or at + table_size > len(self.data):
            raise QpcError(f"flatbuffer: table at {at} of {table_size} bytes exceeds the {len(self.data)} bytes")
        self._spend(table_size)
        values: dict[str, Any] = {}
        for index, slot in enumerate(slots(cls)):
            entry = 4 + 2 * index
            where = self.scalar("<H", vtable + entry) if entry < vtable_size else 0
            if where == 0:
                continue
            if where < 4 or where + slot.type.size > table_size:
                raise QpcError(f"flatbuffer: field {slot.name} lies at {where} of a table of {table_size} bytes")
            values[slot.name] = slot.type.read(self, at + where)
        self._depth -= 1
        return cls(**values)

    def _spend(self, count: int) -> None:
        self._bytes_left -= count
        if self._bytes_left < 0:
            raise QpcError(
                f"flatbuffer: its parts have more than {MAX_SHARING} times the {len(self.data)} bytes in all"
            )


@dataclass(frozen=True)
class _ScalarType:
    scalar: Scalar

    @property
    def size(self) -> int:
        return self.scalar.size

    def prepare(self, builder: Any, value: int) -> int:
        try:
            struct.pack(self.scalar.code, value)
        except struct.error as error:
            raise QpcError(f"{value} does not fit in {self.scalar.builder_name.lower()}") from error
        return value

    def store(self, builder: Any, prepared: int) -> None:
        getattr(builder, f"Prepend{self.scalar.builder_name}")(prepared)

    def read(self, reader: Reader, at: int) -> int:
        return reader.scalar(self.scalar.code, at)


class _OffsetType:
    @property
    def size(self) -> int:
        return 4

    def store(self, builder: Any, prepared: int) -> None:
        builder.PrependUOffsetTRelative(prepared)


class _StringType(_OffsetType):
    def prepare(self, builder: Any, value: str) -> int:
        return builder.CreateString(value)

    def read(self, reader: Reader, at: int) -> str:
        start, count = reader.vector(at, 1)
        if start + count >= len(reader.data) or reader.data[start + count] != 0:
            raise QpcError(f"flatbuffer: the string at {start} does not end with NUL")
        try:
            return bytes(reader.data[start : start + count]).decode()
        except UnicodeDecodeError as error:
            raise QpcError(f"flatbuffer: the string at {start} is not UTF-8") from error


class _BytesType(_OffsetType):
    def prepare(self, builder: Any, value: bytes) -> int:
        return builder.CreateByteVector(value)

    def read(self, reader: Reader, at: int) -> bytes:
        start, count = reader.vector(at, 1)
        return bytes(reader.data[start : start + count])


@dataclass(frozen=True)
class _TableType(_OffsetType):
    cls: type

    def prepare(self, builder: Any, value: Table) -> int:
        return _build_table(builder, value)

    def read(self, reader: Reader, at: int) -> Any:
        return reader.table(self.cls, reader.offset(at))


@dataclass(frozen=True)
class _StructType:
    cls: type

    @property
    def alignment(self) -> int:
        return max(slot.type.size for slot in slots(self.cls))

    @property
    def size(self) -> int:
        end = 0
        for slot in slots(self.cls):
            end = _aligned(end, slot.type.size) + slot.type.size
        return _aligned(end, self.alignment)

    def prepare(self, builder: Any, value: Struct) -> bytes:
        packed = b""
        for slot in slots(self.cls):
            scalar = cast(_ScalarType, slot.type)
            number = scalar.prepare(builder, getattr(value, slot.name))
            packed = packed.ljust(_aligned(len(packed), scalar.size), b"\0") + struct.pack(scalar.scalar.code, number)
        return packed.ljust(self.size, b"\0")

    def store(self, builder: Any, prepared: bytes) -> None:
        builder.Prep(self.alignment, len(prepared))
        for byte in reversed(prepared):
            builder.PrependByte(byte)

    def read(self, reader: Reader, at: int) -> Any:
        values: list[int] = []
        end = at
        for slot in slots(self.cls):
            end = at + _aligned(end - at, slot.type.size)
            values.append(slot.type.read(reader, end))
            end += slot.type.size
        return self.cls(*values)


@dataclass(frozen=True)
class _Vector(_OffsetType):
    element: FieldType

    def prepare(self, builder: Any, value: Sequence[Any]) -> int:
        prepared = [self.element.prepare(builder, item) for item in value]
        alignment = self.element.alignment if isinstance(self.element, _StructType) else self.element.size
        builder.StartVector(self.element.size, len(prepared), alignment)
        for item in reversed(prepared):
            self.element.store(builder, item)
        return builder.EndVector()

    def read(self, reader: Reader, at: int) -> tuple[Any, ...]:
        start, count = reader.vector(at, self.element.size)
        return tuple(self.element.read(reader, start + index * self.element.size) for index in range(count))


def _aligned(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment


def _build_table(builder: Any, value: Table) -> int:
    prepared: list[tuple[int, FieldType, Any]] = []
    for index, slot in enumerate(slots(type(value))):
        content = getattr(value, slot.name)
        if content is None:
            continue
        try:
            prepared.append((index, slot.type, slot.type.prepare(builder, content)))
        except QpcError as error:
            raise QpcError(f"{type(value).__name__}.{slot.name}: {error}") from error
    builder.StartObject(len(slots(type(value))))
    # Larger values first leaves the least padding.
    for index, kind, content in sorted(prepared, key=lambda entry: -entry[1].size):
        kind.store(builder, content)
        builder.Slot(index)
    return builder.EndObject()


def _field_type(hint: Any) -> FieldType:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _ScalarType(arguments[1])
    if origin is UnionType:
        return _field_type(arguments[0])
    if origin is tuple:
        return _Vector(_field_type(arguments[0]))
    simple: dict[type, Callable[[], FieldType]] = {str: _StringType, bytes: _BytesType}
    if hint in simple:
        return simple[hint]()
    return _StructType(hint) if issubclass(hint, Struct) else _TableType(hint)
