"""Transfers of the tile level, which the DMA engine of a core makes: between DDR and VTCM, and from core to core."""

from abc import ABC
from collections.abc import Sequence
from typing import ClassVar, Self

from xdsl.dialects.builtin import (
    DenseArrayBase,
    MemRefType,
    StringAttr,
    i64,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
)
from xdsl.utils.exceptions import VerifyException

from dialects.tile.attributes import BoxAttr
from dialects.tile.boxes import Box
from dialects.tile.buffers import Engine, Space, TensorOp, space_of, type_of
from dialects.tile.instructions import InstructionOp


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
