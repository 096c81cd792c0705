"""What parts of a network send each other while they run: who sends to whom, what is there, and where there is room."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aic.nsp.timing.inference import Inference
from aic.nsp.timing.records import Arriving, Plan, Sending
from aic.nsp.timing.signals import Waiter
from dialects.channels import PLACES
from dialects.errors import AicError


class Route(NamedTuple):
    """A channel between plans, by their numbers, and the bytes of its tensor."""

    channel: int
    sender: int
    receiver: int
    bytes: int


def routes_of(plans: Sequence[Plan]) -> dict[int, Route]:
    """The channels between plans. Raises AicError for one that is not sent by one and received by one."""
    senders: dict[int, list[tuple[int, int]]] = {}
    receivers: dict[int, list[int]] = {}
    for number, plan in enumerate(plans):
        for step in plan.steps:
            match step.work:
                case Sending() as work:
                    senders.setdefault(work.channel, []).append((number, work.bytes))
                case Arriving() as work:
                    receivers.setdefault(work.channel, []).append(number)
                case _:
                    pass
    for channel in sorted(senders.keys() | receivers.keys()):
        sent, received = len(senders.get(channel, ())), len(receivers.get(channel, ()))
        if (sent, received) != (1, 1):
            raise AicError(f"timing: channel {channel} is sent {sent} times and received {received} times")
    return {
        channel: Route(channel, *sent[0][:1], receivers[channel][0], sent[0][1]) for channel, sent in senders.items()
    }


class Mail:
    """The state of all channels."""

    def __init__(self, routes: Mapping[int, Route]) -> None:
        self.routes = routes
        self._delivered: Counter[int] = Counter()
        self._ended: Counter[int] = Counter()
        """Inferences that each receiver has made."""
        self._for_places: dict[int, list[Waiter]] = {}
        """Who waits until a receiver has made another inference."""
        self._for_tensors: dict[int, tuple[Inference, int]] = {}
        """The step that waits for a channel's next tensor."""

    def has_place(self, channel: int, number: int, waiter: Waiter) -> bool:
        """Whether the receiver has room for the tensor of inference `number`; otherwise the waiter is remembered."""
        receiver = self.routes[channel].receiver
        if number < self._ended[receiver] + PLACES:
            return True
        self._for_places.setdefault(receiver, []).append(waiter)
        return False

    def freed(self, part: int) -> list[Waiter]:
        """A part has made an inference and reads its tensors no more: who may go on."""
        self._ended[part] += 1
        return self._for_places.pop(part, [])

    def is_there(self, channel: int, inference: Inference, step: int) -> bool:
        """Whether the tensor of an inference has come; otherwise the step is remembered."""
        if self._delivered[channel] > inference.number:
            return True
        self._for_tensors[channel] = (inference, step)
        return False

    def delivered(self, channel: int) -> list[tuple[Inference, int]]:
        """A channel's next tensor has come: the step that waited for it, if one did."""
        self._delivered[channel] += 1
        waiting = self._for_tensors.pop(channel, None)
        return [] if waiting is None else [waiting]

    def awaited(self) -> str:
        """Names of the channels whose tensors are awaited."""
        return ", ".join(f"channel {channel}" for channel in sorted(self._for_tensors))
