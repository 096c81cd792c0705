"""Reads a serialized ONNX model without its large tensors.

A copy of the message is made in which the payload of every large tensor is replaced by a note of where it lies in the
file, in the form in which ONNX itself refers to external data. So import costs the same for a model of any size, and
files above protobuf's limit of 2 GiB can be read.

Source of the field numbers: onnx.proto. Of the encoding: https://protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Iterator
from mmap import mmap
from typing import NamedTuple, TypeAlias

from aic.importer.problems import ImportFailure

OWN_FILE = "aic.own-file"
"""Key of an external-data entry that says: the bytes lie in the model's own file."""

_LARGE = 4096
"""Messages below this many bytes are copied as they are."""

_CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph"},
}
_PAYLOADS = (4, 9, 10)  # float_data, raw_data, double_data: the values as they are in memory
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

Buffer: TypeAlias = bytes | mmap


class _Field(NamedTuple):
    number: int
    wire_type: int
    begin: int
    value: int
    end: int


def without_payloads(data: Buffer) -> bytes:
    """The model's message with large payloads replaced by notes of their place.

    Raises ImportFailure for a malformed one.
    """
    return _stripped(data, 0, len(data), "model")


def _stripped(data: Buffer, begin: int, end: int, kind: str) -> bytes:
    if kind == "tensor":
        return _tensor(data, begin, end)
    children = _CHILDREN[kind]
    parts: list[bytes] = []
    for field in _fields(data, begin, end):
        child = children.get(field.number)
        if child is None or field.wire_type != _BYTES or field.end - field.value < _LARGE:
            parts.append(data[field.begin : field.end])
        else:
            message = _stripped(data, field.value, field.end, child)
            parts += (_key(field.number), _varint(len(message)), message)
    return b"".join(parts)


def _tensor(data: Buffer, begin: int, end: int) -> bytes:
    """A tensor with its payload, if it is one large run of bytes, replaced by where it lies."""
    fields = list(_fields(data, begin, end))
    payloads = [field for field in fields if field.number in _PAYLOADS]
    if len(payloads) != 1 or payloads[0].wire_type != _BYTES or payloads[0].end - payloads[0].value < _LARGE:
        return data[begin:end]
    (payload,) = payloads
    entries = {OWN_FILE: "1", "offset": str(payload.value), "length": str(payload.end - payload.value)}
    parts = [data[field.begin : field.end] for field in fields if field is not payload]
    for key, value in entries.items():
        parts.append(_message(_EXTERNAL_DATA, _message(1, key.encode()) + _message(2, value.encode())))
    parts.append(_varint(_DATA_LOCATION << 3 | _VARINT) + _varint(1))
    return b"".join(parts)


def _fields(data: Buffer, begin: int, end: int) -> Iterator[_Field]:
    """The fields of the message that lies in [begin, end)."""
    position = begin
    while position < end:
        start = position
        key, position = _read_varint(data, position, end)
        wire_type, value = key & 7, position
        if wire_type == _VARINT:
            _, position = _read_varint(data, position, end)
        elif wire_type == _BYTES:
            length, value = _read_varint(data, position, end)
            position = value + length
        elif wire_type in (_FIXED64, _FIXED32):
            position += 8 if wire_type == _FIXED64 else 4
        else:
            raise ImportFailure(f"not an ONNX model, or a corrupt one: impossible field at byte {start}")
        if position > end:
            raise ImportFailure(
                f"truncated or corrupt: the field at byte {start} ends at byte {position}, what contains it at {end}"
            )
        yield _Field(key >> 3, wire_type, start, value, position)


def _read_varint(data: Buffer, position: int, end: int) -> tuple[int, int]:
    """Value of the variable-length integer at a position, and where it ends."""
    value = shift = 0
    while position < end and shift < 70:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value, position
        shift += 7
    raise ImportFailure(f"truncated or corrupt: a number breaks off at byte {position}")


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _key(number: int) -> bytes:
    return _varint(number << 3 | _BYTES)


def _message(number: int, content: bytes) -> bytes:
    return _key(number) + _varint(len(content)) + content
