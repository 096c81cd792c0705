"""Ways to split a result over the cores."""

from collections.abc import Iterator, Sequence
from functools import cache

from dialects.tile.sharding import WHOLE, Sharding, Split


@cache
def candidates(shape: tuple[int, ...], granularity: tuple[int, ...], cores: int, columns: int) -> tuple[Sharding, ...]:
    """Shardings of a result over `cores` cores: replicas, every dimension alone, every pair of dimensions on a mesh of
    two axes.

    `granularity[d]`: dimension d may be cut at multiples of that, 0: not at all. Blocks of the last dimension are also
    tried as whole tiles of `columns`, as the engine works. At least one sharding (replicas) is always returned.
    """
    return _candidates(shape, granularity, cores, columns, _factors(cores))


@cache
def candidates_by_channels(
    shape: tuple[int, ...], granularity: tuple[int, ...], cores: int, columns: int, most: int
) -> tuple[Sharding, ...]:
    """Those of the shardings whose last dimension, in whole tiles of `columns`, lies on as many cores as it can, up to
    `most`: each of these holds so much less of the weights. What the other cores split, if anything, is open.
    """
    rank, inner_sizes = len(shape), sorted({*_factors(cores), min(most, cores)})
    found = [*_candidates(shape, granularity, cores, columns, inner_sizes)]
    if rank and granularity[-1]:
        for inner in inner_sizes:
            block = _blocks(shape[-1], granularity[-1], inner, columns)[-1]
            found.append(_on_mesh(rank, (-(-cores // inner), inner), {rank - 1: (1, block)}))
    parts = {
        option: channel_parts(shape, option)
        for option in found
        if channel_parts(shape, option) == 1 or option.splits[-1].block % columns == 0
    }
    furthest = max(count for count in parts.values() if count <= most)
    return tuple(option for option, count in parts.items() if count == furthest)


def channel_parts(shape: Sequence[int], sharding: Sharding) -> int:
    """Number of parts that the last dimension is cut into."""
    last = sharding.splits[-1] if sharding.splits else WHOLE
    return 1 if last.axis is None else -(-shape[-1] // last.block)


def _candidates(
    shape: tuple[int, ...], granularity: tuple[int, ...], cores: int, columns: int, inner_sizes: Sequence[int]
) -> tuple[Sharding, ...]:
    """Shardings on one mesh axis, and on two of which the inner one has one of some sizes."""
    rank = len(shape)
    replicas = Sharding("vtcm", (cores,), (WHOLE,) * rank)
    if cores == 1:
        return (replicas,)
    open_dims = [d for d in range(rank) if granularity[d] and shape[d] > granularity[d]]
    found = [replicas]
    for d in open_dims:
        for block in _blocks(shape[d], granularity[d], cores, columns if d == rank - 1 else 0):
            found.append(_on_mesh(rank, (cores,), {d: (0, block)}))
    for outer, inner in _pairs(open_dims):
        for inner_cores in inner_sizes:
            outer_cores = cores // inner_cores
            outer_block = _blocks(shape[outer], granularity[outer], outer_cores, 0)[0]
            inner_blocks = _blocks(shape[inner], granularity[inner], inner_cores, columns if inner == rank - 1 else 0)
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
    """Sizes of the inner mesh axis: divisors, and powers of two that leave at most a quarter of the cores idle."""
    sizes = range(2, cores // 2 + 1)
    return [size for size in sizes if cores % size == 0 or (size & (size - 1) == 0 and 4 * (cores % size) <= cores)]


def _blocks(size: int, grain: int, parts: int, columns: int) -> list[int]:
    """Block sizes to try: as even as can be, then rounded up to whole tiles of columns or a power of two of grains."""
    grains = -(-size // grain)
    even = -(-grains // parts)
    blocks = [even * grain]
    if columns:
        whole = max(1, columns // grain)
        blocks.append(-(-even // whole) * whole * grain)
    else:
        blocks.append((1 << (even - 1).bit_length()) * grain)
    return list(dict.fromkeys(block for block in blocks if block < size)) or [size]
