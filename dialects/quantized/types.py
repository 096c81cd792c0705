"""`!quantized.uniform`: integers that mean numbers, x = scale * (q - offset), for a tensor or for each channel.

- `!quantized.uniform<i8, 0.0235 : -128>`: one scale and one offset.
- `!quantized.uniform<i8, axis 3, #aic.dense<[0.01, 0.02] : tensor<2xf32>>, #aic.dense<0 : tensor<2xi32>>>`: one of each
  per position along dimension 3. Those of many channels are handles of the weight store.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from xdsl.dialects.builtin import IntAttr, IntegerType, Signedness, TensorType, f32, i32
from xdsl.ir import Attribute, ParametrizedAttribute, TypeAttribute
from xdsl.irdl import base, irdl_attr_definition, param_def
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from dialects.aic import DenseAttr, WeightAttr, literal_text, parse_literal
from dialects.element_types import StoredElement
from dialects.quantized.parameters import LIMITS, Parameters

Values: TypeAlias = WeightAttr | DenseAttr

_WHOLE = -1
"""The axis of a type with one scale and offset."""


@irdl_attr_definition
class UniformType(ParametrizedAttribute, TypeAttribute, StoredElement):
    """Integers of 8, 16 or 32 bits with their scale and offset, one for all or one per channel."""

    name = "quantized.uniform"

    storage: IntegerType
    axis: IntAttr
    """The dimension of the channels; -1 where one scale and offset serve all."""
    scales: Values = param_def(base(WeightAttr) | base(DenseAttr))
    offsets: Values = param_def(base(WeightAttr) | base(DenseAttr))

    @staticmethod
    def of(parameters: Parameters, bits: int) -> "UniformType":
        """Type of a tensor with one scale and offset."""
        return UniformType(IntegerType(bits), IntAttr(_WHOLE), *_scalars(parameters.scale, parameters.offset))

    @staticmethod
    def of_channels(axis: int, scales: Values, offsets: Values, bits: int) -> "UniformType":
        """Type of a tensor with a scale and an offset per position along `axis`."""
        return UniformType(IntegerType(bits), IntAttr(axis), scales, offsets)

    @property
    def stored_as(self) -> Attribute:
        return self.storage

    @property
    def bits(self) -> int:
        """Bits of an integer."""
        return self.storage.width.data

    @property
    def channel_axis(self) -> int | None:
        """The dimension along which scales differ; None where one serves all."""
        return None if self.axis.data == _WHOLE else self.axis.data

    @property
    def scaling(self) -> Parameters:
        """The one scale and offset. Raises TypeError where each channel has its own."""
        scales, offsets = self.scales, self.offsets
        if not isinstance(scales, DenseAttr) or not isinstance(offsets, DenseAttr) or self.axis.data != _WHOLE:
            raise TypeError(f"{self} has no one scale")
        return Parameters(float(scales.array().item()), int(offsets.array().item()))

    def verify(self) -> None:
        if self.bits not in LIMITS or self.storage.signedness.data is not Signedness.SIGNLESS:
            raise VerifyException(f"{self.name}: {self.storage} is none of {', '.join(f'i{bits}' for bits in LIMITS)}")
        if self.scales.type.element_type != f32 or self.offsets.type.element_type != i32:
            raise VerifyException(
                f"{self.name}: scales are f32 and offsets i32, got {self.scales.type} and {self.offsets.type}"
            )
        rank = 0 if self.axis.data == _WHOLE else 1
        inline = isinstance(self.scales, DenseAttr) and isinstance(self.offsets, DenseAttr)
        if self.axis.data == _WHOLE and not inline:
            raise VerifyException(f"{self.name}: one scale and one offset stand in the type, got handles")
        if self.axis.data < _WHOLE or self.scales.type.get_num_dims() != rank:
            raise VerifyException(f"{self.name}: scales {self.scales.type} along axis {self.axis.data}")
        if self.scales.type.get_shape() != self.offsets.type.get_shape():
            raise VerifyException(
                f"{self.name}: as many scales as offsets, got {self.scales.type} and {self.offsets.type}"
            )
        self._verify_values()

    def _verify_values(self) -> None:
        """Of handles only the types are known."""
        if isinstance(self.scales, DenseAttr):
            scales = self.scales.array().astype(np.float32)
            if not (np.isfinite(scales) & (scales > 0)).all():
                raise VerifyException(f"{self.name}: a scale is not a number above 0")
        if isinstance(self.offsets, DenseAttr):
            low, high = LIMITS[self.bits]
            offsets = self.offsets.array().astype(np.int32)
            if offsets.size and not low <= offsets.min() <= offsets.max() <= high:
                raise VerifyException(f"{self.name}: an offset is outside {low} to {high}")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            storage = parser.parse_type()
            parser.parse_punctuation(",")
            if parser.parse_optional_keyword("axis") is None:
                return [storage, IntAttr(_WHOLE), *_parse_one(parser)]
            axis = parser.parse_integer(allow_boolean=False, allow_negative=False)
            parser.parse_punctuation(",")
            scales = parser.parse_attribute()
            parser.parse_punctuation(",")
            return [storage, IntAttr(axis), scales, parser.parse_attribute()]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_attribute(self.storage)
            if self.axis.data == _WHOLE and isinstance(self.scales, DenseAttr) and isinstance(self.offsets, DenseAttr):
                scale, offset = self.scaling.scale, self.scaling.offset
                printer.print_string(f", {literal_text(np.float32(scale))} : {offset}")
                return
            printer.print_string(f", axis {self.axis.data}, ")
            printer.print_attribute(self.scales)
            printer.print_string(", ")
            printer.print_attribute(self.offsets)


def _parse_one(parser: AttrParser) -> tuple[DenseAttr, DenseAttr]:
    """One scale and one offset."""
    start = parser.pos
    scale = parse_literal(parser)
    if isinstance(scale, bytes):
        parser.raise_error("a scale is a number", start)
    parser.parse_punctuation(":")
    offset = parser.parse_integer(allow_boolean=False)
    if not -(1 << 31) <= offset < 1 << 31:
        parser.raise_error("an offset is an integer of 32 bits", start)
    return _scalars(scale, offset)


def _scalars(scale: float, offset: int) -> tuple[DenseAttr, DenseAttr]:
    with np.errstate(over="ignore"):
        rounded = np.array(scale, np.float32)
    return DenseAttr.of(rounded, TensorType(f32, [])), DenseAttr.of(offset, TensorType(i32, []))
