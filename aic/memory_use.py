"""How much memory a scheduled program takes."""

from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp

from aic.emission.constants import ConstantsLayout
from aic.emission.memory import declared_tensors, lay_out_shared_ddr
from dialects.module import main_of, target_of
from dialects.tile.ops import AllocOp, bytes_of


@dataclass(frozen=True)
class MemoryUse:
    """Bytes that a program takes, and how many there are. VTCM is per core."""

    vtcm: int
    vtcm_usable: int
    ddr_constants: int
    ddr_shared: int
    """Inputs, outputs, and activations that do not stay in VTCM."""
    ddr_available: int

    @property
    def ddr(self) -> int:
        """All of DDR that the program takes."""
        return self.ddr_constants + self.ddr_shared


def memory_use(module: ModuleOp) -> MemoryUse:
    """Memory of a program whose buffers have addresses; one without an address counts from address 0."""
    hardware = target_of(module).hardware
    tensors = declared_tensors(module)
    return MemoryUse(
        vtcm=max((_end(op) for op in main_of(module).body.walk() if isinstance(op, AllocOp)), default=0),
        vtcm_usable=hardware.vtcm_usable_bytes,
        ddr_constants=ConstantsLayout.of(tensor.value for tensor in tensors if tensor.value is not None).size,
        ddr_shared=lay_out_shared_ddr(module).size,
        ddr_available=hardware.ddr_bytes,
    )


def _end(alloc: AllocOp) -> int:
    address = 0 if alloc.address is None else alloc.address.value.data
    return address + alloc.slots * bytes_of(alloc.result)
