"""Codecs for the Python values inside `Data` attributes, made from the attribute's own type annotation.

`class BoxAttr(Data[Box])` is encoded by what `Box` is declared to be: numbers, text, bytes, tuples, sets, dictionaries,
enumerations, unions, attributes, and frozen dataclasses of these. The annotation directs decoding too, so that a file
can make no value that the attribute does not allow. An abstract base needs its concrete classes in `CONCRETE_CLASSES`.
"""

import dataclasses
import operator
import struct
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from functools import cache, cached_property
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from immutabledict import immutabledict
from xdsl.ir import Attribute, Data
from xdsl.ir.affine import AffineBinaryOpExpr, AffineConstantExpr, AffineDimExpr, AffineExpr, AffineSymExpr

from aic.qpc.errors import QpcError

CONCRETE_CLASSES: dict[type, tuple[type, ...]] = {
    AffineExpr: (AffineConstantExpr, AffineDimExpr, AffineSymExpr, AffineBinaryOpExpr),
}
"""Abstract class -> the classes whose values may stand for it, in an order that is part of the file format."""

MAX_DEPTH = 64
MAX_INTEGER_BYTES = 64
_SMALL_INTEGER = 1 << 60
_DOUBLE = struct.Struct("<d")
_HALVES = struct.Struct("<II")


class Sink:
    """Where a value is written: numbers in order, and two pools that give each distinct entry a number."""

    def __init__(self) -> None:
        self.words: list[int] = []

    @abstractmethod
    def blob(self, data: bytes) -> int:
        """The number of a byte string."""

    @abstractmethod
    def attribute(self, attribute: Attribute) -> int:
        """The number of an attribute."""


class Source:
    """Where a value is read from: the inverse of `Sink`. All methods raise QpcError or IndexError out of bounds."""

    def __init__(self, words: Sequence[int]) -> None:
        self.words = words
        self.at = 0
        self.depth = 0

    def word(self) -> int:
        """The next number."""
        word = self.words[self.at]
        self.at += 1
        return word

    def count(self) -> int:
        """A number of things of at least one word each."""
        count = self.word()
        if count > len(self.words) - self.at:
            raise QpcError(f"program: {count} elements where {len(self.words) - self.at} words are left")
        return count

    @abstractmethod
    def blob(self, index: int) -> bytes:
        """The byte string with a number."""

    @abstractmethod
    def attribute(self, index: int) -> Attribute:
        """The attribute with a number."""


class Codec:
    """How values of one annotation are written and read."""

    @abstractmethod
    def accepts(self, value: Any) -> bool:
        """Whether the value is of this kind; chooses the member of a union."""

    @abstractmethod
    def put(self, value: Any, into: Sink) -> None:
        """Write a value."""

    @abstractmethod
    def get(self, source: Source) -> Any:
        """Read a value."""

    def put_all(self, values: Iterable[Any], into: Sink) -> None:
        """Write values one after the other."""
        for value in values:
            self.put(value, into)

    def get_all(self, source: Source, count: int) -> list[Any]:
        """Read values that were written one after the other."""
        get = self.get
        return [get(source) for _ in range(count)]


@cache
def data_codec(cls: type[Data[Any]]) -> Codec:
    """The codec of a `Data` attribute's payload. Raises QpcError if its annotation says too little."""
    hint = _data_hint(cls)
    if hint is None:
        raise QpcError(f"attribute {cls.name}: cannot be encoded, {cls.__name__} does not say what its data is")
    try:
        return codec(hint)
    except TypeError as error:
        raise QpcError(f"attribute {cls.name}: cannot be encoded, {error}") from error


@cache
def codec(hint: Any) -> Codec:
    """The codec of an annotation. Raises TypeError if there is none."""
    origin, arguments = get_origin(hint), get_args(hint)
    if isinstance(hint, TypeVar):
        return codec(hint.__bound__)
    if origin is Annotated:
        return codec(arguments[0])
    if origin in (Union, UnionType):
        return _Union(tuple(codec(member) for member in arguments))
    if origin is Literal:
        return _Choice(arguments)
    if origin is tuple and (len(arguments) != 2 or arguments[1] is not Ellipsis):
        return _Tuple(tuple(codec(member) for member in arguments))
    if origin in (tuple, Sequence):
        return _Collection(tuple, arguments[:1])
    if origin in (frozenset, AbstractSet):
        return _Collection(frozenset, arguments)
    if origin in (immutabledict, Mapping):
        return _Collection(immutabledict, arguments)
    return _class_codec(hint if origin is None else origin)


def _class_codec(cls: Any) -> Codec:
    if cls in _SIMPLE:
        return _SIMPLE[cls]
    if cls in (None, NoneType):
        return _Choice((None,))
    if not isinstance(cls, type):
        raise TypeError(f"{cls} is not a type with a known encoding")
    if cls in CONCRETE_CLASSES:
        return _Union(tuple(codec(concrete) for concrete in CONCRETE_CLASSES[cls]))
    if issubclass(cls, Attribute):
        return _AttributeCodec(cls)
    if issubclass(cls, Enum):
        return _Choice(tuple(cls))
    if dataclasses.is_dataclass(cls):
        return _Dataclass(cls)
    raise TypeError(f"{cls.__name__} is neither a simple value nor a dataclass")


def _data_hint(cls: type) -> Any:
    """The argument that `cls` binds `Data`'s type variable to, through any generic classes in between."""
    for base in getattr(cls, "__orig_bases__", cls.__bases__):
        origin = get_origin(base) or base
        if origin is Data:
            return get_args(base)[0] if get_args(base) else None
        if isinstance(origin, type) and issubclass(origin, Data):
            hint = _data_hint(origin)
            parameters = getattr(origin, "__parameters__", ())
            bound = dict(zip(parameters, get_args(base), strict=False))
            if hint in bound:
                return bound[hint]
            unbound = tuple(bound.get(parameter, parameter) for parameter in getattr(hint, "__parameters__", ()))
            return hint[unbound] if unbound else hint
    return None


class _Integer(Codec):
    """Zigzag in the word's upper bits; beyond 61 bits, as a byte string, marked by the lowest bit."""

    def accepts(self, value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool | Enum)

    def put(self, value: Any, into: Sink) -> None:
        number = operator.index(value)
        if -_SMALL_INTEGER <= number < _SMALL_INTEGER:
            into.words.append(4 * number if number >= 0 else -4 * number - 2)
        else:
            size = number.bit_length() // 8 + 1
            if size > MAX_INTEGER_BYTES:
                raise QpcError(f"a number of {size} bytes, at most {MAX_INTEGER_BYTES} are encoded")
            into.words.append(2 * into.blob(number.to_bytes(size, "little", signed=True)) + 1)

    def get(self, source: Source) -> int:
        word = source.word()
        if word & 1:
            data = source.blob(word >> 1)
            if len(data) > MAX_INTEGER_BYTES:
                raise QpcError(f"program: a number of {len(data)} bytes, at most {MAX_INTEGER_BYTES} are read")
            return int.from_bytes(data, "little", signed=True)
        return -(word + 2 >> 2) if word & 2 else word >> 2

    def put_all(self, values: Iterable[Any], into: Sink) -> None:
        values = tuple(values)
        if all(type(value) is int and -_SMALL_INTEGER <= value < _SMALL_INTEGER for value in values):
            into.words += [4 * value if value >= 0 else -4 * value - 2 for value in values]
        else:
            super().put_all(values, into)


class _Float(Codec):
    """The bits of the double, so that NaN payloads and the sign of zero are kept."""

    def accepts(self, value: Any) -> bool:
        return isinstance(value, float)

    def put(self, value: Any, into: Sink) -> None:
        into.words += _HALVES.unpack(_DOUBLE.pack(value))

    def get(self, source: Source) -> float:
        low, high = source.word(), source.word()
        return _DOUBLE.unpack(_HALVES.pack(low, high))[0]


class _Text(Codec):
    def accepts(self, value: Any) -> bool:
        return isinstance(value, str) and not isinstance(value, Enum)

    def put(self, value: Any, into: Sink) -> None:
        into.words.append(into.blob(value.encode()))

    def get(self, source: Source) -> str:
        return source.blob(source.word()).decode()


class _Bytes(Codec):
    def accepts(self, value: Any) -> bool:
        return isinstance(value, bytes)

    def put(self, value: Any, into: Sink) -> None:
        into.words.append(into.blob(value))

    def get(self, source: Source) -> bytes:
        return source.blob(source.word())


class _Choice(Codec):
    """One of a fixed sequence of values, by position."""

    def __init__(self, values: tuple[Any, ...]) -> None:
        self._values = values

    def accepts(self, value: Any) -> bool:
        return any(value is choice or (type(value) is type(choice) and value == choice) for choice in self._values)

    def put(self, value: Any, into: Sink) -> None:
        into.words.append(self._values.index(value))

    def get(self, source: Source) -> Any:
        return self._values[source.word()]


class _AttributeCodec(Codec):
    def __init__(self, cls: type[Attribute]) -> None:
        self._cls = cls

    def accepts(self, value: Any) -> bool:
        return isinstance(value, self._cls)

    def put(self, value: Any, into: Sink) -> None:
        into.words.append(into.attribute(value))

    def get(self, source: Source) -> Attribute:
        attribute = source.attribute(source.word())
        if not isinstance(attribute, self._cls):
            raise QpcError(f"program: attribute {attribute.name} where {self._cls.__name__} belongs")
        return attribute


class _Union(Codec):
    def __init__(self, members: tuple[Codec, ...]) -> None:
        self._members = members

    def accepts(self, value: Any) -> bool:
        return any(member.accepts(value) for member in self._members)

    def put(self, value: Any, into: Sink) -> None:
        index = next((i for i, member in enumerate(self._members) if member.accepts(value)), None)
        if index is None:
            raise TypeError(f"a value of type {type(value).__name__} is in none of the union's members")
        into.words.append(index)
        self._members[index].put(value, into)

    def get(self, source: Source) -> Any:
        return self._members[source.word()].get(source)


class _Tuple(Codec):
    """A fixed number of values of their own kinds."""

    def __init__(self, members: tuple[Codec, ...]) -> None:
        self._members = members

    def accepts(self, value: Any) -> bool:
        return (
            type(value) is tuple
            and len(value) == len(self._members)
            and all(member.accepts(item) for member, item in zip(self._members, value, strict=True))
        )

    def put(self, value: Any, into: Sink) -> None:
        for member, item in zip(self._members, value, strict=True):
            member.put(item, into)

    def get(self, source: Source) -> tuple[Any, ...]:
        return tuple(member.get(source) for member in self._members)


class _Dataclass(Codec):
    """The fields of a dataclass. Their codecs are made at the first use, as a class may contain itself."""

    def __init__(self, cls: type) -> None:
        self._cls = cls

    @cached_property
    def _fields(self) -> tuple[tuple[str, Codec], ...]:
        annotations = get_type_hints(self._cls, include_extras=True)
        fields = [field for field in dataclasses.fields(self._cls) if field.init]
        if any(field.kw_only for field in fields):
            raise TypeError(f"{self._cls.__name__} has keyword-only fields")
        return tuple((field.name, codec(annotations[field.name])) for field in fields)

    def accepts(self, value: Any) -> bool:
        return type(value) is self._cls

    def put(self, value: Any, into: Sink) -> None:
        if type(value) is not self._cls:
            raise TypeError(f"a {type(value).__name__} where a {self._cls.__name__} is declared")
        for name, member in self._fields:
            member.put(getattr(value, name), into)

    def get(self, source: Source) -> Any:
        source.depth += 1
        if source.depth > MAX_DEPTH:
            raise QpcError(f"program: a value is nested deeper than {MAX_DEPTH}")
        values = [member.get(source) for _, member in self._fields]
        source.depth -= 1
        return self._cls(*values)


class _Collection(Codec):
    """Any number of values of one kind: a tuple, a set (in the order of its encoding), or a dictionary."""

    def __init__(self, cls: type, hints: tuple[Any, ...]) -> None:
        self._cls = cls
        self._element = codec(hints[0]) if len(hints) == 1 else _Tuple(tuple(map(codec, hints)))

    def accepts(self, value: Any) -> bool:
        return isinstance(value, self._cls) and all(self._element.accepts(item) for item in self._items(value))

    def put(self, value: Any, into: Sink) -> None:
        if not isinstance(value, self._cls):
            raise TypeError(f"a {type(value).__name__} where a {self._cls.__name__} is declared")
        words = into.words
        words.append(len(value))
        start = len(words)
        if self._cls is frozenset:
            words += self._sorted_words(value, into)
        else:
            self._element.put_all(self._items(value), into)
        if len(words) - start < len(value):
            raise TypeError("a collection of things that carry nothing")

    def get(self, source: Source) -> Any:
        return self._cls(self._element.get_all(source, source.count()))

    def _sorted_words(self, value: Any, into: Sink) -> list[int]:
        """The elements of a set in the order of their encoding, as its own order depends on the hash seed."""
        outer, encoded = into.words, list[list[int]]()
        for item in value:
            into.words = []
            self._element.put(item, into)
            encoded.append(into.words)
        into.words = outer
        return [word for item in sorted(encoded) for word in item]

    def _items(self, value: Any) -> Any:
        return value.items() if self._cls is immutabledict else value


_SIMPLE: dict[Any, Codec] = {
    bool: _Choice((False, True)), int: _Integer(), float: _Float(), str: _Text(), bytes: _Bytes(),
}  # fmt: skip
