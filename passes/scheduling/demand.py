"""What to say of buffers that do not fit into VTCM: demand, bound and gap, who is live at the peak, what would help."""

from collections import Counter
from collections.abc import Mapping, Sequence

from xdsl.dialects.builtin import ModuleOp, NameLoc, f32
from xdsl.ir import Operation

from dialects.module import cores_of, target_of
from dialects.text import place
from dialects.tile.buffers import AllocOp, type_of
from dialects.tuning import tuning_of
from passes.scheduling.placement import Life, Placement, live_bytes
from passes.tiling.remedies import remedies

_NAMED = 5
"""Nodes that are named of those with buffers live at the peak."""


def does_not_fit(module: ModuleOp, ops: Sequence[Operation], lives: Mapping[AllocOp, Life], found: Placement) -> str:
    """Of the best placement that was found for the buffers of these ops, positions being those of the ops."""
    usable = target_of(module).hardware.vtcm_usable_bytes
    peak = int(live_bytes(list(lives.values())).argmax())
    live = {alloc: life.size for alloc, life in lives.items() if life.first <= peak <= life.last}
    return (
        f"the buffers take {found.end} bytes of VTCM per core, {found.end - usable} more than the {usable} there are "
        f"({found.gap:.1%} above the bound); most are live at {place(ops[peak])}, {found.bound} bytes at once: "
        f"{_largest(live)}; less is taken with {' or '.join(_remedies(module, live))}"
    )


def _largest(live: Mapping[AllocOp, int]) -> str:
    """Bytes per node of the model, the largest first."""
    held = Counter[str]()
    for alloc, size in live.items():
        location = alloc.location
        held[location.desc.data if isinstance(location, NameLoc) else "buffers of no node"] += size
    named = [f"{size} of {name}" for name, size in held.most_common(_NAMED)]
    others = sum(held.values()) - sum(size for _, size in held.most_common(_NAMED))
    return ", ".join([*named, f"{others} of {len(held) - _NAMED} others"] if others else named)


def _remedies(module: ModuleOp, live: Mapping[AllocOp, int]) -> list[str]:
    """What the user may change, by the names of the options."""
    single = any(type_of(alloc.result).element_type == f32 for alloc in live)
    smaller = "smaller chunks (size-split-granularity, vtcm-working-set-limit-ratio)"
    hardware = target_of(module).hardware
    return [*remedies(hardware, cores_of(module), tuning_of(module), single_precision=single), smaller]
