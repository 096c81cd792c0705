"""The queues and units of one core."""

from aic.nsp.timing.prices import Price
from aic.nsp.timing.records import Queue

QUEUES: tuple[Queue, ...] = ("dma", "hmx", "hvx")


class CoreQueues:
    """Where each queue of a core stands, and until when queues and units are taken. `issue`: cycles of DMA issue."""

    __slots__ = ("free", "issue", "position", "unit_free")

    def __init__(self) -> None:
        self.position: dict[Queue, int] = dict.fromkeys(QUEUES, 0)
        self.free: dict[Queue, float] = dict.fromkeys(QUEUES, 0.0)
        self.unit_free = {"hmx": 0.0, "hvx": 0.0}
        self.issue = 0.0

    def free_for(self, queue: Queue, price: Price) -> float:
        """When the queue and the units that a step needs are free."""
        ready = self.free[queue]
        if price.hmx:
            ready = max(ready, self.unit_free["hmx"])
        if price.hvx:
            ready = max(ready, self.unit_free["hvx"])
        return ready

    def take(self, queue: Queue, price: Price, now: float) -> None:
        """The step at the head of the queue starts."""
        self.position[queue] += 1
        self.free[queue] = now + price.queue
        if price.hmx:
            self.unit_free["hmx"] = now + price.hmx
        if price.hvx:
            self.unit_free["hvx"] = now + price.hvx
