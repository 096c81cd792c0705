"""What devices send to each other so that a value that they hold in one way is held in another, and how long it takes.

All devices exchange directly. A sum of which each is to have all is either sent around as a whole, or each device adds
up a slice and sends that on (reduce-scatter, all-gather), whichever is faster.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

from dialects.channels import Link
from dialects.hardware import Hardware
from passes.partitioning.slicing.states import Box, Held, Slices, State, box_of, even_slices, extents


@dataclass(frozen=True)
class Piece:
    """A box of a value that one device gets from another, or has itself."""

    sender: int
    receiver: int
    box: Box


def origin_of(own: State, need: State, needs: Collection[State], shape: Sequence[int], devices: int) -> State:
    """From which state of a value that is made in the state `own` one that is needed is made, among all that are."""
    if need is Held.WHOLE or Held.WHOLE not in needs or serves(own, need, shape, devices):
        return own
    return Held.WHOLE


def serves(state: State, need: State, shape: Sequence[int], devices: int) -> bool:
    """Whether each device has what it needs."""
    if state == need or state is Held.WHOLE:
        return True
    if state is Held.PARTIAL or need is Held.PARTIAL:
        return False
    return all(_within(box_of(need, shape, d), box_of(state, shape, d)) for d in range(devices))


def pieces_of(source: State, target: State, shape: Sequence[int], devices: int) -> list[Piece]:
    """What every device puts together: pieces next to each other in the source's dimension, or summands, in order."""
    found: list[Piece] = []
    for receiver in range(devices):
        need = box_of(target, shape, receiver)
        if need is None:
            continue
        if source is Held.PARTIAL:
            found += [Piece(sender, receiver, need) for sender in range(devices)]
        elif _within(need, box_of(source, shape, receiver)):
            found.append(Piece(receiver, receiver, need))
        elif isinstance(source, Slices):
            found += _gathered(source, need, receiver)
        else:
            found.append(Piece(0, receiver, need))
    return found


def _gathered(source: Slices, need: Box, receiver: int) -> list[Piece]:
    """Pieces of a box from those who have slices; what the receiver has itself, it takes there."""
    position, end = need[source.dim]
    mine, _ = source.parts[receiver]
    found: list[Piece] = []
    while position < end:
        owners = [d for d, (low, high) in enumerate(source.parts) if low <= position < high]
        sender = receiver if receiver in owners else owners[0]
        stop = min(end, source.parts[sender][1])
        if sender != receiver and mine > position:
            stop = min(stop, mine)
        interval = (position, stop)
        box = tuple(interval if d == source.dim else other for d, other in enumerate(need))
        found.append(Piece(sender, receiver, box))
        position = stop
    return found


def _within(box: Box | None, around: Box | None) -> bool:
    """Whether a box lies in another; nothing lies in anything."""
    if box is None or around is None:
        return box is None
    return all(low <= a and b <= high for (a, b), (low, high) in zip(box, around, strict=True))


class Exchanges:
    """Exchanges between devices on a link; each is worked out once."""

    def __init__(self, devices: int, link: Link, cores: int, hardware: Hardware) -> None:
        """`cores`: of a device, which slice and put together."""
        self.devices = devices
        self._hops = 2 if link == "host" else 1
        self._cores, self._hardware = cores, hardware
        self._known: dict[tuple[State, State, tuple[int, ...], int], float] = {}

    def seconds(self, source: State, target: State, shape: tuple[int, ...], element_bytes: int) -> float:
        """Time from one state to the other, on the fastest way."""
        if source == target:
            return 0.0
        key = (source, target, shape, element_bytes)
        known = self._known.get(key)
        if known is None:
            way = self.way(source, target, shape, element_bytes)
            known = self._known[key] = self._length(way, shape, element_bytes)
        return known

    def way(self, source: State, target: State, shape: tuple[int, ...], element_bytes: int) -> tuple[State, ...]:
        """The states on the fastest way from one to another, both included."""
        direct = (source, target)
        if source is not Held.PARTIAL or target is not Held.WHOLE:
            return direct
        scattered = _scattered(shape, self.devices)
        if scattered is None:
            return direct
        return min(direct, (source, scattered, target), key=lambda way: self._length(way, shape, element_bytes))

    def _length(self, way: Sequence[State], shape: tuple[int, ...], element_bytes: int) -> float:
        return sum(self._step(a, b, shape, element_bytes) for a, b in pairwise(way))

    def _step(self, source: State, target: State, shape: tuple[int, ...], element_bytes: int) -> float:
        """Time in which the busiest device sends and gets its pieces at once, and puts together what it has."""
        sent, received, handled = ([0] * self.devices for _ in range(3))
        messages = [0] * self.devices
        for piece in pieces_of(source, target, shape, self.devices):
            size = prod(extents(piece.box)) * element_bytes
            handled[piece.receiver] += size
            if piece.sender != piece.receiver:
                sent[piece.sender] += size
                received[piece.receiver] += size
                messages[piece.sender] += 1
        return self._on_link(max(*sent, *received), max(messages)) + self._on_cores(max(handled))

    def _on_link(self, size: int, messages: int) -> float:
        if not messages:
            return 0.0
        hardware = self._hardware
        start = hardware.pcie_latency_seconds + (messages - 1) * hardware.pcie_request_seconds
        return self._hops * (start + size / hardware.pcie_bytes_per_second)

    def _on_cores(self, size: int) -> float:
        """Every vector is read and written once."""
        hardware = self._hardware
        vectors = size / hardware.hvx_vector_bytes / self._cores
        cycles = hardware.hvx_start_cycles + 2 * hardware.hvx_cycles_per_vector.access * vectors
        return cycles / hardware.core_clock_hertz


def _scattered(shape: Sequence[int], devices: int) -> Slices | None:
    """Slices of a sum, one for each device to add up: of the first dimension that gives all the same, else the first
    that gives each something.
    """
    wide = [d for d, size in enumerate(shape) if size >= devices]
    even = [d for d in wide if shape[d] % devices == 0]
    return even_slices((even or wide)[0], shape[(even or wide)[0]], 1, devices) if wide else None
