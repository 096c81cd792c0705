"""Values with something changed: numbers, text, bytes, and what is made of them."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from random import Random
from typing import Any

from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    DictionaryAttr,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    MemRefType,
    NoneAttr,
    Signedness,
    StringAttr,
    f16,
    f32,
    f64,
    i1,
    i32,
    i64,
)
from xdsl.ir import Attribute, Data, ParametrizedAttribute

NUMBERS = [0, 1, 2, 3, 4, 7, 8, 16, 31, 64, 100, 255, 256, 4096, 65535, 1 << 20, (1 << 31) - 1, 1 << 31, 1 << 32]
HUGE = [1 << 40, (1 << 40) + 1, 1 << 62, (1 << 63) - 1, 1 << 64, 10**30, 10**120]
FLOATS = [0.0, -0.0, -1.0, 0.5, 1e300, -1e300, float("inf"), float("-inf"), float("nan")]
TEXTS = ["", "x", "ddr", "vtcm", "input", "output", "constant", "scratch", "hmx", "hvx", "\0", "é" * 10, "a" * 5000]
KERNELS = ["relu", "add", "matmul", "conv", "softmax", "gather", "reshape", "pad", "attention", "resample", "lstm"]
ELEMENTS = [
    f16,
    f32,
    f64,
    i1,
    i32,
    i64,
    IntegerType(8),
    IntegerType(8, Signedness.UNSIGNED),
    IntegerType(4),
    IndexType(),
]


def number(random: Random, value: int) -> int:
    """Another number, mostly one near to the value."""
    match random.randrange(8):
        case 0 | 1 | 2:
            return value + random.choice([-1, 1, -2, 2, 8, -8])
        case 3:
            return value * random.choice([-1, 0, 2, 3])
        case 4 | 5 | 6:
            return random.choice(NUMBERS) * random.choice([1, 1, -1])
        case _:
            return random.choice(HUGE) * random.choice([1, -1])


def damaged(random: Random, data: bytes) -> bytes:
    """The bytes cut off, with some put in or taken out, or with some changed."""
    at = random.randrange(len(data) + 1)
    match random.randrange(6):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + data[at + random.choice([1, 2, 4, 8]) :]
        case 2:
            return data[:at] + random.randbytes(random.choice([1, 2, 4, 8])) + data[at:]
        case 3:
            return data[:at] + bytes([random.choice([0, 1, 127, 128, 255])]) + data[at + 1 :]
        case 4:
            return data[:at] + bytes(byte ^ 1 << random.randrange(8) for byte in data[at : at + 1]) + data[at + 1 :]
        case _:
            size = random.choice([2, 4, 8])
            at -= at % size
            value = random.choice([0, 1, len(data), 1 << 15, 1 << 31, 1 << 63, (1 << 64) - 1, *NUMBERS])
            return data[:at] + (value % (1 << 8 * size)).to_bytes(size, "little") + data[at + size :]


def plain(random: Random, value: Any, pool: list[Attribute]) -> Any:
    """Plain data with one leaf changed, or with a part left out or repeated."""
    match value:
        case Enum():
            return random.choice(list(type(value)))
        case bool():
            return not value
        case int():
            return number(random, value)
        case float():
            return random.choice(FLOATS)
        case str():
            return random.choice([value + "x", *TEXTS, *KERNELS])
        case bytes():
            return damaged(random, value)
        case Attribute():
            return attribute(random, value, pool)
        case tuple():
            return tuple(_items(random, list(value), pool))
        case Mapping():
            return _mapping(random, dict(value), pool)
        case _ if is_dataclass(value) and fields(value):
            name = random.choice([field.name for field in fields(value)])
            return replace(value, **{name: plain(random, getattr(value, name), pool)})  # pyright: ignore
        case _:
            return value


def _items(random: Random, items: list[Any], pool: list[Attribute]) -> list[Any]:
    if not items:
        return [random.choice([0, 1, -1])]
    at = random.randrange(len(items))
    match random.randrange(8):
        case 0:
            del items[at]
        case 1:
            items.insert(at, random.choice(items))
        case 2:
            items.reverse()
        case _:
            items[at] = plain(random, items[at], pool)
    return items


def _mapping(random: Random, entries: dict[str, Any], pool: list[Attribute]) -> dict[str, Any]:
    if not entries or random.randrange(5) == 0:
        return {
            **entries,
            random.choice(["axis", "pads", "bounds", "activation", "shape", "rank"]): random.choice(pool),
        }
    name = random.choice(sorted(entries))
    if random.randrange(6) == 0:
        del entries[name]
    else:
        entries[name] = attribute(random, entries[name], pool)
    return entries


def attribute(random: Random, value: Attribute, pool: list[Attribute]) -> Attribute:
    """An attribute with something changed, or another one out of the pool. It may be one that does not verify."""
    if random.randrange(16) == 0:
        return random.choice(pool)
    try:
        return _changed(random, value, pool)
    except Exception:  # the constructors of attributes refuse some values in ways of their own
        return random.choice(pool)


def _changed(random: Random, value: Attribute, pool: list[Attribute]) -> Attribute:
    match value:
        case IntegerAttr():
            return IntegerAttr(number(random, value.value.data), random.choice([value.type, value.type, i64, i32, i1]))
        case FloatAttr():
            return FloatAttr(random.choice(FLOATS), value.type)
        case DenseArrayBase():
            return DenseArrayBase.from_list(value.elt_type, list(plain(random, tuple(value.get_values()), pool)))
        case MemRefType():
            return _buffer(random, value)
        case ArrayAttr():
            return ArrayAttr(plain(random, value.data, pool))
        case DictionaryAttr():
            return DictionaryAttr(plain(random, dict(value.data), pool))
        case StringAttr():
            return StringAttr(plain(random, value.data, pool))
        case Data():
            return type(value)(plain(random, value.data, pool))
        case ParametrizedAttribute() if value.parameters:
            parameters = list(value.parameters)
            at = random.randrange(len(parameters))
            parameters[at] = attribute(random, parameters[at], pool)
            return type(value).new(parameters)
        case _:
            return random.choice(pool)


def _buffer(random: Random, value: MemRefType[Attribute]) -> Attribute:
    shape, element, space = list(value.get_shape()), value.element_type, value.memory_space
    match random.randrange(6):
        case 0:
            element = random.choice(ELEMENTS)
        case 1:
            space = random.choice([StringAttr("vtcm"), StringAttr("ddr"), StringAttr("x"), NoneAttr()])
        case 2:
            shape.insert(random.randrange(len(shape) + 1), random.choice([0, 1, 2, -1]))
        case _ if shape:
            at = random.randrange(len(shape))
            shape[at] = number(random, shape[at])
        case _:
            pass
    return MemRefType(element, shape, NoneAttr(), space)
