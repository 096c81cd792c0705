"""Ways to split a result over the cores."""

from collections.abc import Iterator, Sequence
from functools import cache

from dialects.tile.sharding import WHOLE, Sharding, Split

ENGINE_COLUMNS = 32
"""Blocks of the last dimension are preferably whole columns of the engine's tile; a preference of the search, no limit
of the hardware.
"""


@cache
def candidates(shape: tuple[int, ...], granularity: tuple[int, ...], cores: int) -> tuple[Sharding, ...]:
    """Shardings of a result over `cores` cores: replicas, every dimension alone, every pair of dimensions on a mesh of
    two axes.

    `granularity[d]`: dimension d may be cut at multiples of that, 0: not at all. At least one (replicas) is always
    returned.
    """
    rank = len(shape)
    replicas = Sharding("vtcm", (cores,), (WHOLE,) * rank)
    if cores == 1:
        return (replicas,)
    open_dims = [d for d in range(rank) if granularity[d] and shape[d] > granularity[d]]
    found = [replicas]
    for d in open_dims:
        for block in _blocks(shape[d], granularity[d], cores, last=d == rank - 1):
            found.append(_on_mesh(rank, (cores,), {d: (0, block)}))
    for outer, inner in _pairs(open_dims):
        for inner_cores in _factors(cores):
            outer_cores = cores // inner_cores
            outer_block = _blocks(shape[outer], granularity[outer], outer_cores, last=False)[0]
            inner_blocks = _blocks(shape[inner], granularity[inner], inner_cores, last=inner == rank - 1)
            inner_block = inner_blocks[-1 if inner == rank - 1 else 0]
            mesh = (-(-cores // inner_cores), inner_cores)
            if inner_block < shape[inner] and outer_block < shape[outer] and outer_block * outer_cores >= shape[outer]:
                found.append(_on_mesh(rank, mesh, {outer: (0, outer_block), inner: (1, inner_block)}))
    return tuple(dict.fromkeys(found))


def _on_mesh(rank: int, mesh: tuple[int, ...], placed: dict[int, tuple[int, int]]) -> Sharding:
    return Sharding("vtcm", mesh, tuple(Split(*placed[d]) if d in placed else WHOLE for d in range(rank)))


def _pairs(dims: Sequence[int]) -> Iterator[tuple[int, int]]:
    for i, outer in enumerate(dims):
        for inner in dims[i + 1 :]:
            yield outer, inner


def _factors(cores: int) -> list[int]:
    """Sizes of the inner mesh axis that leave at least two blocks outside and few cores idle."""
    return [
        size
        for size in range(2, cores // 2 + 1)
        if cores % size == 0 or (size in (2, 4, 8) and cores - cores % size >= 12)
    ]


def _blocks(size: int, grain: int, parts: int, *, last: bool) -> list[int]:
    """Block sizes to try: as even as can be, then rounded up to a power of two of grains or to whole engine columns."""
    grains = -(-size // grain)
    even = -(-grains // parts)
    blocks = [even * grain]
    if last:
        columns = max(1, ENGINE_COLUMNS // grain)
        blocks.append(-(-even // columns) * columns * grain)
    else:
        blocks.append((1 << (even - 1).bit_length()) * grain)
    return list(dict.fromkeys(block for block in blocks if block < size)) or [size]
