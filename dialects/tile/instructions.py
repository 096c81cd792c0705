"""The instructions of the tile level: one program that every core runs.

Memory (`dialects.tile.buffers`) is filled and emptied by transfers (`dialects.tile.transfers`), and worked on by
`tile.compute`.

Before scheduling, instructions happen in the order of the text. A schedule adds to instructions the signal that they
raise when complete and the signals that they wait for; each engine then takes its instructions in order, on its own.
"""

from abc import ABC
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    DictionaryAttr,
    FloatAttr,
    IntegerAttr,
    MemRefType,
    StringAttr,
    f64,
    i64,
)
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import NoTerminator
from xdsl.utils.exceptions import VerifyException

from dialects.kernels import KERNELS
from dialects.tile.attributes import BoxAttr, Wait, WaitsAttr
from dialects.tile.boxes import Box
from dialects.tile.buffers import AllocOp, Engine, TileOp, space_of, type_of


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
