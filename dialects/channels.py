"""`#aic.channel<3, "p2p", "Partition1">`: a way on which one part of a network sends a tensor to another, once per
inference.

Both ends carry it: the sender names the receiver, the receiver the sender. Channels are numbered over the whole network
in the order in which tensors are sent.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias, cast, get_args

from xdsl.dialects.builtin import IntAttr, StringAttr
from xdsl.ir import Attribute, ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

Link: TypeAlias = Literal["ddr", "p2p", "host"]
"""What a tensor passes: the DDR of the card that both parts run on; PCIe, from card to card; PCIe, by way of the host's
memory."""
PLACES = 2
"""Tensors of a channel that the receiver has room for: the next one may come while this one is read."""
LINKS: tuple[Link, ...] = get_args(Link)


@irdl_attr_definition
class ChannelAttr(ParametrizedAttribute):
    """One end of a channel."""

    name = "aic.channel"

    number: IntAttr
    link: StringAttr
    peer: StringAttr

    @staticmethod
    def of(number: int, link: Link, peer: str) -> "ChannelAttr":
        """The end of channel `number` at which `peer` is the other part."""
        return ChannelAttr(IntAttr(number), StringAttr(link), StringAttr(peer))

    @property
    def kind(self) -> Link:
        """What tensors pass."""
        return cast(Link, self.link.data)

    def verify(self) -> None:
        if self.number.data < 0:
            raise VerifyException(f"aic.channel: number {self.number.data}; channels are numbered from 0")
        if self.link.data not in LINKS:
            raise VerifyException(f"aic.channel: link {self.link.data!r} is none of {', '.join(LINKS)}")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            number = parser.parse_integer(allow_boolean=False)
            parser.parse_punctuation(",")
            link = parser.parse_str_literal("link of a channel")
            parser.parse_punctuation(",")
            return [IntAttr(number), StringAttr(link), StringAttr(parser.parse_str_literal("part at the other end"))]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(f"{self.number.data}, ")
            printer.print_string_literal(self.link.data)
            printer.print_string(", ")
            printer.print_string_literal(self.peer.data)
