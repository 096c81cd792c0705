"""Parameters of single tensors, and their reading from AIMET's encodings.

AIMET means x = scale * (u + offset) by an unsigned u; we mean x = scale * (q - offset) by a signed q. With q = u - 128
(for 8 bits) our offset is -offset - 128. Format: quic/aimet, Docs/api_docs/quantization_encoding_specification.rst;
versions 0.4.0 to 0.6.1 have an object of tensors, each with a list of encodings, and 1.0.0 has a list of tensors.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isclose
from typing import Literal, TypeAlias, get_args

import numpy as np

from passes.quantization.files.nodes import (
    Flaw,
    Items,
    Node,
    about,
    check_once,
    collected,
    entries_of,
    flag_of,
    items_of,
    number_of,
    text_of,
    whole_of,
)

Precision: TypeAlias = Literal["int8", "int16", "int32", "float16", "float32"]
BITS: Mapping[Precision, int] = {"int8": 8, "int16": 16, "int32": 32}
"""Bits of the integers among them."""

PRECISIONS: tuple[Precision, ...] = get_args(Precision)

_F32 = np.finfo(np.float32)
_VERSIONS = ("0", "1")
"""First parts of the versions that are read."""
_SECTIONS = {"activation_encodings": False, "param_encodings": True}
"""Whether the tensors in a section are constants."""
_WHOLE, _BY_CHANNEL = "PER_TENSOR", "PER_CHANNEL"
_TOLERANCE = 1e-5
"""How near the ends of ranges are to multiples of fp32 scales."""


@dataclass(frozen=True)
class TensorEncoding:
    """How one tensor is quantized, or that it stays in floating point. x = scale * (q - offset)."""

    name: str
    """Of the tensor in the ONNX model."""
    precision: Precision
    """int32 is for biases, whose scale follows from those of input and weights anyway."""
    scales: tuple[float, ...]
    """fp32 numbers above zero: one, or one per channel; none in floating point."""
    offsets: tuple[int, ...]
    """As many as scales; integers of the precision."""
    axis: int | None
    """Dimension of the channels. AIMET does not tell: None with several scales is the output channels of its node."""
    is_constant: bool
    """Whether the file calls it a parameter; False where a file does not tell."""
    narrow: bool = False
    """Whether the least integer is not used (AIMET's strict symmetric scheme): int8 is -127 to 127."""

    @property
    def bits(self) -> int | None:
        """Bits of the integers; None in floating point."""
        return BITS.get(self.precision)


def precision_called(text: str) -> Precision | None:
    """The precision of that name, in any case."""
    return next((precision for precision in PRECISIONS if precision == text.lower()), None)


def checked_scale(node: Node, what: str) -> float:
    """A scale, rounded to fp32. Raises Flaw unless it is a normal fp32 number above zero."""
    scale = number_of(node, what)
    if not _F32.smallest_normal <= scale <= _F32.max:
        raise Flaw(f"{what} is {scale}, not a number from {_F32.smallest_normal:.3g} to {_F32.max:.3g}", node.line)
    return float(np.float32(scale))


def checked_offset(node: Node, what: str, bits: int) -> int:
    """An offset. Raises Flaw unless it is an integer of so many bits."""
    offset = whole_of(node, what)
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    if not low <= offset <= high:
        raise Flaw(f"{what} is {offset}, not from {low} to {high}", node.line)
    return offset


def checked_axis(node: Node, what: str) -> int:
    """A dimension. Raises Flaw for a number below 0."""
    axis = whole_of(node, what)
    if axis < 0:
        raise Flaw(f"{what} is {axis}; dimensions are counted from 0", node.line)
    return axis


def aimet_encodings(root: Node) -> dict[str, TensorEncoding]:
    """The encodings of a file of AIMET, by tensor. Raises Flaw for a wrong form, Flaws for wrong tensors."""
    fields = entries_of(root, "the file")
    version = text_of(fields["version"], "version") if "version" in fields else "0.4"
    if version.partition(".")[0] not in _VERSIONS:
        raise Flaw(f"version {version} of AIMET's encodings is not read: export them as 0.6.1 or 1.0.0", root.line)
    if not _SECTIONS.keys() & fields.keys():
        raise Flaw(f"not AIMET's encodings: there is neither {' nor '.join(_SECTIONS)}", root.line)
    parts = [part for section in _SECTIONS if section in fields for part in _tensors(section, fields[section])]
    encodings = collected(parts, lambda part: _encoding(*part))
    check_once((encoding.name, node.line) for encoding, (_, node, _) in zip(encodings, parts, strict=True))
    return {encoding.name: encoding for encoding in encodings}


def _tensors(section: str, node: Node) -> Iterable[tuple[str | None, Node, bool]]:
    """What a section says of each tensor, with its name where that is the key, and whether it is a constant."""
    if isinstance(node, Items):
        return [(None, item, _SECTIONS[section]) for item in node.items]
    return [(name, value, _SECTIONS[section]) for name, value in entries_of(node, section).items()]


def _encoding(name: str | None, node: Node, is_constant: bool) -> TensorEncoding:
    if name is None:
        fields = entries_of(node, "an encoding")
        if "name" not in fields:
            raise Flaw("an encoding has no name", node.line)
        name = text_of(fields["name"], "name")
        with about(name):
            return _in_version_1(name, node, fields, is_constant)
    with about(name):
        return _in_version_0(name, node, is_constant)


def _in_version_1(name: str, node: Node, fields: Mapping[str, Node], is_constant: bool) -> TensorEncoding:
    """An encoding as 1.0.0 has it: an object with lists of scales and offsets."""
    precision = _precision(node, fields, "bw")
    if precision not in BITS:
        return TensorEncoding(name, precision, (), (), None, is_constant)
    kind = text_of(fields["enc_type"], "enc_type") if "enc_type" in fields else _WHOLE
    if kind not in (_WHOLE, _BY_CHANNEL):
        raise Flaw(f"enc_type {kind} is not read; there are {_WHOLE} and {_BY_CHANNEL}", fields["enc_type"].line)
    scales = [checked_scale(item, "a scale") for item in items_of(_needed(node, fields, "scale"), "scale")]
    offsets = [whole_of(item, "an offset") for item in items_of(_needed(node, fields, "offset"), "offset")]
    if not scales or len(scales) != len(offsets) or (kind == _WHOLE and len(scales) != 1):
        raise Flaw(f"{len(scales)} scales and {len(offsets)} offsets do not make a {kind} encoding", node.line)
    axis = checked_axis(fields["axis"], "axis") if "axis" in fields and kind == _BY_CHANNEL else None
    offsets, narrow = _signed(offsets, BITS[precision], _flag(fields, "is_sym"), node)
    return TensorEncoding(name, precision, tuple(scales), offsets, axis, is_constant, narrow)


def _in_version_0(name: str, node: Node, is_constant: bool) -> TensorEncoding:
    """An encoding as versions before 1.0.0 have it: a list of objects, one per channel."""
    channels = [(item, entries_of(item, "an encoding")) for item in items_of(node, "its value")]
    if not channels:
        raise Flaw("its list of encodings is empty", node.line)
    precisions: list[Precision] = [_precision(item, fields, "bitwidth") for item, fields in channels]
    precision = precisions[0]
    if set(precisions) != {precision}:
        raise Flaw("its channels differ in dtype or bitwidth", node.line)
    if precision not in BITS:
        return TensorEncoding(name, precision, (), (), None, is_constant)
    bits = BITS[precision]
    scales, offsets = zip(*(_channel(item, fields, bits) for item, fields in channels), strict=True)
    symmetric = all(_flag(fields, "is_symmetric") for _, fields in channels)
    offsets, narrow = _signed(offsets, bits, symmetric, node)
    return TensorEncoding(name, precision, scales, offsets, None, is_constant, narrow)


def _channel(node: Node, fields: Mapping[str, Node], bits: int) -> tuple[float, int]:
    """Scale and offset as AIMET means them.

    They are those of the file if they fit its range, which begins at scale * offset, and else come from the range: old
    files for TensorFlow have offsets of the opposite sign.
    """
    low, high = (number_of(fields[key], key) if key in fields else None for key in ("min", "max"))
    if "scale" in fields and "offset" in fields:
        scale, offset = number_of(fields["scale"], "scale"), whole_of(fields["offset"], "offset")
        if low is None or isclose(low, scale * offset, rel_tol=_TOLERANCE, abs_tol=abs(scale) / 2):
            return checked_scale(fields["scale"], "scale"), offset
    if low is None or high is None:
        raise Flaw("an encoding has neither scale and offset nor min and max", node.line)
    if not _F32.smallest_normal <= (scale := (high - low) / ((1 << bits) - 1)) <= _F32.max:
        raise Flaw(f"its range from {low} to {high} gives no scale", node.line)
    return float(np.float32(scale)), round(low / scale)


def _signed(offsets: Iterable[int], bits: int, symmetric: bool, node: Node) -> tuple[tuple[int, ...], bool]:
    """Offsets in our convention, and whether the least integer is not used."""
    half = 1 << (bits - 1)
    offsets = tuple(offsets)
    if wrong := [offset for offset in offsets if not 1 - 2 * half <= offset <= 0]:
        raise Flaw(f"offset {wrong[0]} is not from {1 - 2 * half} to 0", node.line)
    # Strict symmetric: u is from 0 to 254 around 127, so that q = u - 127.
    narrow = symmetric and all(offset == 1 - half for offset in offsets)
    return tuple(0 if narrow else -offset - half for offset in offsets), narrow


def _precision(node: Node, fields: Mapping[str, Node], bits_key: str) -> Precision:
    kind = text_of(fields["dtype"], "dtype") if "dtype" in fields else "int"
    called = f"{kind.lower()}{whole_of(_needed(node, fields, bits_key), bits_key)}"
    precision = precision_called(called)
    if precision is None:
        raise Flaw(f"{called} is not supported; there are {', '.join(PRECISIONS)}", node.line)
    return precision


def _flag(fields: Mapping[str, Node], key: str) -> bool:
    return key in fields and flag_of(fields[key], key)


def _needed(node: Node, fields: Mapping[str, Node], key: str) -> Node:
    if key not in fields:
        raise Flaw(f"an encoding has no {key}", node.line)
    return fields[key]
