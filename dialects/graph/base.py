"""What every op of the graph dialect has: a type rule, a kernel, an indexing table, and one textual form.

    %y = graph.conv %x, %w, %b {strides = array<i64: 2, 2>, ..} : (tensor<..>, tensor<..>, tensor<..>) -> tensor<..>

An op whose result type carries a sharding (an encoding) is the same op on sharded tensors: the type rule looks at shape
and element type only.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self, cast

import numpy as np
from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, IntegerType, Signedness, TensorType, f32, f64, i1, i64
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    operand_def,
    opt_operand_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from dialects.element_types import StoredElement, is_float, stored_dtype
from dialects.graph.kernels import KERNELS, Kernel
from dialects.graph.properties import Arguments, Plain, to_attribute, to_plain
from dialects.indexing import Access, Along, Indexing, Whole

Tensor = TensorType[Attribute]

__all__ = [
    "GraphOp",
    "Tensor",
    "broadcast_access",
    "broadcast_shape",
    "check_axes",
    "check_float",
    "check_number",
    "check_positions",
    "check_same_element",
    "check_value",
    "integers",
    "like",
    "numbers",
    "operand_def",
    "opt_operand_def",
    "pointwise",
    "tensor_type",
    "var_operand_def",
]


def tensor_type(value: SSAValue) -> Tensor:
    """The value's tensor type; every value of the graph dialect has one."""
    if not isinstance(value.type, TensorType):
        raise VerifyException(f"expected a tensor, got {value.type}")
    return cast(Tensor, value.type)


_UNTYPED = TensorType(f32, [])


class GraphOp(IRDLOperation, ABC):
    """A tensor op with one result, defined by its kernel.

    A subclass gives operands and properties, the type rule `infer`, and the table `indexing`. Its kernel is the
    function that the registry `dialects.graph.kernels.KERNELS` holds under the op's name without the dialect;
    properties are the kernel's keyword arguments. Optional and variadic operands come last.
    """

    output = result_def(TensorType)
    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)

    NEEDS_SHAPE: ClassVar[bool] = False
    """True when the kernel takes the shape of its result as the argument `shape`."""
    EXACT: ClassVar[bool] = False
    """True when every element of the result is an element of an operand, or its negative: nothing to round."""
    KEEPS_SCALE: ClassVar[bool] = False
    """True when values are only moved or compared, which integers that mean numbers (`!quantized.uniform`) can be as
    they are. Other ops of `graph` refuse them."""
    FOLDS: ClassVar[bool] = True
    """False when the kernel calls BLAS, whose sums differ between machines: such an op is never folded."""
    DERIVED: ClassVar[tuple[str, ...]] = ()
    """Arguments of the kernel that are no properties, but follow from the types of the operands."""

    @classmethod
    def of(
        cls,
        operands: Sequence[SSAValue | Operation],
        properties: Mapping[str, Plain | Sequence[int] | Sequence[float]] | None = None,
    ) -> Self:
        """Op on these operands, result type inferred. Raises VerifyException when the operands do not fit."""
        values = [SSAValue.get(operand) for operand in operands]
        attributes = {name: to_attribute(value) for name, value in sorted((properties or {}).items())}
        probe = cls.create(operands=values, result_types=[_UNTYPED], properties=attributes)
        try:
            inferred = probe.infer()
        finally:
            probe.erase()  # or it would count as a use of its operands
        return cls.create(operands=values, result_types=[inferred], properties=attributes)

    @property
    def padding(self) -> float:
        """Value of operand positions that the table reads outside the operand."""
        return 0.0

    @property
    def result_type(self) -> Tensor:
        """Type of the result."""
        return tensor_type(self.output)

    @property
    def operand_types(self) -> tuple[Tensor, ...]:
        """Types of the operands."""
        return tuple(tensor_type(operand) for operand in self.operands)

    @classmethod
    def kernel_name(cls) -> str:
        """Name of the kernel: that of the op, without the dialect where that is `graph`."""
        return cls.name.removeprefix("graph.")

    @classmethod
    def kernel(cls) -> Kernel:
        """The NumPy function that defines the op."""
        return KERNELS[cls.kernel_name()]

    def arguments(self) -> Arguments:
        """Keyword arguments of the kernel, `shape` excepted.

        The properties `axis` and `axes` count dimensions of the first operand from the start; kernels count them from
        the end, so that they may be called on a stack of operands.
        """
        return {name: self._argument(name, to_plain(value)) for name, value in self.properties.items()}

    def local_arguments(self) -> Arguments:
        """Keyword arguments of the kernel on one core, whose windows already hold the padding around its operands."""
        return self.arguments()

    @classmethod
    def of_call(cls, operands: Sequence[Tensor], result: Tensor, arguments: Mapping[str, Attribute]) -> Self:
        """The op that a call of the kernel on blocks of these types is: one whose `local_arguments` these are.

        Raises VerifyException when there is none: the kernel cannot be called so.
        """
        op = cls.create(
            operands=Block(arg_types=operands).args,
            result_types=[result],
            properties=cls.properties_of_call(operands, result, arguments),
        )
        op.verify_call()
        known = op.arguments() if cls.DERIVED else {}
        for name in cls.DERIVED:
            if arguments.get(name) != to_attribute(known[name]):  # 1.0 and true are no 1
                raise VerifyException(f"{cls.name}: {name} = {arguments.get(name)}, but operands give {known[name]}")
        return op

    @classmethod
    def properties_of_call(
        cls, operands: Sequence[Tensor], result: Tensor, arguments: Mapping[str, Attribute]
    ) -> dict[str, Attribute]:
        """Properties of the op that a call of the kernel is, as far as the arguments make sense."""
        rank = operands[0].get_num_dims() if operands else 0
        return {name: _from_start(name, value, rank) for name, value in arguments.items() if name not in cls.DERIVED}

    def verify_call(self) -> None:
        """Raises VerifyException unless the kernel can make the whole result of the operands as they are."""
        self.verify_()

    def numpy_calls(self) -> int:
        """About how many NumPy calls the kernel makes."""
        return 1

    def workspace(self) -> int:
        """At most how many elements the largest array has that the kernel makes on its way, where that may be far more
        than its operands and its result have.
        """
        return 0

    def _argument(self, name: str, value: Plain) -> Plain:
        if name == "axis" and isinstance(value, int):
            return value - self.operand_types[0].get_num_dims()
        if name == "axes" and isinstance(value, tuple):
            return tuple(int(axis) - self.operand_types[0].get_num_dims() for axis in cast(tuple[int, ...], value))
        return value

    @abstractmethod
    def infer(self) -> Tensor:
        """Result type from operand types and properties; raises VerifyException, with both values, unless they fit."""

    @abstractmethod
    def indexing(self) -> Indexing:
        """What boxes of the operands a box of the result needs, and where the result may be cut."""

    def verify_(self) -> None:
        meant = next((t for t in self.operand_types if isinstance(t.element_type, StoredElement)), None)
        if meant is not None and not self.KEEPS_SCALE:
            raise VerifyException(f"{self.name}: computes on numbers; {meant} has integers that mean some")
        inferred, given = self.infer(), self.result_type
        if inferred.get_shape() != given.get_shape() or inferred.element_type != given.element_type:
            raise VerifyException(f"{self.name}: result type is {given}, but operands and properties give {inferred}")

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        operands = parser.parse_optional_undelimited_comma_separated_list(
            parser.parse_optional_unresolved_operand, parser.parse_unresolved_operand
        )
        entries = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        types = parser.parse_function_type()
        values = parser.resolve_operands(operands or [], types.inputs.data, parser.pos)
        names = cls.get_irdl_definition().properties
        properties = {name: value for name, value in entries.items() if name in names}
        attributes = {name: value for name, value in entries.items() if name not in names}
        return cls.create(
            operands=values, result_types=types.outputs.data, properties=properties, attributes=attributes
        )

    def print(self, printer: Printer) -> None:
        if self.operands:
            printer.print_string(" ")
            printer.print_list(self.operands, printer.print_operand)
        printer.print_op_attributes({**self.properties, **self.attributes})
        printer.print_string(" : ")
        printer.print_function_type(self.operand_types, self.result_types)


def _from_start(name: str, value: Attribute, rank: int) -> Attribute:
    """An argument as a property: axes, which kernels count from the end, counted from the start."""
    if name == "axis" and isinstance(value, IntegerAttr) and value.type == i64:
        return IntegerAttr(value.value.data + rank, value.type)
    if name == "axes" and isinstance(value, DenseArrayBase):
        return to_attribute([axis + rank for axis in integers(value)])
    return value


def like(operand: Tensor, element: Attribute | None = None) -> Tensor:
    """Type of a result that has the operand's shape, and its element type or another one.

    Encodings do not carry over.
    """
    return TensorType(operand.element_type if element is None else element, operand.get_shape())


def check_axes(name: str, axes: Sequence[int], operand: Tensor) -> None:
    """Raises VerifyException unless the axes are different dimensions of the operand, counted from the start."""
    rank = operand.get_num_dims()
    if len(set(axes)) != len(axes) or any(not 0 <= axis < rank for axis in axes):
        raise VerifyException(f"{name}: axes {list(axes)} are not dimensions of {operand}")


def check_float(name: str, operand: Tensor) -> None:
    """Raises VerifyException unless the operand holds floating-point values."""
    if not is_float(operand.element_type):
        raise VerifyException(f"{name}: takes floating-point values, got {operand}")


def check_same_element(name: str, *operands: Tensor) -> None:
    """Raises VerifyException unless the operands hold values of one type."""
    if any(operand.element_type != operands[0].element_type for operand in operands):
        raise VerifyException(f"{name}: operands {', '.join(map(str, operands))} have different element types")


def check_number(name: str, operand: Tensor) -> None:
    """Raises VerifyException for truth values."""
    if operand.element_type == i1:
        raise VerifyException(f"{name}: takes numbers, got {operand}")


def check_positions(name: str, operand: Tensor) -> None:
    """Raises VerifyException unless the operand holds signed integers."""
    element = operand.element_type
    signed = isinstance(element, IntegerType) and element.signedness.data is not Signedness.UNSIGNED
    if not signed or element == i1:
        raise VerifyException(f"{name}: positions are signed integers, got {operand}")


def check_value(name: str, value: float, element: Attribute) -> None:
    """Raises VerifyException unless the element type can hold the value."""
    dtype = stored_dtype(element)
    if dtype.kind in "iu" and not np.iinfo(dtype.str).min <= value <= np.iinfo(dtype.str).max:
        raise VerifyException(f"{name}: {value} is no value of type {element}")


def integers(attribute: Attribute) -> tuple[int, ...]:
    """The values of an integer array property. Raises VerifyException for an array of anything else."""
    if not isinstance(attribute, DenseArrayBase) or attribute.elt_type != i64:
        raise VerifyException(f"expected an array of i64, got {attribute}")
    return cast(tuple[int, ...], to_plain(attribute))


def numbers(attribute: Attribute) -> tuple[float, ...]:
    """The values of a floating-point array property. Raises VerifyException for anything but an array of numbers."""
    if not isinstance(attribute, DenseArrayBase) or attribute.elt_type not in (i64, f64):
        raise VerifyException(f"expected an array of f64, got {attribute}")
    return cast(tuple[float, ...], to_plain(attribute))


def broadcast_shape(name: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Common shape of operands by NumPy's broadcasting; raises VerifyException naming op and shapes."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise VerifyException(f"{name}: shapes {', '.join(map(str, shapes))} do not broadcast") from None


def broadcast_access(shape: tuple[int, ...], result: tuple[int, ...]) -> tuple[Access, ...]:
    """What an operand of `shape`, broadcast to `result`, is read at: its own position, or a dimension of size 1."""
    offset = len(result) - len(shape)
    return tuple(Along(d + offset) if size == result[d + offset] else Whole() for d, size in enumerate(shape))


def pointwise(op: GraphOp) -> Indexing:
    """Table of an op that computes each element of the result from the broadcast elements of its operands."""
    result = op.result_type.get_shape()
    return Indexing(
        (1,) * len(result), tuple(broadcast_access(operand.get_shape(), result) for operand in op.operand_types)
    )
