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
        for inner_cores in _factors(cores):
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
