"""Attributes that every level shares: handles of constants, small exact constants, and the target.

- `#aic.weight<"key", [2, 3, 1, 0] : tensor<..>>`: a constant kept outside the IR, in the weight store
  (`dialects.weights`).
- `#aic.dense<[1.0, minus_inf] : tensor<2xf32>>`: a small constant inside the IR, float bits exact.
- `#aic.target<"pro">`: the card a module is compiled for (`dialects.hardware`).
- `#aic.channel<0, "p2p", "Partition1">`: a way between parts of a network (`dialects.channels`).
"""

from collections.abc import Sequence
from math import isinf, isnan, prod
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import (
    ArrayAttr,
    BytesAttr,
    DictionaryAttr,
    FloatAttr,
    IntAttr,
    IntegerAttr,
    StringAttr,
    TensorType,
)
from xdsl.ir import Attribute, Dialect, ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition, param_def
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from dialects.channels import ChannelAttr
from dialects.element_types import element_type, stored_dtype, tensor_bytes
from dialects.hardware import Hardware, load_hardware

INLINE_BYTES = 1024
"""Constants up to this size are kept in the IR as `#aic.dense`, larger ones as `#aic.weight`."""
MOST_INLINE_BYTES = 1 << 24
"""Text may not ask for an inline constant beyond this size, which a few characters can: `dense<0.0 : tensor<..>>`."""


@irdl_attr_definition
class WeightAttr(ParametrizedAttribute):
    """Handle of a constant in the weight store: the stored array, its dimensions permuted, reshaped and converted to
    `type`.

    `permutation` (empty: none) is applied to the stored shape, the result is read in row-major order as `type.shape`,
    and elements are converted to the element type (f16: clamped to its finite range). So layout and precision change
    without touching bytes.
    """

    name = "aic.weight"

    key: StringAttr = param_def(converter=StringAttr.get)
    permutation: ArrayAttr[IntAttr]
    type: TensorType[Attribute]

    @staticmethod
    def of(key: str, tensor: TensorType[Attribute], permutation: Sequence[int] = ()) -> "WeightAttr":
        """Handle of the stored array `key`, seen as `tensor`."""
        return WeightAttr(StringAttr(key), ArrayAttr([IntAttr(d) for d in permutation]), tensor)

    @property
    def order(self) -> tuple[int, ...]:
        """The permutation as integers."""
        return tuple(d.data for d in self.permutation)

    def verify(self) -> None:
        if sorted(self.order) != list(range(len(self.order))):
            raise VerifyException(f"aic.weight {self.key.data!r}: {list(self.order)} is not a permutation")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            key = parser.parse_str_literal("key of a constant")
            order: Sequence[int] = ()
            if parser.parse_optional_punctuation(",") is not None:
                order = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_integer)
            parser.parse_punctuation(":")
            return [StringAttr(key), ArrayAttr([IntAttr(d) for d in order]), parse_tensor_type(parser)]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string_literal(self.key.data)
            if self.order:
                printer.print_string(f", {list(self.order)}")
            printer.print_string(" : ")
            printer.print_attribute(self.type)


@irdl_attr_definition
class DenseAttr(ParametrizedAttribute):
    """A small constant: its bytes in row-major, little-endian order and its tensor type. Infinities, NaN bits and -0.0
    survive text.

    Printed as one value if all elements are the same bits, else as a list.
    """

    name = "aic.dense"

    payload: BytesAttr
    type: TensorType[Attribute]

    @staticmethod
    def of(values: npt.NDArray[np.generic] | float | bool, tensor: TensorType[Attribute]) -> "DenseAttr":
        """Constant of the values, converted to the element type of `tensor` and broadcast to its shape."""
        dtype = stored_dtype(tensor.element_type)
        array = np.broadcast_to(np.asarray(values).astype(dtype), tensor.get_shape())
        return DenseAttr(BytesAttr(array.tobytes()), tensor)

    @staticmethod
    def from_array(values: npt.NDArray[np.generic]) -> "DenseAttr":
        """Constant with the array's own shape and element type."""
        return DenseAttr.of(values, TensorType(element_type(values.dtype), values.shape))

    def array(self) -> npt.NDArray[np.generic]:
        """The values in their stored dtype (read-only)."""
        dtype = stored_dtype(self.type.element_type)
        return np.frombuffer(self.payload.data, dtype).reshape(self.type.get_shape())

    def verify(self) -> None:
        expected, actual = tensor_bytes(self.type), len(self.payload.data)
        if expected != actual:
            raise VerifyException(f"aic.dense: {actual} bytes for {self.type}, which takes {expected}")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        start = parser.pos
        with parser.in_angle_brackets():
            literals = parser.parse_optional_comma_separated_list(
                parser.Delimiter.SQUARE, lambda: parse_literal(parser)
            )
            values = [parse_literal(parser)] if literals is None else literals
            parser.parse_punctuation(":")
            tensor = parse_tensor_type(parser)
        dtype = stored_dtype(tensor.element_type)
        count = prod(tensor.get_shape())
        size = count * dtype.itemsize
        if not tensor.has_static_shape():
            parser.raise_error(f"{tensor} has no static shape", start)
        if size > MOST_INLINE_BYTES:
            parser.raise_error(
                f"{tensor} takes {size} bytes; a constant in the text has up to {MOST_INLINE_BYTES}, "
                "larger ones are an #aic.weight",
                start,
            )
        if literals is not None and len(values) != count:
            parser.raise_error(f"{len(values)} values for {tensor}, which has {count}", start)
        misfit = _first_misfit(values, dtype)
        if misfit is not None:
            text = f"nan(0x{misfit.hex()})" if isinstance(misfit, bytes) else misfit
            parser.raise_error(f"{text} does not fit into {tensor.element_type}", start)
        payload = b"".join(_literal_bytes(value, dtype) for value in values)
        return [BytesAttr(payload * count if literals is None else payload), tensor]

    def print_parameters(self, printer: Printer) -> None:
        dtype = stored_dtype(self.type.element_type)
        values = np.frombuffer(self.payload.data, dtype)
        size = dtype.itemsize
        same = values.size > 0 and self.payload.data == self.payload.data[:size] * values.size
        texts = [literal_text(value) for value in (values[:1] if same else values)]
        with printer.in_angle_brackets():
            printer.print_string(texts[0] if same else f"[{', '.join(texts)}]")
            printer.print_string(" : ")
            printer.print_attribute(self.type)


Literal: TypeAlias = int | float | bytes
"""A parsed element: a number, or the bits of a NaN (most significant byte first)."""


def parse_literal(parser: AttrParser) -> Literal:
    """One element as text: `true`, `false`, a number, `inf`, `minus_inf`, or `nan(<bits>)`."""
    if parser.parse_optional_keyword("nan") is not None:
        parser.parse_punctuation("(")
        bits = parser.parse_integer()
        if not 0 <= bits < 1 << 64:
            parser.raise_error("the bits of a NaN are 0 to 2^64 - 1")
        parser.parse_punctuation(")")
        return bits.to_bytes(8)
    if parser.parse_optional_keyword("inf") is not None:
        return float("inf")
    if parser.parse_optional_keyword("minus_inf") is not None:
        return -float("inf")
    return parser.parse_number(allow_boolean=True)


def _first_misfit(values: Sequence[Literal], dtype: np.dtype[np.generic]) -> Literal | None:
    """The first element that the type cannot hold: a number out of range, or of another kind."""
    if dtype.kind == "f":
        info = np.finfo(dtype.name)
        limit = float(info.max) * (1 + float(info.eps) / 4)  # up to here, numbers round to a finite one
        return next((v for v in values if not _fits_float(v, limit, dtype.itemsize)), None)
    low, high = (0, 1) if dtype.kind == "b" else (int(np.iinfo(dtype.name).min), int(np.iinfo(dtype.name).max))
    return next((v for v in values if not isinstance(v, int) or not low <= v <= high), None)


def _fits_float(value: Literal, limit: float, itemsize: int) -> bool:
    if isinstance(value, bytes):
        return not any(value[:-itemsize])
    return abs(value) < limit or isinf(value)


def literal_text(value: np.generic) -> str:
    """Text of an element that `parse_literal` reads back to the same bits."""
    if isinstance(value, np.bool_):
        return "true" if value else "false"
    if not isinstance(value, np.floating):
        return str(value)
    number = float(value)
    if isnan(number):
        return f"nan(0x{value.tobytes()[::-1].hex().upper()})"
    if isinf(number):
        return "inf" if number > 0 else "minus_inf"
    plain = 1e-4 <= abs(number) < 1e7 or number == 0
    return np.format_float_positional(value, trim="0") if plain else np.format_float_scientific(value, trim="0")


def _literal_bytes(value: Literal, dtype: np.dtype[np.generic]) -> bytes:
    if isinstance(value, bytes):
        return value[-dtype.itemsize :][::-1]
    return np.asarray(value).astype(dtype).tobytes()


def parse_tensor_type(parser: AttrParser) -> TensorType[Attribute]:
    """A tensor type; anything else is a parse error."""
    parsed = parser.parse_type()
    if not isinstance(parsed, TensorType):
        parser.raise_error(f"expected a tensor type, got {parsed}")
    return parsed


_MAX_WHOLE = 1 << 53
"""Up to here every whole number is a floating-point number."""


@irdl_attr_definition
class TargetAttr(ParametrizedAttribute):
    """The card that a module is compiled for: an SKU of `dialects.hardware`, and values that differ from its
    description.

    `#aic.target<"pro">` or `#aic.target<"pro", {ddr_bytes_per_second = 6.85e10 : f64}>`.
    """

    name = "aic.target"

    sku: StringAttr = param_def(converter=StringAttr.get)
    overrides: DictionaryAttr

    @staticmethod
    def of(sku: str, overrides: dict[str, float] | None = None) -> "TargetAttr":
        """Target with the given overrides of numeric values."""
        changed = {key: FloatAttr(float(value), 64) for key, value in sorted((overrides or {}).items())}
        return TargetAttr(StringAttr(sku), DictionaryAttr(changed))

    def verify(self) -> None:
        for key, value in self.overrides.data.items():
            if _number(value) is None:
                raise VerifyException(f"aic.target: override {key!r} is not a number")

    @property
    def hardware(self) -> Hardware:
        """The typed description, overrides applied. Raises AicError for an unknown SKU or key."""
        numbers = {key: _number(value) for key, value in self.overrides.data.items()}
        return load_hardware(self.sku.data, {key: number for key, number in numbers.items() if number is not None})

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            sku = parser.parse_str_literal("name of an SKU")
            overrides = DictionaryAttr({})
            if parser.parse_optional_punctuation(",") is not None:
                parsed = parser.parse_attribute()
                if not isinstance(parsed, DictionaryAttr):
                    parser.raise_error("expected a dictionary of overrides")
                overrides = parsed
            return [StringAttr(sku), overrides]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string_literal(self.sku.data)
            if self.overrides.data:
                printer.print_string(", ")
                printer.print_attribute(self.overrides)


def _number(value: Attribute) -> float | None:
    match value:
        case FloatAttr():
            return value.value.data
        case IntegerAttr() if abs(value.value.data) <= _MAX_WHOLE:
            return float(value.value.data)
        case _:
            return None


Aic = Dialect("aic", [], [WeightAttr, DenseAttr, TargetAttr, ChannelAttr])
