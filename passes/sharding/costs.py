"""Costs of placements, in cycles of the core clock: closed formulas on shapes and shardings, used to compare, not to
predict.
"""

from collections.abc import Sequence
from math import prod

from dialects.hardware import Hardware
from dialects.tile.sharding import DDR, Sharding, Split

_CROWDING = 0.25
"""Share of its reading that a constant costs in addition where it fills `_FULL` of each core's VTCM or more: others
are fetched less far ahead. BERT-large is a quarter quicker by it on 14 cores, but a quarter slower on 7, where
the activations that are gathered instead fill VTCM.
"""
_FREE, _FULL = 1 / 8, 5 / 8
"""Shares of VTCM: what may be filled at no cost, and what costs most."""


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
    """Time to bring a constant from DDR, and what it costs others to be fetched less far ahead where it fills VTCM."""
    held = prod(window_shape(shape, target)) * element_bytes
    filled = (held / hardware.vtcm_usable_bytes - _FREE) / (_FULL - _FREE)
    return (1 + _CROWDING * min(1.0, max(0.0, filled))) * reshard_cycles(shape, element_bytes, DDR, target, hardware)


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
