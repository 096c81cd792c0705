"""`graph.send` and `graph.receive`: what crosses the boundary between parts of a network."""

from typing import Self

from xdsl.dialects.builtin import TensorType
from xdsl.ir import SSAValue
from xdsl.irdl import IRDLOperation, ParsePropInAttrDict, irdl_op_definition, operand_def, prop_def, result_def

from dialects.channels import ChannelAttr
from dialects.graph.base import Tensor


@irdl_op_definition
class SendOp(IRDLOperation):
    """Sends a tensor to another part: `graph.send %x {channel = #aic.channel<0, "p2p", "Partition1">} : tensor<..>`.

    In the order of the text, sends and receives of a part happen one after the other.
    """

    name = "graph.send"

    input = operand_def(TensorType)
    """What is sent."""
    channel = prop_def(ChannelAttr)
    """The way, and the part that receives."""
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` type($input)"

    @classmethod
    def on(cls, channel: ChannelAttr, value: SSAValue) -> Self:
        """Sends a value on a channel."""
        return cls.create(operands=[value], properties={"channel": channel})


@irdl_op_definition
class ReceiveOp(IRDLOperation):
    """Gets a tensor from another part: `%x = graph.receive {channel = #aic.channel<0, "p2p", "Partition0">} :
    tensor<..>`.
    """

    name = "graph.receive"

    channel = prop_def(ChannelAttr)
    """The way, and the part that sends."""
    output = result_def(TensorType)
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "attr-dict `:` type($output)"

    @classmethod
    def on(cls, channel: ChannelAttr, tensor: Tensor) -> Self:
        """Receives a tensor on a channel."""
        return cls.create(properties={"channel": channel}, result_types=[tensor])
