"""The indexing table of a reshape: which dimensions of the operand become which of the result.

Both shapes fall into groups of neighbouring dimensions with equal products. A group of one dimension each is that
dimension; any other group may be cut along its outermost dimension, where the cut falls between positions of the
operand's outermost dimension.
"""

from collections.abc import Iterator
from math import gcd, prod

from dialects.indexing import Access, Indexing, Whole, scaled


def dimension_groups(source: tuple[int, ...], target: tuple[int, ...]) -> Iterator[tuple[list[int], list[int]]]:
    """Smallest runs of dimensions of both shapes, sizes of 1 left out, that hold equally many positions.

    Sizes are positive.
    """
    left, right = ([d for d, size in enumerate(shape) if size != 1] for shape in (source, target))
    i = j = 0
    while i < len(left):
        start = i, j
        here, there = source[left[i]], target[right[j]]
        i, j = i + 1, j + 1
        while here != there:
            if here < there:
                here, i = here * source[left[i]], i + 1
            else:
                there, j = there * target[right[j]], j + 1
        yield left[start[0] : i], right[start[1] : j]


def regroup(source: tuple[int, ...], target: tuple[int, ...]) -> Indexing:
    """Table of the reshape from `source` to `target`, which hold equally many positions."""
    granularity = [0 if size != 1 else 1 for size in target]
    access: list[Access] = [Whole() for _ in source]
    if 0 in source:
        return Indexing(tuple(granularity), (tuple(access),))
    for sources, targets in dimension_groups(source, target):
        inner = prod(source[d] for d in sources[1:])
        outer = prod(target[d] for d in targets[1:])
        step = inner // gcd(inner, outer)
        if step < target[targets[0]]:
            granularity[targets[0]] = step
            access[sources[0]] = scaled(targets[0], outer, inner)
    return Indexing(tuple(granularity), (tuple(access),))
