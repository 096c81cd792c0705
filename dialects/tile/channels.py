"""`tile.send` and `tile.receive`: tensors that pass between the programs of a network's parts.

A channel ends in a tensor in DDR: of the role `receive` with the part that gets it, of the role `send` for the part
that writes it, which has that tensor not in its own memory. Both instructions go on while others work, and say by their
signals that the tensor has left, or is there. The host keeps as many places for it that a part may send the tensor of
the next inference while the other still reads that of this one.
"""

from typing import ClassVar, Self

from xdsl.dialects.builtin import MemRefType
from xdsl.ir import SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def
from xdsl.utils.exceptions import VerifyException

from dialects.channels import ChannelAttr
from dialects.tile.attributes import BoxAttr
from dialects.tile.boxes import Box
from dialects.tile.ops import Engine, InstructionOp, TensorOp, type_of


class ChannelOp(InstructionOp):
    """A send or a receive, of which one core tells all: the first, whose box is the whole tensor."""

    ENGINE: ClassVar[Engine] = "dma"

    box = prop_def(BoxAttr)
    """What each core sends or receives: the first all of it, the others nothing."""

    @property
    def is_asynchronous(self) -> bool:
        return True

    @property
    def end(self) -> TensorOp:
        """The tensor that is this part's end of the channel."""
        owner = self.target.owner
        if not isinstance(owner, TensorOp) or owner.channel is None:
            raise VerifyException(f"{self.name}: its last operand is no end of a channel")
        return owner

    @property
    def channel(self) -> ChannelAttr:
        """The channel, as this part sees it."""
        channel = self.end.channel
        assert channel is not None
        return channel

    def accesses(self) -> list[tuple[SSAValue, Box]]:
        return [(value, self.box.data) for value in self.operands]

    def verify_(self) -> None:
        super().verify_()
        role = self.end.role.data
        if role != self.name.removeprefix("tile."):
            raise VerifyException(f"{self.name}: the tensor of channel {self.end.channel} is there to {role}")
        for value in self.operands:
            if len(type_of(value).get_shape()) != len(self.box.data.dims):
                raise VerifyException(f"{self.name}: box of {len(self.box.data.dims)} dimensions for {value.type}")


@irdl_op_definition
class SendOp(ChannelOp):
    """Copies a tensor in DDR to the part at the other end of a channel."""

    name = "tile.send"

    source = operand_def(MemRefType)
    """The tensor here."""
    destination = operand_def(MemRefType)
    """The tensor there: of the role `send`."""

    @classmethod
    def of(cls, source: SSAValue, destination: SSAValue, box: Box) -> Self:
        """Sends a box of a tensor."""
        return cls.create(operands=[source, destination], properties={"box": BoxAttr(box)})

    def verify_(self) -> None:
        super().verify_()
        if self.source.type != self.destination.type:
            raise VerifyException(f"tile.send: {self.source.type} is sent as {self.destination.type}")


@irdl_op_definition
class ReceiveOp(ChannelOp):
    """Is complete once the tensor of this inference is there."""

    name = "tile.receive"

    destination = operand_def(MemRefType)
    """The tensor that comes: of the role `receive`."""

    @classmethod
    def of(cls, destination: SSAValue, box: Box) -> Self:
        """Receives a box of a tensor."""
        return cls.create(operands=[destination], properties={"box": BoxAttr(box)})
