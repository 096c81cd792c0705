"""Reductions, positions of extremes, running sums."""

from aic.importer.builder import Builder, Value
from aic.importer.node import Node, axis_of
from aic.importer.registry import Converter, converts
from dialects.graph import reduction as r
from dialects.graph.elementwise import AddOp, MulOp, SubOp
from dialects.graph.movement import GatherElementsOp
from dialects.graph.unary import AbsOp, ExpOp, LogOp, SqrtOp

_PLAIN: dict[str, type[r.ReduceOp]] = {
    "ReduceSum": r.ReduceSumOp,
    "ReduceMean": r.ReduceMeanOp,
    "ReduceMax": r.ReduceMaxOp,
    "ReduceMin": r.ReduceMinOp,
    "ReduceProd": r.ReduceProdOp,
}
_AXES_BECAME_OPERAND = {"ReduceSum": 13}
"""Opset from which `axes` is an operand; 18 for the others."""
_DERIVED = ("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare")


def _axes(builder: Builder, node: Node, x: Value) -> tuple[int, ...]:
    """Reduced dimensions, from the start: all when none is given, unless the node says that none means none."""
    if node.opset >= _AXES_BECAME_OPERAND.get(node.operator, 18):
        given = node.known_or_none(builder, 1)
        axes = () if given is None else tuple(int(axis) for axis in given.reshape(-1))
    else:
        axes = node.integers("axes")
    if not axes and not node.integer("noop_with_empty_axes", 0):
        return tuple(range(x.rank))
    return tuple(sorted(axis_of(axis, x.rank, node.operator) for axis in axes))


def _reduced(builder: Builder, node: Node, x: Value, kind: type[r.ReduceOp]) -> Value:
    axes = _axes(builder, node, x)
    return builder.emit(kind, [x], axes=axes, keepdims=bool(node.integer("keepdims", 1))) if axes else x


def _plain(kind: type[r.ReduceOp]) -> Converter:
    return lambda builder, node: _reduced(builder, node, node.operand(0), kind)


for _operator, _kind in _PLAIN.items():
    converts(_operator)(_plain(_kind))


@converts(*_DERIVED)
def derived(builder: Builder, node: Node) -> Value:
    """Sums of something, or something of sums."""
    x = node.operand(0)
    match node.operator:
        case "ReduceL1":
            return _reduced(builder, node, builder.emit(AbsOp, [x]), r.ReduceSumOp)
        case "ReduceSumSquare":
            return _reduced(builder, node, builder.emit(MulOp, [x, x]), r.ReduceSumOp)
        case "ReduceL2":
            return builder.emit(SqrtOp, [_reduced(builder, node, builder.emit(MulOp, [x, x]), r.ReduceSumOp)])
        case "ReduceLogSum":
            return builder.emit(LogOp, [_reduced(builder, node, x, r.ReduceSumOp)])
        case _:
            return _log_sum_exp(builder, node, x)


def _log_sum_exp(builder: Builder, node: Node, x: Value) -> Value:
    """log sum exp(x - max x) + max x, which does not overflow."""
    axes = _axes(builder, node, x)
    if not axes:
        return x
    peak = builder.emit(r.ReduceMaxOp, [x], axes=axes, keepdims=True)
    powers = builder.emit(ExpOp, [builder.emit(SubOp, [x, peak])])
    total = builder.emit(LogOp, [builder.emit(r.ReduceSumOp, [powers], axes=axes, keepdims=True)])
    y = builder.emit(AddOp, [total, peak])
    kept = [size for d, size in enumerate(x.shape) if d not in axes]
    return y if node.integer("keepdims", 1) else builder.reshape(y, kept)


@converts("ArgMax", "ArgMin")
def position(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    return builder.emit(
        r.ArgMaxOp if node.operator == "ArgMax" else r.ArgMinOp,
        [x],
        axis=axis_of(node.integer("axis", 0), x.rank, node.operator),
        keepdims=bool(node.integer("keepdims", 1)),
        select_last=bool(node.integer("select_last_index", 0)),
    )


@converts("TopK", note="constant K")
def top_k(builder: Builder, node: Node) -> list[Value]:
    """Values are those of opset 10 and newer: sorted, as those that need not be may be."""
    x = node.operand(0)
    axis = axis_of(node.integer("axis", -1), x.rank, node.operator)
    count = int(node.known(builder, 1).item()) if node.opset >= 10 else node.integer("k", 1)
    places = builder.emit(r.TopPositionsOp, [x], axis=axis, count=count, largest=bool(node.integer("largest", 1)))
    return [builder.emit(GatherElementsOp, [x, places], axis=axis), places]


@converts("CumSum", since=11, note="constant axis")
def cumsum(builder: Builder, node: Node) -> Value:
    x = node.operand(0)
    axis = axis_of(int(node.known(builder, 1).item()), x.rank, node.operator)
    flags = {name: bool(node.integer(name, 0)) for name in ("exclusive", "reverse")}
    return builder.emit(r.CumsumOp, [x], axis=axis, **flags)
