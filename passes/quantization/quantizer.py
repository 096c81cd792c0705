"""What rules of quantization share: which values are there as integers, and how ops on integers are put in place.

An op that a rule turns into one on integers gives its result back to everybody through a `quantized.dequantize`; who
computes on integers takes them from before it. Conversions that nobody needs in the end go.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TypeAlias

import numpy as np
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, Operation, SSAValue, TypeAttribute
from xdsl.rewriter import InsertPoint, Rewriter

from dialects.element_types import is_float
from dialects.graph.base import GraphOp, Tensor, numbers, tensor_type
from dialects.graph.constant import ConstantOp
from dialects.graph.kernels import Array
from dialects.graph.properties import Plain, to_plain
from dialects.graph.unary import ClipOp
from dialects.quantized.arithmetic import Rescale
from dialects.quantized.conversion import DequantizeOp, QuantizeOp, RequantizeOp
from dialects.quantized.parameters import LIMITS, Parameters, quantized
from dialects.quantized.types import UniformType
from dialects.weights import WeightStore
from passes.quantization.scales import wanted_type
from passes.quantization.schemas import choose_parameters
from passes.quantization.settings import Settings
from passes.rewriting.constants import Constant, constant_of
from passes.rewriting.placing import place_behind

_Meaning: TypeAlias = tuple[SSAValue, Constant]


@dataclass
class Quantizer:
    """The state of one function on its way to integers."""

    store: WeightStore
    settings: Settings
    in_float: Collection[Operation] = ()
    """Ops that stay in floating point."""
    integers: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    """Integers by the floating-point value that they stand for."""
    constants: dict[_Meaning, SSAValue] = field(default_factory=dict[_Meaning, SSAValue])
    """Constants of integers, by the floating-point constant that they stand for and what they hold."""
    in_bits: dict[tuple[SSAValue, int], SSAValue] = field(default_factory=dict[tuple[SSAValue, int], SSAValue])
    """Integers of a number of bits by the constant that they stand for: it may come in several widths."""

    def computed_on_integers(self, value: SSAValue) -> bool:
        """Whether a value comes from an op on integers."""
        return isinstance(value.owner, DequantizeOp)

    def stays_in_float(self, op: GraphOp) -> bool:
        """Whether the user wants an op to compute in floating point."""
        return op in self.in_float

    def available(self, value: SSAValue) -> bool:
        """Whether a value can be had as integers: a constant always can, unless some of it is infinite or NaN."""
        return value in self.integers or self._type_of(value) is not None

    def integers_of(self, value: SSAValue, bits: int | None = None) -> SSAValue | None:
        """A value as integers: as they were computed, else quantized where it is made; None where no scale is known.

        A constant that nobody has given a scale gets integers of so many bits, by default those of the settings.
        """
        if value in self.integers:
            return self.integers[value]
        wanted = self._type_of(value, bits)
        if wanted is None:
            return None
        constant = constant_of(value)
        if constant is None:
            self.integers[value] = self._quantized(value, wanted)
            return self.integers[value]
        if (value, wanted.bits) not in self.in_bits:
            self.in_bits[value, wanted.bits] = self.constant(self.store.held(constant), wanted, value)
        return self.in_bits[value, wanted.bits]

    def alike(self, values: Sequence[SSAValue], before: Operation) -> list[SSAValue]:
        """Values that are all available, as integers of as many bits: of the widest that are no constants. Narrower
        ones get more in front of an op, which changes no number.
        """
        computed = [self.integers_of(value) for value in values if constant_of(value) is None]
        bits = max((scaling_of(x).bits for x in computed if x is not None), default=self.settings.bits)
        found = [self.integers_of(value, bits) for value in values]
        return [self._widened(x, max(bits, scaling_of(x).bits), before) for x in found if x is not None]

    def _widened(self, integers: SSAValue, bits: int, before: Operation) -> SSAValue:
        given = scaling_of(integers)
        factor = 1 << (bits - given.bits)
        scaling = Parameters(given.scaling.scale / factor, given.scaling.offset * factor)
        return self.rescaled(integers, UniformType.of(scaling, bits), before)

    def _type_of(self, value: SSAValue, bits: int | None = None) -> UniformType | None:
        """The type that a value is to have; that of a constant, where nobody says, is of the range of its values."""
        wanted, constant = wanted_type(value), constant_of(value)
        if constant is None or (wanted is not None and wanted.channel_axis is None):
            return wanted
        if not is_float(constant.type.element_type):
            return None
        values = self.store.held(constant)
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
        if not isfinite(low) or not isfinite(high):
            return None
        bits = bits or self.settings.bits
        return UniformType.of(choose_parameters(low, high, self.settings.constants, bits), bits)

    def _quantized(self, value: SSAValue, wanted: UniformType) -> SSAValue:
        scaling = wanted.scaling
        value = _unlimited(value, wanted)
        op = QuantizeOp.of([value], {"scale": scaling.scale, "offset": scaling.offset, "to": wanted})
        place_behind(value, op)
        return op.output

    def constant(self, values: Array, element: UniformType, like: SSAValue) -> SSAValue:
        """A constant of numbers as integers with one scale, where `like` is made."""
        scaling = element.scaling
        return self.constant_integers(quantized(values, scaling.scale, scaling.offset, element.bits), element, like)

    def constant_integers(self, values: Array, element: Attribute, like: SSAValue) -> SSAValue:
        """A constant of integers, where `like` is made, with its name and location; one for all who want the same."""
        constant = self.store.constant(values, TensorType(element, values.shape))
        if (like, constant) not in self.constants:
            op = ConstantOp(constant)
            place_behind(like, op)
            op.output.name_hint = like.name_hint
            self.constants[like, constant] = op.output
        return self.constants[like, constant]

    def table(self, values: Array, element: Attribute, op: GraphOp) -> SSAValue:
        """A constant of integers that belongs to an op, in front of it."""
        constant = ConstantOp(self.store.constant(values, TensorType(element, values.shape)))
        constant.location = op.location
        Rewriter.insert_op(constant, InsertPoint.before(op))
        return constant.output

    def rescaled(self, value: SSAValue, wanted: UniformType, before: Operation) -> SSAValue:
        """Integers on another scale, in front of an op."""
        given = tensor_type(value).element_type
        if given == wanted:
            return value
        assert isinstance(given, UniformType)
        op = RequantizeOp.of(
            [value],
            {
                **rescaling(given.scaling.scale / wanted.scaling.scale, wanted),
                "input_offset": given.scaling.offset,
            },
        )
        op.location = before.location
        Rewriter.insert_op(op, InsertPoint.before(before))
        return op.output

    def put(self, old: GraphOp, new: GraphOp) -> None:
        """Puts an op on integers in the place of one that it computes for."""
        new.location = old.location
        new.output.name_hint = old.output.name_hint
        element = tensor_type(new.output).element_type
        assert isinstance(element, UniformType)
        scaling = element.scaling
        wide = old.result_type.element_type
        assert isinstance(wide, TypeAttribute)
        back = DequantizeOp.of([new.output], {"scale": scaling.scale, "offset": scaling.offset, "to": wide})
        back.location = old.location
        Rewriter.insert_op([new, back], InsertPoint.before(old))
        old.output.replace_all_uses_with(back.output)
        self.integers[back.output] = new.output


def _unlimited(value: SSAValue, wanted: UniformType) -> SSAValue:
    """A value before it was limited to what integers can mean, which they do by themselves."""
    owner = value.owner
    if not isinstance(owner, ClipOp):
        return value
    low, high = numbers(owner.bounds)
    return owner.input if limits_between(low, high, wanted) == LIMITS[wanted.bits] else value


def limits_between(low: float, high: float, element: UniformType) -> tuple[int, int]:
    """The integers that numbers from `low` to `high` become."""
    scaling = element.scaling
    bounds = quantized(np.array([low, high], np.float32), scaling.scale, scaling.offset, element.bits)
    least, greatest = LIMITS[element.bits]
    return max(least, int(bounds[0])), min(greatest, int(bounds[1]))


def factor_of(ratio: float) -> dict[str, Plain]:
    """A ratio of scales as a multiplier and a shift."""
    factor = Rescale.of(ratio)
    return {"multiplier": factor.multiplier, "shift": factor.shift}


def rescaling(ratio: float, wanted: UniformType, limits: Sequence[int] | None = None) -> dict[str, Plain]:
    """Properties of an op that brings its exact result to the scale of `wanted` by one factor."""
    return {**target(wanted, limits), **factor_of(ratio)}


def target(wanted: UniformType, limits: Sequence[int] | None = None) -> dict[str, Plain]:
    """Properties of an op whose result has a type, within limits: by default all its integers."""
    low, high = LIMITS[wanted.bits] if limits is None else limits
    return {"to": wanted, "output_offset": wanted.scaling.offset, "limits": (low, high)}


def scaling_of(value: SSAValue) -> UniformType:
    """The quantized type of the elements of a value."""
    element = tensor_type(value).element_type
    assert isinstance(element, UniformType)
    return element


def retyped_result(op: GraphOp, element: Attribute) -> Tensor:
    """The type of an op's result with other elements."""
    return TensorType(element, op.result_type.get_shape())


def kept(op: GraphOp, *names: str) -> dict[str, Plain]:
    """Some properties of an op, for another one."""
    return {name: to_plain(op.properties[name]) for name in names}
