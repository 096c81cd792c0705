"""`tile.send` and `tile.receive`: tensors that pass between the programs of a network's parts.

What is sent lies in a tensor in DDR of the role `send`, what comes in one of the role `receive`. Of both there are as
many as a channel has places: while one is under way, the next may be written; while one is read, the next may come. A
send is complete when the tensor is ready to leave: nobody waits for its way. A receive is complete when it is there.
"""

from typing import ClassVar, Self

from xdsl.dialects.builtin import MemRefType
from xdsl.ir import SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def
from xdsl.utils.exceptions import VerifyException

from dialects.channels import ChannelAttr
from dialects.tile.attributes import BoxAttr
from dialects.tile.boxes import Box
from dialects.tile.buffers import Engine, Role, TensorOp, type_of
from dialects.tile.instructions import InstructionOp


class ChannelOp(InstructionOp):
    """A send or a receive, of which one core tells all: the first, whose box is the whole tensor."""

    ENGINE: ClassVar[Engine] = "dma"
    ROLES: ClassVar[tuple[Role, ...]]

    tensor = operand_def(MemRefType)
    """What is sent or comes."""
    box = prop_def(BoxAttr)
    """What each core sends or receives: the first all of it, the others nothing."""
    channel = prop_def(ChannelAttr)
    """The way, and the part at its other end."""

    @classmethod
    def of(cls, channel: ChannelAttr, tensor: SSAValue, box: Box) -> Self:
        """Sends or receives a box of a tensor."""
        return cls.create(operands=[tensor], properties={"channel": channel, "box": BoxAttr(box)})

    @property
    def is_asynchronous(self) -> bool:
        return True

    def accesses(self) -> list[tuple[SSAValue, Box]]:
        return [(self.tensor, self.box.data)]

    def verify_(self) -> None:
        super().verify_()
        owner = self.tensor.owner
        if not isinstance(owner, TensorOp) or owner.role.data not in self.ROLES:
            raise VerifyException(f"{self.name}: its tensor has none of the roles {', '.join(self.ROLES)}")
        if len(type_of(self.tensor).get_shape()) != len(self.box.data.dims):
            raise VerifyException(f"{self.name}: box of {len(self.box.data.dims)} dimensions for {self.tensor.type}")


@irdl_op_definition
class SendOp(ChannelOp):
    """Sends a tensor in DDR to the part at the other end of a channel."""

    name = "tile.send"
    ROLES: ClassVar[tuple[Role, ...]] = ("send", "output")

    @property
    def writes(self) -> bool:
        return False


@irdl_op_definition
class ReceiveOp(ChannelOp):
    """Is complete once the tensor of this inference is there."""

    name = "tile.receive"
    ROLES: ClassVar[tuple[Role, ...]] = ("receive",)
