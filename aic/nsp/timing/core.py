"""The queues and units of one core."""

from aic.nsp.timing.prices import Price
from aic.nsp.timing.records import Queue

QUEUES: tuple[Queue, ...] = ("dma", "hmx", "hvx")


class Core:
    """The units that its queues share: until when they are taken. `issue`: cycles of DMA issue."""

    __slots__ = ("hmx_free", "hvx_free", "issue")

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """An inference begins."""
        self.hmx_free = self.hvx_free = self.issue = 0.0


class CoreQueue:
    """A queue of core `own` of the station `station`: its steps in their order, and how many of them have started."""

    __slots__ = ("core", "free", "name", "order", "own", "position", "station")

    def __init__(self, station: int, own: int, name: Queue, order: list[int], core: Core) -> None:
        self.station, self.own, self.name, self.order, self.core = station, own, name, order, core
        self.restart()

    def restart(self) -> None:
        """An inference begins."""
        self.position = 0
        self.free = 0.0

    def free_for(self, price: Price) -> float:
        """When the queue and the units that a step needs are free."""
        ready = self.free
        if price.hmx and self.core.hmx_free > ready:
            ready = self.core.hmx_free
        if price.hvx and self.core.hvx_free > ready:
            ready = self.core.hvx_free
        return ready

    def take(self, price: Price, now: float) -> None:
        """The step at the head of the queue starts."""
        taken, hmx, hvx, _ = price
        self.position += 1
        self.free = now + taken
        if hmx:
            self.core.hmx_free = now + hmx
        if hvx:
            self.core.hvx_free = now + hvx
