"""What parts of a network send each other while they run: who sends to whom, what is under way, and where there is
room.

A tensor that is sent leaves when those before it on its channel have left, and the receiver has a place for it. Until
then, and while it is under way, it takes a place at the sender.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aic.nsp.timing.records import Arriving, Plan, Sending
from aic.nsp.timing.signals import Waiter
from dialects.channels import PLACES, Link
from dialects.errors import AicError


class Route(NamedTuple):
    """A channel between plans, by their numbers: its link, and the bytes of its tensor."""

    channel: int
    link: Link
    sender: int
    receiver: int
    bytes: int


def routes_of(plans: Sequence[Plan]) -> dict[int, Route]:
    """The channels between plans. Raises AicError for one that is not sent by one and received by one."""
    senders: dict[int, list[tuple[int, Sending]]] = {}
    receivers: dict[int, list[int]] = {}
    for number, plan in enumerate(plans):
        for step in plan.steps:
            match step.work:
                case Sending() as work:
                    senders.setdefault(work.channel, []).append((number, work))
                case Arriving() as work:
                    receivers.setdefault(work.channel, []).append(number)
                case _:
                    pass
    for channel in sorted(senders.keys() | receivers.keys()):
        sent, received = len(senders.get(channel, ())), len(receivers.get(channel, ()))
        if (sent, received) != (1, 1):
            raise AicError(f"timing: channel {channel} is sent {sent} times and received {received} times")
    return {
        channel: Route(channel, work.link, number, receivers[channel][0], work.bytes)
        for channel, ((number, work),) in senders.items()
    }


class Mail:
    """The state of all channels."""

    def __init__(self, routes: Mapping[int, Route]) -> None:
        self.routes = routes
        self._into: dict[int, list[int]] = {}
        """Channels into each part."""
        for channel, route in routes.items():
            self._into.setdefault(route.receiver, []).append(channel)
        self._sent: Counter[int] = Counter()
        self._started: Counter[int] = Counter()
        """Tensors of each channel that have begun to leave."""
        self._departed: Counter[int] = Counter()
        """Tensors that have left."""
        self._delivered: Counter[int] = Counter()
        self._ended: Counter[int] = Counter()
        """Inferences that each receiver has made."""
        self._for_places: dict[int, Waiter] = {}
        """Who waits until a channel's tensor has left."""
        self._for_tensors: dict[int, int] = {}
        """The step of the receiver that waits for a channel's next tensor."""

    def has_place(self, channel: int, number: int, waiter: Waiter) -> bool:
        """Whether the sender has room for the tensor of inference `number`; otherwise the waiter is remembered."""
        if number < self._departed[channel] + PLACES:
            return True
        self._for_places[channel] = waiter
        return False

    def send(self, channel: int) -> bool:
        """A tensor is ready to leave; whether it leaves at once."""
        self._sent[channel] += 1
        return self._starts(channel)

    def departed(self, channel: int) -> tuple[bool, list[Waiter]]:
        """A tensor has left; whether the next one leaves at once, and who may go on at the sender."""
        self._departed[channel] += 1
        waiter = self._for_places.pop(channel, None)
        return self._starts(channel), [] if waiter is None else [waiter]

    def freed(self, part: int) -> list[int]:
        """A part has made an inference and reads its tensors no more: channels whose next tensor leaves now."""
        self._ended[part] += 1
        return [channel for channel in self._into.get(part, ()) if self._starts(channel)]

    def _starts(self, channel: int) -> bool:
        """Whether a tensor of a channel may begin to leave; it then has."""
        number, receiver = self._started[channel], self.routes[channel].receiver
        if number == self._sent[channel] or number > self._departed[channel]:
            return False
        if number >= self._ended[receiver] + PLACES:
            return False
        self._started[channel] += 1
        return True

    def is_there(self, channel: int, number: int, step: int) -> bool:
        """Whether the tensor of inference `number` has come; otherwise the step is remembered."""
        if self._delivered[channel] > number:
            return True
        self._for_tensors[channel] = step
        return False

    def delivered(self, channel: int) -> int | None:
        """A channel's next tensor has come: the step that waited for it, if one did."""
        self._delivered[channel] += 1
        return self._for_tensors.pop(channel, None)

    def awaited(self) -> str:
        """Names of the channels whose tensors are awaited."""
        return ", ".join(f"channel {channel}" for channel in sorted(self._for_tensors))
