"""Scattering at constant places: a gather of the updates, selected where an update lands."""

import numpy as np

from aic.importer.builder import Array, Builder, Value
from aic.importer.node import Node, axis_of
from aic.importer.operators.movement import flat_positions
from aic.importer.registry import converts
from dialects.graph.elementwise import SelectOp
from dialects.graph.movement import GatherOp


@converts("ScatterND", since=11, note="constant indices, no reduction")
def scatter_nd(builder: Builder, node: Node) -> Value:
    node.only_default("reduction", "none")
    data, indices, updates = node.operand(0), node.known(builder, 1), node.operand(2)
    depth = indices.shape[-1]
    rest = data.shape[depth:]
    places = flat_positions(indices, data.shape[:depth]).reshape(-1)
    rows = builder.reshape(data, (int(np.prod(data.shape[:depth])), *rest))
    return builder.reshape(_landed(builder, rows, places, builder.reshape(updates, (places.size, *rest))), data.shape)


@converts("ScatterElements", "Scatter", since=9, note="constant indices, no reduction")
def scatter_elements(builder: Builder, node: Node) -> Value:
    node.only_default("reduction", "none")
    data, indices, updates = node.operand(0), node.known(builder, 1), node.operand(2)
    axis = axis_of(node.integer("axis", 0), data.rank, node.operator)
    where: list[Array] = [np.asarray(part) for part in np.indices(indices.shape)]
    where[axis] = indices
    places = flat_positions(np.stack(where, axis=-1), data.shape).reshape(-1)
    flat = builder.reshape(data, (int(np.prod(data.shape)),))
    return builder.reshape(_landed(builder, flat, places, builder.reshape(updates, (places.size,))), data.shape)


def _landed(builder: Builder, rows: Value, places: Array, updates: Value) -> Value:
    """The rows, with update i in place of row places[i]; the last update of a row stays."""
    count = rows.shape[0]
    source = np.full(count, -1, np.int64)
    np.put(source, places, np.arange(places.size))
    hit = (source >= 0).reshape(count, *(1,) * (rows.rank - 1))
    if not hit.any():
        return rows
    moved = builder.emit(GatherOp, [updates, builder.constant(np.maximum(source, 0))], axis=0)
    return moved if hit.all() else builder.emit(SelectOp, [builder.constant(hit), moved, rows])
