"""Costs of placements, in cycles of the core clock: closed formulas on shapes and shardings, used to compare, not to
predict.
"""

from collections.abc import Sequence
from math import prod

from dialects.hardware import Hardware
from dialects.tile.sharding import DDR, Sharding, Split

_LATE, _CROWDING = 0.25, 0.5
"""What an operand costs that fills half of VTCM or more: a constant this share of its reading, as it is fetched late; a
value this share of the time in which DDR could bring as much, as others are. BERT-large is a quarter quicker by the
first on 14 cores, and an eighth by both on 7.
"""
_UNCROWDED = 1 / 8
"""Share of VTCM that may be filled at no cost."""


def block_shape(shape: Sequence[int], sharding: Sharding) -> tuple[int, ...]:
    """Largest part of a tensor that one core owns."""
    return tuple(size if s.axis is None else min(s.block, size) for size, s in zip(shape, sharding.splits, strict=True))


def window_shape(shape: Sequence[int], sharding: Sharding) -> tuple[int, ...]:
    """Shape of the window that one core holds, padding included."""
    return tuple(
        (size if s.axis is None else min(s.block, size)) + s.before + s.after
        for size, s in zip(shape, sharding.splits, strict=True)
    )


def busy_cores(shape: Sequence[int], sharding: Sharding) -> int:
    """Number of cores that own a part that no other owns."""
    return prod(-(-size // s.block) for size, s in zip(shape, sharding.splits, strict=True) if s.axis is not None)


def reshard_cycles(
    shape: tuple[int, ...], element_bytes: int, source: Sharding, target: Sharding, hardware: Hardware
) -> float:
    """Time to bring a tensor from one sharding to another: bytes that the busiest core receives over its port, plus a
    start.
    """
    if target.home == "ddr" or source.home == "ddr":
        unique = prod(shape) * element_bytes
        received = prod(window_shape(shape, target)) * element_bytes if target.home == "vtcm" else 0
        rate = hardware.ddr_bytes_per_second / hardware.core_clock_hertz
        return max(unique / rate, received / hardware.noc_port_bytes_per_cycle)
    moved = _received(shape, source, target) * element_bytes
    if moved == 0:
        return 0.0
    start = hardware.noc_latency_cycles + hardware.signal_latency_cycles + hardware.dma_issue_cycles
    return start + moved / hardware.noc_port_bytes_per_cycle


def constant_cycles(shape: tuple[int, ...], element_bytes: int, target: Sharding, hardware: Hardware) -> float:
    """Time to bring a constant from DDR, later where it fills VTCM."""
    late = _LATE * _filled(_held(shape, element_bytes, target), hardware)
    return (1 + late) * reshard_cycles(shape, element_bytes, DDR, target, hardware)


def value_cycles(
    shape: tuple[int, ...], element_bytes: int, source: Sharding, target: Sharding, hardware: Hardware
) -> float:
    """Time to bring a value from one sharding in VTCM to another, and for which weights come later where it fills
    VTCM.
    """
    held = _held(shape, element_bytes, target)
    crowded = _CROWDING * _filled(held, hardware) * held * hardware.core_clock_hertz / hardware.ddr_bytes_per_second
    return crowded + reshard_cycles(shape, element_bytes, source, target, hardware)


def _held(shape: tuple[int, ...], element_bytes: int, sharding: Sharding) -> int:
    return prod(window_shape(shape, sharding)) * element_bytes


def _filled(held: int, hardware: Hardware) -> float:
    """How far what a core holds is on its way from nothing that matters to half of VTCM."""
    return min(1.0, max(0.0, 2 * (held / hardware.vtcm_usable_bytes - _UNCROWDED)))


def own_reads_cycles(shape: tuple[int, ...], element_bytes: int, target: Sharding, hardware: Hardware) -> float:
    """Time in which every core of a mesh reads from DDR, by itself, what it holds of a tensor."""
    read = prod(target.mesh) * prod(window_shape(shape, target)) * element_bytes
    return read * hardware.core_clock_hertz / hardware.ddr_bytes_per_second


def _received(shape: Sequence[int], source: Sharding, target: Sharding) -> int:
    """Positions that a core must fetch from others, an upper bound."""
    window = window_shape(shape, target)
    if not source.used_axes:
        return 0
    if source.mesh == target.mesh and all(map(_agrees, source.splits, target.splits)):
        kept = [
            min(size, w) if s.axis is None else min(s.block, w)
            for size, w, s in zip(shape, window, source.splits, strict=True)
        ]
        return prod(window) - prod(kept) if any(t.axis is not None and t.has_halo for t in target.splits) else 0
    return prod(window)


def _agrees(source: Split, target: Split) -> bool:
    return source.axis is None or (source.axis, source.block) == (target.axis, target.block)
