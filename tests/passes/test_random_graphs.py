"""The graph phase on random small graphs: no value changes."""

from collections.abc import Callable
from math import prod
from typing import TypeAlias

import numpy as np
from hypothesis import given, note, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import FunctionType, ModuleOp, TensorType, f32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue

from aic.interpreter.graph import GraphRunner
from dialects.aic import DenseAttr
from dialects.graph.base import GraphOp, tensor_type
from dialects.graph.constant import ConstantOp
from dialects.graph.contraction import MatmulOp
from dialects.graph.elementwise import AddOp, DivOp, MaxOp, MulOp, SelectOp, SubOp
from dialects.graph.movement import ConcatOp, ExpandOp, GatherOp, PadOp, ReshapeOp, SliceOp, TransposeOp
from dialects.graph.normalization import BatchNormOp, SoftmaxOp
from dialects.graph.reduction import ReduceMaxOp, ReduceMeanOp
from dialects.graph.unary import AbsOp, ReluOp, SigmoidOp, TanhOp
from passes.pipelines.graph import GRAPH_PIPELINE
from tests.passes.running import apply

Step: TypeAlias = Callable[["Graph", st.DataObject, SSAValue], GraphOp | None]


class Graph:
    """A function under construction: its block, and every value that later ops may read."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.block = Block(arg_types=[TensorType(f32, shape)])
        self.values: list[SSAValue] = [self.block.args[0]]

    def add(self, op: Operation) -> SSAValue:
        self.block.add_op(op)
        return op.results[0]

    def constant(self, data: st.DataObject, shape: tuple[int, ...]) -> SSAValue:
        numbers = st.sampled_from([0.0, 1.0, 0.5, 2.0, -1.5])
        values = data.draw(st.lists(numbers, min_size=prod(shape), max_size=prod(shape)))
        return self.add(ConstantOp(DenseAttr.of(np.array(values).reshape(shape), TensorType(f32, shape))))

    def module(self) -> ModuleOp:
        results = self.values[-3:]
        self.block.add_op(ReturnOp(*results))
        types = [value.type for value in results]
        return ModuleOp([FuncOp("main", FunctionType.from_lists([self.block.args[0].type], types), Region(self.block))])


def shape_of(value: SSAValue) -> tuple[int, ...]:
    return tensor_type(value).get_shape()


def transpose(graph: Graph, data: st.DataObject, x: SSAValue) -> GraphOp:
    return TransposeOp.of([x], {"permutation": data.draw(st.permutations(range(len(shape_of(x)))))})


def reshape(graph: Graph, data: st.DataObject, x: SSAValue) -> GraphOp:
    shape = list(shape_of(x))
    i = data.draw(st.integers(0, len(shape) - 1))
    if data.draw(st.booleans()) and i + 1 < len(shape):
        shape[i : i + 2] = [shape[i] * shape[i + 1]]
    elif shape[i] % 2 == 0:
        shape[i : i + 1] = [2, shape[i] // 2]
    else:
        shape.insert(i, 1)
    return ReshapeOp.to(x, shape)


def unary(graph: Graph, data: st.DataObject, x: SSAValue) -> GraphOp:
    return data.draw(st.sampled_from([ReluOp, SigmoidOp, TanhOp, AbsOp])).of([x])


def binary(graph: Graph, data: st.DataObject, x: SSAValue) -> GraphOp:
    kind = data.draw(st.sampled_from([AddOp, SubOp, MulOp, MaxOp]))
    same = [value for value in graph.values if shape_of(value) == shape_of(x)]
    other = same[data.draw(st.integers(0, len(same) - 1))]
    return kind.of([x, other] if data.draw(st.booleans()) else [other, x])


def with_constant(graph: Graph, data: st.DataObject, x: SSAValue) -> GraphOp:
    full = shape_of(x)
    shape = tuple(size if data.draw(st.booleans()) else 1 for size in full)[data.draw(st.integers(0, len(full))) :]
    constant = graph.constant(data, shape)
    kind = data.draw(st.sampled_from([AddOp, SubOp, MulOp]))
    return kind.of([x, constant] if data.draw(st.booleans()) else [constant, x])


def batch_norm(graph: Graph, data: st.DataObject, x: SSAValue) -> GraphOp:
    axis = data.draw(st.integers(0, len(shape_of(x)) - 1))
    scale, bias, mean = (graph.constant(data, (shape_of(x)[axis],)) for _ in range(3))
    variance = graph.add(ConstantOp(DenseAttr.of(2.0, TensorType(f32, [shape_of(x)[axis]]))))
    return BatchNormOp.of([x, scale, bias, mean, variance], {"axis": axis, "epsilon": 1e-5})


def product(graph: Graph, data: st.DataObject, x: SSAValue) -> GraphOp | None:
    shape = shape_of(x)
    return MatmulOp.of([x, graph.constant(data, (shape[-1], 2))]) if len(shape) > 1 else None


def reduction(graph: Graph, data: st.DataObject, x: SSAValue) -> GraphOp | None:
    rank = len(shape_of(x))
    axes = sorted(data.draw(st.sets(st.integers(0, rank - 1), min_size=1, max_size=2)))
    if len(axes) == rank:
        return None
    kind = data.draw(st.sampled_from([ReduceMaxOp, ReduceMeanOp]))
    return kind.of([x], {"axes": axes, "keepdims": data.draw(st.booleans())})


def softmax(graph: Graph, data: st.DataObject, x: SSAValue) -> GraphOp:
    return SoftmaxOp.of([x], {"axis": data.draw(st.integers(0, len(shape_of(x)) - 1))})


def concat(graph: Graph, data: st.DataObject, x: SSAValue) -> GraphOp:
    same = [value for value in graph.values if shape_of(value) == shape_of(x)]
    axis = data.draw(st.integers(0, len(shape_of(x)) - 1))
    return ConcatOp.of([x, same[data.draw(st.integers(0, len(same) - 1))]], {"axis": axis})


def cut(graph: Graph, data: st.DataObject, x: SSAValue) -> GraphOp:
    shape = shape_of(x)
    starts = [data.draw(st.integers(0, size - 1)) for size in shape]
    stops = [data.draw(st.integers(start + 1, size)) for start, size in zip(starts, shape, strict=True)]
    return SliceOp.of([x], {"starts": starts, "stops": stops, "steps": [1] * len(shape)})


def pad(graph: Graph, data: st.DataObject, x: SSAValue) -> GraphOp:
    pads = [data.draw(st.integers(0, 1)) for _ in range(2 * len(shape_of(x)))]
    return PadOp.of([x], {"pads": pads, "value": 0.0, "mode": "constant"})


def expand(graph: Graph, data: st.DataObject, x: SSAValue) -> GraphOp:
    return ExpandOp.to(x, [2 if size == 1 else size for size in shape_of(x)])


def gather(graph: Graph, data: st.DataObject, x: SSAValue) -> GraphOp:
    axis = data.draw(st.integers(0, len(shape_of(x)) - 1))
    size = shape_of(x)[axis]
    indices = data.draw(st.sampled_from([[0], [size - 1], list(range(size)), [-1], [size - 1, 0]]))
    constant = graph.add(ConstantOp(DenseAttr.from_array(np.array(indices, np.int64))))
    return GatherOp.of([x, constant], {"axis": axis})


def selection(graph: Graph, data: st.DataObject, x: SSAValue) -> GraphOp:
    same = [value for value in graph.values if shape_of(value) == shape_of(x)]
    condition = graph.add(ConstantOp(DenseAttr.from_array(np.array(data.draw(st.booleans())))))
    return SelectOp.of([condition, x, same[data.draw(st.integers(0, len(same) - 1))]])


def halved(graph: Graph, data: st.DataObject, x: SSAValue) -> GraphOp:
    return DivOp.of([x, graph.add(ConstantOp(DenseAttr.of(2.0, TensorType(f32, []))))])


STEPS: tuple[Step, ...] = (
    transpose,
    transpose,
    reshape,
    reshape,
    unary,
    binary,
    with_constant,
    batch_norm,
    product,
    reduction,
    softmax,
    concat,
    cut,
    pad,
    expand,
    gather,
    selection,
    halved,
)
LARGEST = 2000
"""Elements of a value; ops that would make more are left out."""


def drawn_module(data: st.DataObject) -> ModuleOp:
    """A function of up to ten steps, whose last three values are its results."""
    graph = Graph(data.draw(st.lists(st.sampled_from([1, 2, 3, 4]), min_size=2, max_size=4).map(tuple)))
    for number in data.draw(st.lists(st.integers(0, len(STEPS) - 1), min_size=3, max_size=10)):
        recent = graph.values[-3:]
        op = STEPS[number](graph, data, recent[data.draw(st.integers(0, 2)) % len(recent)])
        if op is not None and prod(shape_of(op.output)) <= LARGEST and 0 < len(shape_of(op.output)) <= 6:
            graph.values.append(graph.add(op))
    return graph.module()


@settings(max_examples=150)
@given(st.data())
def test_values_stay(data: st.DataObject) -> None:
    module = drawn_module(data)
    module.verify()
    note(str(module))
    runner = GraphRunner(module)
    (port,) = runner.inputs
    inputs = {port.name: np.random.default_rng(1).standard_normal(port.type.get_shape()).astype(np.float32)}
    expected = runner.run(inputs)
    actual = GraphRunner(apply(module, GRAPH_PIPELINE)).run(inputs)
    for name, values in expected.items():
        np.testing.assert_allclose(actual[name], values, rtol=1e-4, atol=1e-4)
