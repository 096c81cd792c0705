"""Memory of the tile level: tensors in DDR (`tile.tensor`), buffers in the VTCM of each core (`tile.alloc`).

A buffer holds a *window* of a tensor: all boxes are in the coordinates of the tensor, and a position's place in the
buffer is its distance from the window's low corner. What lies outside the tensor is padding. A schedule gives buffers
addresses and rotation depth.
"""

from abc import ABC
from collections.abc import Sequence
from typing import Literal, Self, TypeAlias, cast, get_args

from xdsl.dialects.builtin import (
    IntegerAttr,
    MemRefType,
    NoneAttr,
    StringAttr,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from dialects.aic import DenseAttr, WeightAttr
from dialects.element_types import element_bytes
from dialects.tile.attributes import BoxAttr
from dialects.tile.boxes import Box

Buffer = MemRefType[Attribute]
Engine: TypeAlias = Literal["dma", "hmx", "hvx"]
Space: TypeAlias = Literal["vtcm", "ddr"]
Role: TypeAlias = Literal["input", "output", "constant", "scratch", "send", "receive"]
_ROLES = get_args(Role)


def buffer_type(element: Attribute, shape: Sequence[int], space: Space) -> Buffer:
    """Type of memory of that shape in DDR or in each core's VTCM."""
    return MemRefType(element, shape, NoneAttr(), StringAttr(space))


def type_of(value: SSAValue) -> Buffer:
    """The buffer type of a value."""
    if not isinstance(value.type, MemRefType):
        raise VerifyException(f"expected a buffer, got {value.type}")
    return cast(Buffer, value.type)


def space_of(value: SSAValue) -> Space:
    """Where a buffer lies."""
    space = type_of(value).memory_space
    if not isinstance(space, StringAttr) or space.data not in ("vtcm", "ddr"):
        raise VerifyException(f'memory space of {value.type} is neither "vtcm" nor "ddr"')
    return "vtcm" if space.data == "vtcm" else "ddr"


def bytes_of(value: SSAValue) -> int:
    """Bytes of one slot of a buffer."""
    buffer = type_of(value)
    count = 1
    for size in buffer.get_shape():
        count *= size
    return count * element_bytes(buffer.element_type)


class TileOp(IRDLOperation, ABC):
    """Common text of the tile ops: operands without types (they are always defined before), properties, result type."""

    irdl_options = (ParsePropInAttrDict(),)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        operands = parser.parse_optional_undelimited_comma_separated_list(
            lambda: _parse_optional_operand(parser), lambda: _parse_operand(parser)
        )
        entries = parser.parse_optional_attr_dict()
        names = cls.get_irdl_definition().properties
        results = [parser.parse_type()] if parser.parse_optional_punctuation(":") is not None else []
        return cls.create(
            operands=operands or [],
            result_types=results,
            properties={name: value for name, value in entries.items() if name in names},
            attributes={name: value for name, value in entries.items() if name not in names},
        )

    def print(self, printer: Printer) -> None:
        if self.operands:
            printer.print_string(" ")
            printer.print_list(self.operands, printer.print_operand)
        printer.print_op_attributes({**self.properties, **self.attributes})
        if self.results:
            printer.print_string(" : ")
            printer.print_attribute(self.results[0].type)


def _parse_optional_operand(parser: Parser) -> SSAValue | None:
    """A value by its name, which must be defined before; its type follows from that."""
    operand = parser.parse_optional_unresolved_operand()
    if operand is None:
        return None
    values = parser.ssa_values.get(operand.operand_name, ())
    if operand.index >= len(values):
        parser.raise_error("operand is not defined before its use", operand.span)
    return values[operand.index]


def _parse_operand(parser: Parser) -> SSAValue:
    operand = _parse_optional_operand(parser)
    if operand is None:
        parser.raise_error("expected an operand")
    return operand


@irdl_op_definition
class TensorOp(TileOp):
    """A tensor in DDR: `%x = tile.tensor {label = "image", role = "input"} : memref<1x3x224x224xf32, "ddr">`.

    Inputs and outputs are the network's, in the order of the text; a constant has its value; scratch is written and
    read by the program; what it sends to other parts of the network or receives from them has a role of its own.
    """

    name = "tile.tensor"

    role = prop_def(StringAttr)
    """`input`, `output`, `constant`, `scratch`, `send` or `receive`."""
    label = opt_prop_def(StringAttr)
    """Name of the model's input or output."""
    value = opt_prop_def(WeightAttr | DenseAttr)
    """Bytes of a constant."""
    address = opt_prop_def(IntegerAttr)
    """Byte address of scratch in the region of DDR that all scratch shares."""
    result = result_def(MemRefType)

    @classmethod
    def of(
        cls, buffer: Buffer, role: Role, *, label: str | None = None, value: WeightAttr | DenseAttr | None = None
    ) -> Self:
        """Tensor of that type and role."""
        properties: dict[str, Attribute] = {"role": StringAttr(role)}
        if label is not None:
            properties["label"] = StringAttr(label)
        if value is not None:
            properties["value"] = value
        return cls.create(result_types=[buffer], properties=properties)

    def verify_(self) -> None:
        if self.role.data not in _ROLES:
            raise VerifyException(f"tile.tensor: role {self.role.data!r} is none of {', '.join(_ROLES)}")
        if space_of(self.result) != "ddr":
            raise VerifyException(f"tile.tensor: {self.result.type} does not lie in DDR")
        if (self.role.data == "constant") != (self.value is not None):
            raise VerifyException("tile.tensor: a constant, and nothing else, has a value")
        if (self.role.data in ("input", "output")) != (self.label is not None):
            raise VerifyException("tile.tensor: inputs and outputs, and nothing else, have a label")
        if self.address is not None and (self.role.data != "scratch" or self.address.value.data < 0):
            raise VerifyException("tile.tensor: only scratch has an address, and none below 0")
        buffer = type_of(self.result)
        if self.value is not None and (self.value.type.get_shape(), self.value.type.element_type) != (
            buffer.get_shape(),
            buffer.element_type,
        ):
            raise VerifyException(f"tile.tensor: value of type {self.value.type} in {buffer}")


@irdl_op_definition
class AllocOp(TileOp):
    """A buffer in every core's VTCM that holds a window of a tensor.

    `%b = tile.alloc {window = #tile.box<[16] : 0 to 1, 4 m0 - 1 to 4 m0 + 5, -1 to 57, 0 to 64>} :
    memref<1x6x58x64xf16, "vtcm">`
    """

    name = "tile.alloc"

    window = prop_def(BoxAttr)
    """Lower bounds are single forms: the corner that has place 0 in the buffer."""
    depth = opt_prop_def(IntegerAttr)
    """Slots that the iterations of the innermost loop of the window take in turn."""
    address = opt_prop_def(IntegerAttr)
    """Byte address of the first slot in VTCM, the same on every core."""
    result = result_def(MemRefType)

    @classmethod
    def of(cls, element: Attribute, window: Box, shape: Sequence[int]) -> Self:
        """Buffer of that capacity for a window."""
        return cls.create(result_types=[buffer_type(element, shape, "vtcm")], properties={"window": BoxAttr(window)})

    @property
    def slots(self) -> int:
        """Number of slots."""
        return 1 if self.depth is None else self.depth.value.data

    def verify_(self) -> None:
        if space_of(self.result) != "vtcm":
            raise VerifyException(f"tile.alloc: {self.result.type} does not lie in VTCM")
        dims = self.window.data.dims
        if len(dims) != len(type_of(self.result).get_shape()):
            raise VerifyException(f"tile.alloc: window of {len(dims)} dimensions for {self.result.type}")
        if any(len(interval.low) != 1 for interval in dims):
            raise VerifyException("tile.alloc: a lower bound of the window is not a single form")
        if self.slots < 1:
            raise VerifyException(f"tile.alloc: depth {self.slots}")
