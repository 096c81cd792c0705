"""Runs the parts of a network side by side: each goes on until it waits for a tensor that no other has sent yet.

What the parts compute does not depend on whose turn it is: a channel has one sender and one receiver.
"""

from collections import deque
from collections.abc import Generator, Mapping
from typing import TypeAlias

from dialects.channels import ChannelAttr
from dialects.errors import AicError
from dialects.graph.kernels import Array

Outputs: TypeAlias = dict[str, Array]
Running: TypeAlias = Generator[ChannelAttr, None, Outputs]
"""A part at work: yields the channel that it waits for, and returns its outputs by name."""


class Mail:
    """Tensors on their way, by channel."""

    def __init__(self) -> None:
        self._boxes: dict[int, deque[Array]] = {}

    def put(self, channel: ChannelAttr, tensor: Array) -> None:
        """Sends a tensor, as it is now. The order of its elements in memory stays, so that sums of them have the same
        bits.
        """
        self._boxes.setdefault(channel.number.data, deque()).append(tensor.copy("K"))

    def holds(self, channel: ChannelAttr) -> bool:
        """Whether there is something to take."""
        return bool(self._boxes.get(channel.number.data))

    def take(self, channel: ChannelAttr) -> Array:
        """The oldest tensor that was sent and not yet taken."""
        return self._boxes[channel.number.data].popleft()

    def awaited(self, channel: ChannelAttr) -> Generator[ChannelAttr, None, Array]:
        """The next tensor of a channel, once it is there."""
        if not self.holds(channel):
            yield channel
        return self.take(channel)


def run_parts(parts: Mapping[str, Running], mail: Mail) -> Outputs:
    """All outputs of parts together. Raises AicError as `run_each`."""
    return {name: output for each in run_each(parts, mail).values() for name, output in each.items()}


def run_each(parts: Mapping[str, Running], mail: Mail) -> dict[str, Outputs]:
    """The outputs of each part, run in turns. Raises AicError when none can go on, naming what each waits for."""
    outputs: dict[str, Outputs] = {}
    waiting: dict[str, ChannelAttr | None] = dict.fromkeys(parts)
    while waiting:
        ready = [name for name, channel in waiting.items() if channel is None or mail.holds(channel)]
        if not ready:
            raise AicError(f"deadlock: {'; '.join(_waits(name, channel) for name, channel in waiting.items())}")
        for name in ready:
            try:
                waiting[name] = next(parts[name])
            except StopIteration as end:
                outputs[name] = end.value
                del waiting[name]
    return outputs


def _waits(name: str, channel: ChannelAttr | None) -> str:
    assert channel is not None
    part = f"{name} waits" if name else "the program waits"
    return f"{part} for {channel.peer.data} on channel {channel.number.data}"
