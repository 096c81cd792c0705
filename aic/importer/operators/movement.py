"""Operators that move values: shape, order, selection."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import prod

import numpy as np
from xdsl.dialects.builtin import i64

from aic.importer.builder import Array, Builder, Value
from aic.importer.node import Node, axis_of
from aic.importer.problems import Misfit, Unsupported
from aic.importer.registry import converts
from dialects.element_types import is_float
from dialects.graph import movement as m
from dialects.graph.elementwise import AddOp, LessOp, MulOp, SelectOp


@converts("Transpose")
def transpose(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    return builder.transpose(x, node.integers("perm", tuple(reversed(range(x.rank)))))


@converts("Reshape")
def reshape(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    wanted = _rebatched(builder, x, [int(size) for size in node.known(builder, 1).reshape(-1)])
    copies = not node.integer("allowzero", 0)
    shape = [x.shape[d] if size == 0 and copies and d < x.rank else size for d, size in enumerate(wanted)]
    if shape.count(-1) == 1:
        others = -prod(shape)
        if others == 0 or prod(x.shape) % others:
            raise Misfit(f"{x.type} does not fit the shape {wanted}")
        shape[shape.index(-1)] = prod(x.shape) // others
    if min(shape, default=0) < 0:
        raise Misfit(f"shape {wanted} for {x.type}")
    return builder.reshape(x, shape)


def _rebatched(builder: Builder, x: Value, wanted: list[int]) -> list[int]:
    """The shape that a Reshape asks for, its first dimension in the batch size that the model is imported for."""
    if builder.rebatched is None or not wanted or not x.shape:
        return wanted
    old, new = builder.rebatched
    keeps_batch = wanted[0] == old and x.shape[0] == new
    misses_batch = -1 not in wanted and wanted[0] % old == 0 and prod(wanted) * new == prod(x.shape) * old
    return [wanted[0] // old * new, *wanted[1:]] if keeps_batch or misses_batch else wanted


@converts("Flatten")
def flatten(builder: Builder, node: Node) -> Value:
    x, axis = node.operand(0), node.integer("axis", 1)
    if not -x.rank <= axis <= x.rank:
        raise Misfit(f"axis {axis} of {x.type}")
    axis %= x.rank + (axis >= 0)
    return builder.reshape(x, (prod(x.shape[:axis]), prod(x.shape[axis:])))


def _axes(builder: Builder, node: Node) -> tuple[int, ...] | None:
    """The axes of Squeeze and Unsqueeze: an attribute, from opset 13 an operand."""
    if node.opset < 13:
        return node.integers("axes") if node.has("axes") else None
    given = node.known_or_none(builder, 1)
    return None if given is None else tuple(int(axis) for axis in given.reshape(-1))


@converts("Squeeze")
def squeeze(builder: Builder, node: Node) -> Value:
    x, axes = node.operand(0), _axes(builder, node)
    if axes is None:
        return builder.reshape(x, [size for size in x.shape if size != 1])
    dropped = {axis_of(axis, x.rank, node.operator) for axis in axes}
    if any(x.shape[axis] != 1 for axis in dropped):
        raise Misfit(f"axes {sorted(dropped)} of {x.type} do not all have size 1")
    return builder.reshape(x, [size for d, size in enumerate(x.shape) if d not in dropped])


@converts("Unsqueeze")
def unsqueeze(builder: Builder, node: Node) -> Value:
    x, axes = node.operand(0), _axes(builder, node) or ()
    rank = x.rank + len(axes)
    added = {axis_of(axis, rank, node.operator) for axis in axes}
    sizes = iter(x.shape)
    return builder.reshape(x, [1 if d in added else next(sizes) for d in range(rank)])


@converts("Expand", since=8)
def expand(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    wanted = tuple(int(size) for size in node.known(builder, 1).reshape(-1))
    try:
        return builder.expand(x, np.broadcast_shapes(x.shape, wanted))
    except ValueError:
        raise Misfit(f"{x.type} does not expand to shape {list(wanted)}") from None


@converts("Concat")
def concat(builder: Builder, node: Node) -> Value:
    operands = node.given()
    axis = axis_of(node.integer("axis", 0), operands[0].rank, node.operator)
    full = [value for value in operands if value.shape[axis : axis + 1] != (0,)] or operands[:1]
    return full[0] if len(full) == 1 else builder.emit(m.ConcatOp, full, axis=axis)


@converts("Split")
def split(builder: Builder, node: Node) -> list[Value]:
    x = node.operand(0)
    axis = axis_of(node.integer("axis", 0), x.rank, node.operator)
    given = node.known_or_none(builder, 1) if node.opset >= 13 else None
    sizes = node.integers("split") if given is None else tuple(int(size) for size in given)
    if not sizes:
        count = node.integer("num_outputs", len(node.outputs))
        share = -(-x.shape[axis] // count)
        sizes = tuple(max(0, min(share, x.shape[axis] - i * share)) for i in range(count))
    if sum(sizes) != x.shape[axis] or len(sizes) != len(node.outputs):
        raise Misfit(f"split {list(sizes)} of dimension {axis} of {x.type} into {len(node.outputs)} outputs")
    begins = list(accumulate(sizes, initial=0))
    return [take(builder, x, {axis: range(begin, end)}) for begin, end in pairwise(begins)]


def take(builder: Builder, x: Value, ranges: dict[int, range]) -> Value:
    """The positions in `ranges` of some dimensions, all of the others."""
    every = [ranges.get(d, range(size)) for d, size in enumerate(x.shape)]
    if all(taken == range(size) for taken, size in zip(every, x.shape, strict=True)):
        return x
    return builder.emit(
        m.SliceOp,
        [x],
        starts=[taken.start for taken in every],
        stops=[taken.stop for taken in every],
        steps=[taken.step for taken in every],
    )


@converts("Slice", until=9)
def slice_with_attributes(builder: Builder, node: Node) -> Value:
    starts, ends = node.integers("starts"), node.integers("ends")
    return _sliced(builder, node, starts, ends, node.integers("axes", range(len(starts))), (1,) * len(starts))


@converts("Slice", since=10, note="constant bounds")
def slice_with_operands(builder: Builder, node: Node) -> Value:
    starts, ends = ([int(v) for v in node.known(builder, position).reshape(-1)] for position in (1, 2))
    axes, steps = node.known_or_none(builder, 3), node.known_or_none(builder, 4)
    return _sliced(
        builder,
        node,
        starts,
        ends,
        range(len(starts)) if axes is None else [int(v) for v in axes.reshape(-1)],
        (1,) * len(starts) if steps is None else [int(v) for v in steps.reshape(-1)],
    )


def _sliced(
    builder: Builder,
    node: Node,
    starts: Sequence[int],
    ends: Sequence[int],
    axes: Sequence[int],
    steps: Sequence[int],
) -> Value:
    x = node.operand(0)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise Misfit(f"starts {list(starts)}, ends {list(ends)}, axes {list(axes)}, steps {list(steps)}")
    ranges: dict[int, range] = {}
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        d = axis_of(axis, x.rank, node.operator)
        begin, stop, stride = slice(start, end, step).indices(x.shape[d])
        if step < 0 and end < -x.shape[d]:
            stop = -1
        taken = range(begin, stop, stride)
        ranges[d] = taken if len(taken) else range(0)
    return take(builder, x, ranges)


@converts("Pad", until=10)
def pad_with_attributes(builder: Builder, node: Node) -> Value:
    return _padded(builder, node, node.integers("pads"), node.number("value", 0.0))


@converts("Pad", since=11, note="constant pads; modes constant, edge, reflect, wrap")
def pad(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    given = [int(size) for size in node.known(builder, 1).reshape(-1)]
    value, axes = node.known_or_none(builder, 2), node.known_or_none(builder, 3)
    pads = [0] * 2 * x.rank
    for i, axis in enumerate(range(x.rank) if axes is None else axes.reshape(-1)):
        d = axis_of(int(axis), x.rank, node.operator)
        pads[d], pads[d + x.rank] = given[i], given[i + len(given) // 2]
    return _padded(builder, node, pads, 0.0 if value is None or not value.size else float(value.item()))


def _padded(builder: Builder, node: Node, pads: Sequence[int], value: float) -> Value:
    x, mode = node.operand(0), node.text("mode", "constant")
    if len(pads) != 2 * x.rank:
        raise Misfit(f"pads {list(pads)} for {x.type}")
    if not is_float(x.element) and abs(value) >= 2**53:
        raise Unsupported(f"value {value} in {x.type}")
    low, high = pads[: x.rank], pads[x.rank :]
    inside = {d: range(max(0, -low[d]), size - max(0, -high[d])) for d, size in enumerate(x.shape)}
    x = take(builder, x, inside)
    added = [max(0, size) for size in pads]
    return builder.emit(m.PadOp, [x], pads=added, value=value, mode=mode) if any(added) else x


@converts("Gather")
def gather(builder: Builder, node: Node) -> Value:
    data, indices = node.operand(0), node.operand(1)
    axis = axis_of(node.integer("axis", 0), data.rank, node.operator)
    known = builder.known(indices)
    if known is not None:
        size = data.shape[axis]
        if known.size and not (-size <= known.min() and known.max() < size):
            raise Misfit(f"indices from {known.min()} to {known.max()} in dimension {axis} of {data.type}")
        if known.ndim == 0:
            position = int(known) % size
            taken = take(builder, data, {axis: range(position, position + 1)})
            return builder.reshape(taken, (*data.shape[:axis], *data.shape[axis + 1 :]))
    return builder.emit(m.GatherOp, [data, indices], axis=axis)


@converts("GatherElements", since=11)
def gather_elements(builder: Builder, node: Node) -> Value:
    data, indices = node.operand(0), node.operand(1)
    axis = axis_of(node.integer("axis", 0), data.rank, node.operator)
    return builder.emit(m.GatherElementsOp, [data, indices], axis=axis)


@converts("GatherND", since=11)
def gather_nd(builder: Builder, node: Node) -> Value:
    """A gather of rows of the flattened dimensions that index vectors, and batches, pick from."""
    data, indices, batches = node.operand(0), node.operand(1), node.integer("batch_dims", 0)
    if indices.rank < 1 or data.shape[:batches] != indices.shape[:batches] or not 0 <= batches < indices.rank:
        raise Misfit(f"{batches} batch dimensions, indices {indices.type} for {data.type}")
    depth = batches + indices.shape[-1]
    if depth > data.rank:
        raise Misfit(f"indices of {indices.shape[-1]} dimensions for {data.type}")
    known = builder.known(indices) if batches == 0 else None
    if known is None:
        flat = _flat_places(builder, indices, data.shape[:depth], batches)
    else:
        flat = builder.constant(flat_positions(known, data.shape[:depth]))
    rows = builder.reshape(data, (prod(data.shape[:depth]), *data.shape[depth:]))
    return builder.emit(m.GatherOp, [rows, flat], axis=0)


def _flat_places(builder: Builder, indices: Value, sizes: tuple[int, ...], batches: int) -> Value:
    """Row-major positions in dimensions of these sizes of index vectors that are computed; batches are counted."""
    indices = builder.cast(indices, i64)
    lead = indices.shape[:-1]
    strides = [prod(sizes[d + 1 :]) for d in range(len(sizes))]
    counted = np.zeros(lead, np.int64)
    for d in range(batches):
        counted += (np.arange(sizes[d]) * strides[d]).reshape(-1, *(1,) * (len(lead) - d - 1))
    places = builder.constant(counted)
    for column, d in enumerate(range(batches, len(sizes))):
        index = builder.reshape(take(builder, indices, {indices.rank - 1: range(column, column + 1)}), lead)
        from_end = builder.emit(LessOp, [index, builder.constant(np.int64(0))])
        wrapped = builder.emit(AddOp, [index, builder.constant(np.int64(sizes[d]))])
        index = builder.emit(SelectOp, [from_end, wrapped, index])
        places = builder.emit(AddOp, [places, builder.emit(MulOp, [index, builder.constant(np.int64(strides[d]))])])
    return places


def flat_positions(indices: Array, sizes: tuple[int, ...]) -> Array:
    """Positions in row-major order of index vectors [.., len(sizes)]."""
    limits = np.asarray(sizes)
    if ((indices < -limits) | (indices >= limits)).any():
        raise Misfit(f"an index is outside of {list(sizes)}")
    vectors = np.moveaxis(np.where(indices < 0, indices + limits, indices), -1, 0)
    return np.asarray(np.ravel_multi_index(tuple(vectors), sizes), np.int64)


@converts("Tile", note="constant repeats")
def tile(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    repeats = [int(count) for count in node.known(builder, 1).reshape(-1)]
    if len(repeats) != x.rank:
        raise Misfit(f"repeats {repeats} for {x.type}")
    spread = builder.reshape(x, [part for size in x.shape for part in (1, size)])
    spread = builder.expand(spread, [part for size, n in zip(x.shape, repeats, strict=True) for part in (n, size)])
    return builder.reshape(spread, [size * n for size, n in zip(x.shape, repeats, strict=True)])


@converts("DepthToSpace")
def depth_to_space(builder: Builder, node: Node) -> Value:
    x, block = node.operand(0), node.integer("blocksize", 1)
    n, c, h, w = _image(x)
    depth = c // (block * block)
    if depth * block * block != c:
        raise Misfit(f"blocks of {block} from the channels of {x.type}")
    if node.text("mode", "DCR") == "DCR":
        y = builder.transpose(builder.reshape(x, (n, block, block, depth, h, w)), (0, 3, 4, 1, 5, 2))
    else:
        y = builder.transpose(builder.reshape(x, (n, depth, block, block, h, w)), (0, 1, 4, 2, 5, 3))
    return builder.reshape(y, (n, depth, h * block, w * block))


@converts("SpaceToDepth")
def space_to_depth(builder: Builder, node: Node) -> Value:
    x, block = node.operand(0), node.integer("blocksize", 1)
    n, c, h, w = _image(x)
    if h % block or w % block:
        raise Misfit(f"blocks of {block} from {x.type}")
    y = builder.reshape(x, (n, c, h // block, block, w // block, block))
    order = (0, 3, 5, 1, 2, 4) if node.text("mode", "DCR") == "DCR" else (0, 1, 3, 5, 2, 4)
    return builder.reshape(builder.transpose(y, order), (n, c * block * block, h // block, w // block))


def _image(x: Value) -> tuple[int, int, int, int]:
    if x.rank != 4:
        raise Misfit(f"{x.type} does not have 4 dimensions")
    n, c, h, w = x.shape
    return n, c, h, w


@converts("Trilu", since=14, note="constant k")
def trilu(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    distance = node.known_or_none(builder, 1)
    k = 0 if distance is None else int(distance.item())
    ones = np.ones(x.shape[-2:], np.bool_)
    mask = np.triu(ones, k) if node.integer("upper", 1) else np.tril(ones, k)
    return builder.emit(SelectOp, [builder.constant(mask), x, builder.constant(0, x.element)])
