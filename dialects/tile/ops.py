"""The instructions of the tile level: one program that every core runs.

Memory is declared (`tile.tensor` in DDR, `tile.alloc` in each core's VTCM), filled and emptied by transfers, and worked
on by `tile.compute`. A buffer holds a *window* of a tensor: all boxes are in the coordinates of the tensor, and a
position's place in the buffer is its distance from the window's low corner. What lies outside the tensor is padding.

Before scheduling, instructions happen in the order of the text. A schedule adds addresses and rotation depth to
buffers, and to instructions the signal that they raise when complete and the signals that they wait for; each engine
then takes its instructions in order, on its own.
"""

from abc import ABC
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, Self, TypeAlias, cast, get_args

from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    DictionaryAttr,
    FloatAttr,
    IntegerAttr,
    MemRefType,
    NoneAttr,
    StringAttr,
    f64,
    i64,
)
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import NoTerminator
from xdsl.utils.exceptions import VerifyException

from dialects.aic import DenseAttr, WeightAttr
from dialects.element_types import element_bytes
from dialects.kernels import KERNELS
from dialects.tile.attributes import BoxAttr, Wait, WaitsAttr
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


@irdl_op_definition
class ForOp(TileOp):
    """A loop with a constant number of iterations: `tile.for {trips = 4 : i64} { .. }`. Its variable is i<number of
    loops around it>.
    """

    name = "tile.for"

    trips = prop_def(IntegerAttr)
    """Number of iterations, at least one."""
    body = region_def("single_block")
    traits = traits_def(NoTerminator())

    @classmethod
    def around(cls, trips: int, body: Block) -> Self:
        """Loop with that body."""
        return cls.create(properties={"trips": IntegerAttr(trips, i64)}, regions=[Region(body)])

    @property
    def count(self) -> int:
        """Number of iterations."""
        return self.trips.value.data

    def verify_(self) -> None:
        if self.count < 1:
            raise VerifyException(f"tile.for: {self.count} iterations")

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        count = parser.parse_integer()
        return cls.create(properties={"trips": IntegerAttr(count, i64)}, regions=[parser.parse_region()])

    def print(self, printer: Printer) -> None:
        printer.print_string(f" {self.count} ")
        printer.print_region(self.body)


class InstructionOp(TileOp, ABC):
    """Something that an engine does. Operands that it writes come last."""

    ENGINE: ClassVar[Engine] = "dma"

    signal = opt_prop_def(IntegerAttr)
    """Its counter grows by one when a run of the instruction is complete, on this core (by transfers: on every core
    that receives)."""
    waits = opt_prop_def(WaitsAttr)
    """What must have happened before the instruction starts."""
    ahead = opt_prop_def(IntegerAttr)
    """The instruction runs for the iteration so many after the current one of the innermost loop. Where there is none
    it does nothing but raise its signal."""

    def iteration_of(self, current: tuple[int, ...], trips: int) -> tuple[int, ...] | None:
        """Loop variables that the instruction runs for, in an innermost loop of `trips` iterations; None: it does not
        run.
        """
        if self.ahead is None or not current:
            return current
        last = current[-1] + self.ahead.value.data
        return (*current[:-1], last) if last < trips else None

    @property
    def engine(self) -> Engine:
        """The engine whose queue takes the instruction."""
        return self.ENGINE

    @property
    def is_asynchronous(self) -> bool:
        """Whether what follows in the queue waits only for the instruction's start; otherwise for its completion."""
        return False

    @property
    def waited(self) -> tuple[Wait, ...]:
        """The waits as plain data."""
        return self.waits.data if self.waits is not None else ()

    @property
    def writes(self) -> bool:
        """Whether the last operand is written."""
        return True

    @property
    def target(self) -> SSAValue:
        """The buffer that is written."""
        return self.operands[-1]

    def accesses(self) -> list[tuple[SSAValue, Box]]:
        """Every operand with the box of it that is touched, the written one last."""
        raise NotImplementedError

    def verify_(self) -> None:
        if self.signal is not None and self.signal.value.data < 0:
            raise VerifyException(f"{self.name}: signal {self.signal.value.data}; signals are numbered from 0")
        named = max((len(wait.count.loops) for wait in self.waited), default=0)
        if named and named > (around := _loops_around(self)):
            raise VerifyException(
                f"{self.name}: waits {self.waits} name i{named - 1}, but {around} loops are around it"
            )


def _loops_around(op: Operation) -> int:
    parent = op.parent_op()
    return 0 if parent is None else _loops_around(parent) + isinstance(parent, ForOp)


class TransferOp(InstructionOp, ABC):
    """A DMA transfer. `box` is the part that moves, in the coordinates of the source; in the target it lies `offsets`
    further.

    It starts when it is issued, and completes some time later. Of itself it waits in the queue of the DMA; with `queue`
    the thread of HMX or HVX issues it, between kernels: in that queue it starts when all before it is complete.
    """

    source = operand_def(MemRefType)
    """Where the elements are read."""
    destination = operand_def(MemRefType)
    """Where they are written."""
    box = prop_def(BoxAttr)
    """The part that moves, in the coordinates of the source."""
    offsets = opt_prop_def(DenseArrayBase.constr(i64))
    """How much further it lies in the target, in elements per dimension; none: at the same coordinates."""
    queue = opt_prop_def(StringAttr)
    """The engine whose queue takes the transfer, `hmx` or `hvx`; none: `dma`."""

    SPACES: ClassVar[tuple[Space, Space]] = ("ddr", "vtcm")

    @classmethod
    def of(cls, source: SSAValue, destination: SSAValue, box: Box, offsets: Sequence[int] = ()) -> Self:
        """Transfer of a box."""
        properties: dict[str, Attribute] = {"box": BoxAttr(box)}
        if any(offsets):
            properties["offsets"] = DenseArrayBase.from_list(i64, list(offsets))
        return cls.create(operands=[source, destination], properties=properties)

    @property
    def engine(self) -> Engine:
        if self.queue is None:
            return self.ENGINE
        return "hmx" if self.queue.data == "hmx" else "hvx"

    @property
    def is_asynchronous(self) -> bool:
        return True

    @property
    def shift(self) -> tuple[int, ...]:
        """Distance from a position in the source to its position in the target."""
        return (0,) * len(self.box.data.dims) if self.offsets is None else tuple(self.offsets.get_values())

    def accesses(self) -> list[tuple[SSAValue, Box]]:
        box = self.box.data
        return [(self.source, box), (self.destination, box if self.offsets is None else box.shifted(self.shift))]

    def verify_(self) -> None:
        super().verify_()
        spaces = (space_of(self.source), space_of(self.destination))
        if spaces != self.SPACES:
            raise VerifyException(
                f"{self.name}: moves from {spaces[0]} to {spaces[1]}; it must be {' to '.join(self.SPACES)}"
            )
        rank = len(self.box.data.dims)
        for value in self.operands:
            if len(type_of(value).get_shape()) != rank:
                raise VerifyException(f"{self.name}: box of {rank} dimensions for {value.type}")
        if self.queue is not None and self.queue.data not in ("hmx", "hvx"):
            raise VerifyException(f'{self.name}: queue {self.queue.data!r} is neither "hmx" nor "hvx"')
        if len(self.shift) != rank:
            raise VerifyException(f"{self.name}: {len(self.shift)} offsets for {rank} dimensions")
        if type_of(self.source).element_type != type_of(self.destination).element_type:
            raise VerifyException(
                f"{self.name}: {self.source.type} to {self.destination.type} changes the element type"
            )


@irdl_op_definition
class LoadOp(TransferOp):
    """Each core copies its box of a tensor in DDR into its buffer."""

    name = "tile.load"


@irdl_op_definition
class MulticastOp(TransferOp):
    """Cores with the same box get it from one read of DDR: the first of them reads and sends to all.

    `axes` are the mesh axes along which the receivers lie.
    """

    name = "tile.multicast"

    axes = prop_def(DenseArrayBase.constr(i64))
    """Mesh axes along which the receivers lie; the box depends on none of them."""

    @classmethod
    def over(cls, source: SSAValue, destination: SSAValue, box: Box, axes: Sequence[int]) -> Self:
        """Multicast of a box along mesh axes on which it does not depend."""
        op = cls.of(source, destination, box)
        op.properties["axes"] = DenseArrayBase.from_list(i64, list(axes))
        return op

    def verify_(self) -> None:
        super().verify_()
        box = self.box.data
        for axis in self.axes.get_values():
            if not 0 <= axis < len(box.mesh) or any(axis < len(f.mesh) and f.mesh[axis] for f in box.forms()):
                raise VerifyException(
                    f"tile.multicast: receivers along mesh axis {axis}, but the box {box} depends on it"
                )


@irdl_op_definition
class StoreOp(TransferOp):
    """Each core copies its box of a buffer to a tensor in DDR, an output or scratch. A scalar, which has no box that
    could be empty on other cores, is stored by the first core.
    """

    name = "tile.store"
    SPACES: ClassVar[tuple[Space, Space]] = ("vtcm", "ddr")

    def verify_(self) -> None:
        super().verify_()
        tensor = self.destination.owner
        if isinstance(tensor, TensorOp) and tensor.role.data not in ("output", "scratch", "send"):
            raise VerifyException(
                f"tile.store: the tensor is {tensor.role.data}; only outputs, scratch and what is sent are written"
            )


@irdl_op_definition
class ExchangeOp(TransferOp):
    """Each core fetches the box that it needs from the cores that own it: the one way between cores.

    For all pairs of cores (s, d): target_d[need(d) and own(s), moved by `offsets`] <- source_s. `box` is the need,
    `own` what a core owns of the source. A core's own part is a copy within its VTCM, or nothing when source and target
    are one buffer. Cores that own the same box hold replicas: those that need it are spread over them.
    """

    name = "tile.exchange"
    SPACES: ClassVar[tuple[Space, Space]] = ("vtcm", "vtcm")

    own = prop_def(BoxAttr)
    """What each core owns of the source, in its coordinates."""

    @classmethod
    def between(cls, source: SSAValue, destination: SSAValue, own: Box, need: Box, offsets: Sequence[int] = ()) -> Self:
        """Exchange of what each core needs and others own."""
        op = cls.of(source, destination, need, offsets)
        op.properties["own"] = BoxAttr(own)
        return op

    def verify_(self) -> None:
        super().verify_()
        if len(self.own.data.dims) != len(self.box.data.dims):
            raise VerifyException("tile.exchange: own and needed box differ in rank")


@irdl_op_definition
class FillOp(InstructionOp):
    """Sets every position of a window outside the tensor of shape `shape` to `value`: the padding."""

    name = "tile.fill"
    ENGINE: ClassVar[Engine] = "hvx"

    destination = operand_def(MemRefType)
    """The buffer that is padded."""
    shape = prop_def(DenseArrayBase.constr(i64))
    """Shape of the tensor that the buffer holds a window of."""
    value = prop_def(FloatAttr)
    """What the padding holds."""

    @classmethod
    def of(cls, destination: SSAValue, shape: Sequence[int], value: float) -> Self:
        """Padding of a buffer."""
        return cls.create(
            operands=[destination],
            properties={"shape": DenseArrayBase.from_list(i64, list(shape)), "value": FloatAttr(value, f64)},
        )

    @property
    def extents(self) -> tuple[int, ...]:
        """Shape of the tensor."""
        return tuple(self.shape.get_values())

    def accesses(self) -> list[tuple[SSAValue, Box]]:
        alloc = self.destination.owner
        if not isinstance(alloc, AllocOp):
            raise VerifyException("tile.fill: the buffer is not an allocation")
        return [(self.destination, alloc.window.data)]

    def verify_(self) -> None:
        super().verify_()
        if space_of(self.destination) != "vtcm":
            raise VerifyException(f"tile.fill: {self.destination.type} does not lie in VTCM")
        if len(self.extents) != len(type_of(self.destination).get_shape()):
            raise VerifyException(f"tile.fill: shape of {len(self.extents)} dimensions for {self.destination.type}")


@irdl_op_definition
class ComputeOp(InstructionOp):
    """An engine applies a kernel to boxes of buffers and writes a box of the last one.

    `tile.compute %x, %w, %b, %y {kernel = "conv", engine = "hmx", boxes = [..], arguments = {strides = array<i64: 1,
    1>}}`. The kernel is the graph dialect's; its result is rounded once to the element type of the written buffer.
    Operands in DDR are read in place (gather).
    """

    name = "tile.compute"

    buffers = var_operand_def(MemRefType)
    """Operands of the kernel, then the buffer that is written."""
    kernel = prop_def(StringAttr)
    """Name of the kernel, as in the dialect `graph`."""
    unit = prop_def(StringAttr, prop_name="engine")
    """The engine that computes: `hmx` or `hvx`."""
    boxes = prop_def(ArrayAttr[BoxAttr])
    """The part of each buffer that is touched, one box per buffer."""
    arguments = prop_def(DictionaryAttr)
    """Attributes of the kernel by name, as its operation in the dialect `graph` has them."""

    @classmethod
    def of(
        cls,
        kernel: str,
        engine: Engine,
        buffers: Sequence[SSAValue],
        boxes: Sequence[Box],
        arguments: Mapping[str, Attribute],
    ) -> Self:
        """Kernel applied to buffers (the written one last) at boxes."""
        return cls.create(
            operands=list(buffers),
            properties={
                "kernel": StringAttr(kernel),
                "engine": StringAttr(engine),
                "boxes": ArrayAttr([BoxAttr(box) for box in boxes]),
                "arguments": DictionaryAttr(arguments),
            },
        )

    @property
    def engine(self) -> Engine:
        return "hmx" if self.unit.data == "hmx" else "hvx"

    def accesses(self) -> list[tuple[SSAValue, Box]]:
        return [(value, box.data) for value, box in zip(self.operands, self.boxes, strict=True)]

    def verify_(self) -> None:
        super().verify_()
        if self.kernel.data not in KERNELS:
            raise VerifyException(f"tile.compute: unknown kernel {self.kernel.data!r}")
        if self.unit.data not in ("hmx", "hvx"):
            raise VerifyException(f'tile.compute: engine {self.unit.data!r} is neither "hmx" nor "hvx"')
        if len(self.boxes) != len(self.operands):
            raise VerifyException(f"tile.compute: {len(self.boxes)} boxes for {len(self.operands)} buffers")
        for value, box in zip(self.operands, self.boxes, strict=True):
            if len(type_of(value).get_shape()) != len(box.data.dims):
                raise VerifyException(f"tile.compute: box of {len(box.data.dims)} dimensions for {value.type}")
        if space_of(self.target) != "vtcm":
            raise VerifyException(f"tile.compute: writes {self.target.type}, which does not lie in VTCM")
