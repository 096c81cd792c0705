"""How much memory a scheduled program takes."""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp

from aic.emission.constants import ConstantsLayout
from aic.emission.memory import SharedDdr, declared_tensors, largest_shared_ddr, lay_out_shared_ddr
from dialects.module import dealloc_delay_of, main_of, programs_of, specializations_of, target_of
from dialects.tile.buffers import AllocOp
from dialects.tile.scratch import scratch_end
from passes.scheduling.buffers import buffer_bytes, lives_of, scratch_lives_of
from passes.scheduling.placement import lower_bound


@dataclass(frozen=True)
class Room:
    """Bytes that buffers take which share addresses, one after the other."""

    taken: int
    """Up to the end of the highest."""
    demand: int
    """The largest sum of what is live at once: no placement takes less. In VTCM a buffer is live for as long after its
    last use as its place is kept free for it (`aic.dealloc_delay`)."""

    @property
    def gap(self) -> float:
        """Share by which more is taken than must be."""
        return self.taken / self.demand - 1 if self.demand else 0.0


@dataclass(frozen=True)
class MemoryUse:
    """Bytes that a program takes, and how many there are."""

    vtcm: Room
    """On each core."""
    vtcm_usable: int
    ddr_scratch: Room
    """Activations that do not stay in VTCM."""
    ddr_constants: int
    ddr_shared: int
    """Inputs, outputs and scratch."""
    ddr_available: int

    @property
    def ddr(self) -> int:
        """All of DDR that the program takes."""
        return self.ddr_constants + self.ddr_shared


def memory_use(module: ModuleOp) -> MemoryUse:
    """Memory of a program whose buffers have addresses; one without an address counts from address 0. Of a module of
    specializations: rooms of those that take most, and all of their constants.
    """
    return _use(list(programs_of(module)), lay_out_shared_ddr(module))


def memory_use_of_card(part: ModuleOp) -> MemoryUse:
    """The same of a card of a network over several, of which the part is a program for one shape: of all shapes."""
    return _use(specializations_of(part), largest_shared_ddr(part))


def _use(programs: Sequence[ModuleOp], shared: SharedDdr) -> MemoryUse:
    tensors = [tensor for program in programs for tensor in declared_tensors(program)]
    hardware = target_of(programs[0]).hardware
    return MemoryUse(
        vtcm=max((_vtcm(program, hardware.vtcm_alignment_bytes) for program in programs), key=lambda room: room.taken),
        vtcm_usable=hardware.vtcm_usable_bytes,
        ddr_scratch=max((_scratch(program) for program in programs), key=lambda room: room.taken),
        ddr_constants=ConstantsLayout.of(tensor.value for tensor in tensors if tensor.value is not None).size,
        ddr_shared=shared.size,
        ddr_available=hardware.ddr_bytes,
    )


def _vtcm(program: ModuleOp, alignment: int) -> Room:
    body = main_of(program).body
    allocs = [op for op in body.walk() if isinstance(op, AllocOp)]
    taken = max((_address(alloc) + buffer_bytes(alloc, alignment) for alloc in allocs), default=0)
    lives = lives_of(list(body.block.ops), alignment, dealloc_delay_of(program))
    return Room(taken, lower_bound(list(lives.values())))


def _scratch(program: ModuleOp) -> Room:
    lives = scratch_lives_of(list(main_of(program).body.block.ops))
    return Room(scratch_end(declared_tensors(program)), lower_bound(list(lives.values())))


def _address(alloc: AllocOp) -> int:
    return 0 if alloc.address is None else alloc.address.value.data
