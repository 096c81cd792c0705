"""Builds graph ops, and computes at once what is known: with it, shape arithmetic never becomes an op."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import TensorType, i32
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.irdl import IRDLOperation

from aic.importer.tensors import TensorReader
from dialects.aic import DenseAttr, WeightAttr
from dialects.element_types import element_type, stored_dtype
from dialects.graph.base import GraphOp, Tensor, tensor_type
from dialects.graph.constant import ConstantOp
from dialects.graph.elementwise import AddOp, CastOp
from dialects.graph.evaluation import fold
from dialects.graph.locations import model_location
from dialects.graph.movement import ExpandOp, ReshapeOp, ShapedOp, TransposeOp
from dialects.graph.properties import Plain
from dialects.quantized.conversion import QuantizeOp
from dialects.quantized.types import UniformType
from dialects.weights import WeightStore
from passes.quantization.scales import attach, reshaped_scale, transposed_scale

Array: TypeAlias = npt.NDArray[Any]

FOLD_ELEMENTS = 1 << 16
"""Constants of at most so many elements are computed with; larger ones are only looked at through handles."""


@dataclass(eq=False)
class Value:
    """A tensor during import: the result of an op, or a constant that becomes an op when one needs it.

    Integers that stand for numbers are there as these, and become integers when an op needs them.
    """

    type: Tensor
    ssa: SSAValue | None = None
    constant: WeightAttr | DenseAttr | None = None
    name: str = ""
    scaling: UniformType | None = None
    """Of integers that stand for numbers, and of a constant that was given as integers: how integers mean numbers."""
    meaning: "Value | None" = None
    """The numbers that integers stand for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the dimensions."""
        return self.type.get_shape()

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return self.type.get_num_dims()

    @property
    def element(self) -> Attribute:
        """Element type."""
        return self.type.element_type

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Element type as NumPy stores it."""
        return stored_dtype(self.element)


@dataclass
class Builder:
    """Appends ops to a block. Every op gets the location of the ONNX node that is being converted."""

    reader: TensorReader
    block: Block
    rebatched: tuple[int, int] | None = None
    """The model's own batch size and the one that it is imported for, where they differ."""
    node: str = ""
    _known: dict[Attribute, Array] = field(default_factory=dict[Attribute, Array])

    @property
    def store(self) -> WeightStore:
        """Where the bytes of constants are kept."""
        return self.reader.store

    def constant(self, values: npt.ArrayLike, element: Attribute | None = None) -> Value:
        """A constant of these values; `element` converts them to an element type."""
        array = np.asarray(values)
        if element is not None:
            array = array.astype(stored_dtype(element))
        return self.of_attribute(self.store.constant(array))

    def of_attribute(self, constant: WeightAttr | DenseAttr, name: str = "") -> Value:
        """A constant, called by its name in the model."""
        return Value(constant.type, constant=constant, name=name)

    def known(self, value: Value) -> Array | None:
        """The elements, if they are known and few; in their stored dtype."""
        if value.constant is None or prod(value.shape) > FOLD_ELEMENTS:
            return None
        array = self._known.get(value.constant)
        if array is None:
            array = self._known[value.constant] = self.store.stored_bytes(value.constant)
        return array

    def ssa(self, value: Value) -> SSAValue:
        """The value as an operand; a constant becomes an op when it is first asked for, integers that stand for numbers
        several.
        """
        if value.ssa is None and value.meaning is not None and value.scaling is not None:
            value.ssa = self._quantized(value.meaning, value.scaling, value.element)
        if value.ssa is None:
            assert value.constant is not None
            value.ssa = self._insert(ConstantOp(value.constant), value.name or self.node)
            if value.scaling is not None:
                attach(value.ssa, value.scaling)
        return value.ssa

    def _quantized(self, numbers: Value, scaling: UniformType, element: Attribute) -> SSAValue:
        """Numbers as integers of the model's type."""
        scale, offset = scaling.scaling.scale, scaling.scaling.offset
        signed = self.emit(QuantizeOp, [numbers], scale=scale, offset=offset, to=scaling.storage)
        return self.ssa(self.resigned(signed, element))

    def resigned(self, value: Value, element: Attribute) -> Value:
        """Integers with a sign as ones of as many bits without, all moved by half their range, or the other way."""
        if value.element == element:
            return value
        half = 1 << (8 * value.dtype.itemsize - 1)
        by = half if value.dtype.kind == "i" else -half
        moved = self.emit(AddOp, [self.cast(value, i32), self.constant(by, i32)])
        return self.cast(moved, element)

    def _insert(self, op: IRDLOperation, node: str) -> SSAValue:
        op.location = model_location(node)
        self.block.add_op(op)
        return op.results[0]

    def emit(
        self, kind: type[GraphOp], operands: Sequence[Value], **properties: Plain | Sequence[int] | Sequence[float]
    ) -> Value:
        """Result of an op on these operands, computed now if they are known.

        Raises VerifyException if they do not fit.
        """
        return self._result(kind.of([self.ssa(value) for value in operands], properties), operands)

    def _result(self, op: GraphOp, operands: Sequence[Value]) -> Value:
        arrays = [self.known(value) for value in operands] if op.FOLDS else []
        if arrays and prod(op.result_type.get_shape()) <= FOLD_ELEMENTS and all(a is not None for a in arrays):
            folded = fold(op, [array for array in arrays if array is not None])
            op.erase()
            return self.of_attribute(self.store.constant(folded), operands[0].name if op.EXACT else "")
        self._insert(op, self.node)
        return Value(op.result_type, op.output)

    def emit_shaped(
        self,
        kind: type[ShapedOp],
        value: Value,
        shape: Sequence[int],
        **properties: Plain | Sequence[int] | Sequence[float],
    ) -> Value:
        """Result, of this shape, of an op whose result type alone says so. Raises as `emit` does."""
        return self._result(kind.to(self.ssa(value), shape, **properties), [value])

    def reshape(self, value: Value, shape: Sequence[int]) -> Value:
        """The value in another shape: itself, another reading of a constant, or an op."""
        shape = tuple(shape)
        if shape == value.shape:
            return value
        if isinstance(value.constant, WeightAttr) and prod(shape) == prod(value.shape):
            attribute = WeightAttr(value.constant.key, value.constant.permutation, TensorType(value.element, shape))
            result = self.of_attribute(attribute, value.name)
        else:
            result = self.emit_shaped(ReshapeOp, value, shape)
        if value.scaling is not None and result.constant is not None:
            result.scaling = reshaped_scale(value.scaling, value.shape, shape)
        return result

    def transpose(self, value: Value, permutation: Sequence[int]) -> Value:
        """The value with its dimensions permuted: itself, another reading of a constant, or an op."""
        order = tuple(permutation)
        if order == tuple(range(value.rank)):
            return value
        if value.constant is not None:
            result = self._transposed_constant(value, order)
            if value.scaling is not None and result.constant is not None:
                result.scaling = transposed_scale(value.scaling, order)
            return result
        source = value.ssa.owner if value.ssa is not None else None
        if isinstance(source, TransposeOp):
            before = Value(tensor_type(source.input), source.input)
            return self.transpose(before, [source.order[d] for d in order])
        return self.emit(TransposeOp, [value], permutation=order)

    def _transposed_constant(self, value: Value, order: tuple[int, ...]) -> Value:
        weight = value.constant
        if not isinstance(weight, WeightAttr):
            return self.emit(TransposeOp, [value], permutation=order)
        stored = self.store.stored_shape(weight.key.data)
        before = weight.order or tuple(range(len(stored)))
        if tuple(stored[d] for d in before) != value.shape:  # read in another shape: no permutation says both
            return self.emit(TransposeOp, [value], permutation=order)
        shape = [value.shape[d] for d in order]
        attribute = WeightAttr.of(weight.key.data, TensorType(value.element, shape), [before[d] for d in order])
        return self.of_attribute(attribute, value.name)

    def expand(self, value: Value, shape: Sequence[int]) -> Value:
        """The value repeated along dimensions of size 1, and along new leading ones."""
        shape = tuple(shape)
        if shape == value.shape:
            return value
        return self.emit_shaped(ExpandOp, self.reshape(value, (*(1,) * (len(shape) - value.rank), *value.shape)), shape)

    def cast(self, value: Value, element: Attribute) -> Value:
        """The value converted to an element type."""
        return value if value.element == element else self.emit(CastOp, [value], to=element)  # pyright: ignore

    def filled(self, value: npt.NDArray[np.generic], shape: Sequence[int]) -> Value:
        """A constant of one value, however large; its elements are kept once."""
        element = element_type(value.dtype)
        if prod(shape) <= FOLD_ELEMENTS:
            return self.constant(np.full(shape, value))
        key = self.store.add_filled(value, tuple(shape))
        return self.of_attribute(WeightAttr.of(key, TensorType(element, shape)))


def last_made(value: Value) -> Operation | None:
    """The op whose result the value is, if it is one, or the one that makes the numbers that it stands for."""
    ssa = value.ssa if value.meaning is None else value.meaning.ssa
    owner = ssa.owner if ssa is not None else None
    return owner if isinstance(owner, Operation) else None
