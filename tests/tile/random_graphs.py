"""Random small networks of graph ops."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from math import prod
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FunctionType,
    ModuleOp,
    NameLoc,
    NoneAttr,
    StringAttr,
    TensorType,
    f16,
    f32,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.utils.exceptions import VerifyException

from dialects.aic import DenseAttr
from dialects.element_types import is_float
from dialects.graph import GRAPH_OPS, GraphOp
from dialects.graph.base import tensor_type
from dialects.graph.constant import ConstantOp
from dialects.graph.movement import ShapedOp
from dialects.graph.recurrence import RecurrentOp
from dialects.text import print_module

Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]
_KINDS: dict[str, type[GraphOp]] = {kind.kernel_name(): kind for kind in GRAPH_OPS}


@dataclass
class Builder:
    """Adds drawn ops to a function; every op reads values that are there or new constants."""

    draw: Draw
    element: Attribute
    block: Block = field(default_factory=Block)
    values: list[SSAValue] = field(default_factory=list[SSAValue])

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.draw(st.integers(0, 1 << 16)))

    def integer(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def value(self, *ranks: int, integers: bool = False) -> SSAValue:
        """A value with one of these ranks; when there is none, any; of the network's floats, or of integers where there
        are some.
        """
        elements = [tensor_type(v).element_type for v in self.values]
        fits = [not is_float(element) if integers else element == self.element for element in elements]
        kind = list(compress(self.values, fits)) or self.values[:1]
        fitting = [v for v in kind if not ranks or tensor_type(v).get_num_dims() in ranks]
        return self.draw(st.sampled_from(fitting or kind))

    def like(self, x: SSAValue) -> list[SSAValue]:
        """Values of the same type."""
        return [v for v in self.values if v.type == x.type]

    def constant(self, shape: Sequence[int], scale: float = 1.0) -> SSAValue:
        array = scale * self.random.standard_normal(tuple(shape))
        return self.dense(DenseAttr.of(array, TensorType(self.element, shape)))

    def indices(self, shape: Sequence[int], size: int) -> SSAValue:
        return self.dense(DenseAttr.from_array(self.random.integers(0, size, tuple(shape))))

    def dense(self, value: DenseAttr) -> SSAValue:
        op = ConstantOp.create(properties={"value": value}, result_types=[value.type])
        self.block.add_op(op)
        return op.output

    def add(self, name: str, operands: Sequence[SSAValue], **properties: Any) -> None:
        self.keep(_KINDS[name].of(operands, properties))

    def keep(self, op: GraphOp) -> None:
        op.location = NameLoc(StringAttr(f"{op.kernel_name()}{len(self.values)}"), NoneAttr())
        self.block.add_op(op)
        self.values.append(op.output)


def shape(value: SSAValue) -> tuple[int, ...]:
    return tensor_type(value).get_shape()


def window(build: Builder, kernel: tuple[int, int]) -> dict[str, Any]:
    dilations = build.integer(1, 2), build.integer(1, 2)
    reach = [(k - 1) * d for k, d in zip(kernel, dilations, strict=True)]
    return {
        "strides": (build.integer(1, 2), build.integer(1, 2)),
        "dilations": dilations,
        "pads": tuple(build.integer(0, reach[d % 2]) for d in range(4)),
    }


def conv(build: Builder) -> None:
    x = build.value(4)
    channels = shape(x)[-1]
    groups = build.draw(st.sampled_from([1, 1, channels, *([2] if channels % 2 == 0 else [])]))
    kernel = build.integer(1, 3), build.integer(1, 3)
    depth, features = channels // groups, groups * build.integer(1, 3)
    w = build.constant((*kernel, depth, features), scale=(kernel[0] * kernel[1] * depth) ** -0.5)
    bias = [build.constant((features,))] if build.draw(st.booleans()) else []
    build.add("conv", [x, w, *bias], **window(build, kernel))


def conv_transpose(build: Builder) -> None:
    x = build.value(4)
    kernel = build.integer(1, 3), build.integer(1, 3)
    depth, features = shape(x)[-1], build.integer(1, 3)
    w = build.constant((*kernel, depth, features), scale=(kernel[0] * kernel[1] * depth) ** -0.5)
    pads = [build.integer(-1, 1) for _ in range(4)]
    strides, dilations = ((build.integer(1, 3), build.integer(1, high)) for high in (3, 2))
    build.add("conv_transpose", [x, w], strides=strides, dilations=dilations, pads=pads)


def resize(build: Builder) -> None:
    """Blocks of a drawn pattern, as many as the operand has room for, or sums of neighbours."""
    x = build.value()
    axis = axis_of(build, x)["axis"]
    size, step = shape(x)[axis], build.integer(1, 2)
    pattern = sorted(build.draw(st.lists(st.integers(0, min(2, size - 1)), min_size=1, max_size=3)))
    count = build.integer(1, ((size - 1 - pattern[-1]) // step + 1) * len(pattern))
    properties = {"axis": axis, "step": step, "pattern": pattern}
    if build.draw(st.booleans()):
        weights = build.constant((count, build.integer(1, 3)), scale=0.5)
        moved = [start - build.integer(0, 1) for start in pattern[:1]] * len(pattern)
        build.add("interpolate", [x, weights], **{**properties, "pattern": moved})
        return
    kind = _KINDS["resample"]
    assert issubclass(kind, ShapedOp)
    build.keep(kind.to(x, (*shape(x)[:axis], count, *shape(x)[axis + 1 :]), **properties))


def recurrent(build: Builder) -> None:
    """Over the first dimension of a value."""
    x = build.value(2, 3)
    name = build.draw(st.sampled_from(["lstm", "gru", "rnn"]))
    kind = _KINDS[name]
    assert issubclass(kind, RecurrentOp)
    hidden = build.integer(1, 4)
    columns = kind.GATES * hidden
    build.add("matmul", [x, build.constant((shape(x)[-1], columns))])
    steps = shape(build.values[-1])[0]
    batch = int(np.prod(shape(build.values[-1])[1:-1]))
    reshape = _KINDS["reshape"]
    assert issubclass(reshape, ShapedOp)
    build.keep(reshape.to(build.values[-1], (1, steps, batch, columns)))
    bias = build.constant((1, build.draw(st.sampled_from(kind.BIAS_ROWS)), columns))
    weight = build.constant((1, hidden, columns), scale=hidden**-0.5)
    states = [build.constant((count, 1, 1, batch, hidden)) for count in (1, kind.STATES)]
    build.add(name, [build.values[-1], weight, bias, *states])


def pool(build: Builder) -> None:
    kernel = build.integer(1, 3), build.integer(1, 3)
    name = build.draw(st.sampled_from(["max_pool", "average_pool"]))
    build.add(name, [build.value(4)], kernel_shape=kernel, **window(build, kernel))


def binary(build: Builder) -> None:
    x = build.value()
    same = build.like(x)
    narrow = [1 if build.draw(st.booleans()) else size for size in shape(x)]
    other = build.draw(st.sampled_from(same)) if build.draw(st.booleans()) else build.constant(narrow)
    build.add(build.draw(st.sampled_from(["add", "mul", "sub", "max"])), [x, other])


def unary(build: Builder) -> None:
    build.add(build.draw(st.sampled_from(["relu", "tanh", "neg"])), [build.value()])


def matmul(build: Builder) -> None:
    x = build.value(2, 3)
    depth, columns = shape(x)[-1], build.integer(1, 12)
    bias = [build.constant((columns,))] if build.draw(st.booleans()) else []
    build.add("matmul", [x, build.constant((depth, columns), scale=depth**-0.5), *bias])


def product(build: Builder) -> None:
    """Of a value with its own transpose: both operands are activations."""
    x = build.value(3)
    rank = len(shape(x))
    build.add("transpose", [x], permutation=(*range(rank - 2), rank - 1, rank - 2))
    build.add("matmul", [x, build.values[-1]])


def axis_of(build: Builder, x: SSAValue) -> dict[str, Any]:
    return {"axis": build.integer(0, len(shape(x)) - 1)}


def softmax(build: Builder) -> None:
    x = build.value()
    build.add("softmax", [x], **axis_of(build, x))


def layer_norm(build: Builder) -> None:
    x = build.value()
    build.add("layer_norm", [x, build.constant(shape(x)[-1:]), build.constant(shape(x)[-1:])], epsilon=1e-3)


def reduce(build: Builder) -> None:
    x = build.value()
    axes = build.draw(st.lists(st.integers(0, len(shape(x)) - 1), min_size=1, unique=True))
    build.add(build.draw(st.sampled_from(["reduce_mean", "reduce_max"])), [x], axes=sorted(axes), keepdims=True)


def transpose(build: Builder) -> None:
    x = build.value()
    build.add("transpose", [x], permutation=build.draw(st.permutations(range(len(shape(x))))))


def reshape(build: Builder) -> None:
    """Neighbouring dimensions merged, or one split in two."""
    x = build.value()
    sizes = list(shape(x))
    at = build.integer(0, len(sizes) - 1)
    divisor = build.draw(st.sampled_from([d for d in range(1, sizes[at] + 1) if sizes[at] % d == 0]))
    split = len(sizes) < 4 and build.draw(st.booleans())
    sizes[at : at + (1 if split else 2)] = (
        [divisor, sizes[at] // divisor] if split else [int(np.prod(sizes[at : at + 2]))]
    )
    build.keep(shaped("reshape").to(x, tuple(sizes)))


def concat(build: Builder) -> None:
    x = build.value()
    axis = axis_of(build, x)["axis"]
    alike = [v for v in build.values if tensor_type(v).element_type == tensor_type(x).element_type]
    fitting = [v for v in alike if len(shape(v)) == len(shape(x)) and without(v, axis) == without(x, axis)]
    build.add("concat", [x, *build.draw(st.lists(st.sampled_from(fitting), min_size=1, max_size=2))], axis=axis)


def without(value: SSAValue, axis: int) -> tuple[int, ...]:
    sizes = shape(value)
    return (*sizes[:axis], *sizes[axis + 1 :])


def slice_(build: Builder) -> None:
    x = build.value()
    ranges = [
        range(size)[build.draw(st.slices(size))] if build.draw(st.booleans()) else range(size) for size in shape(x)
    ]
    ranges = [taken or range(size) for taken, size in zip(ranges, shape(x), strict=True)]
    starts, stops, steps = ([getattr(r, name) for r in ranges] for name in ("start", "stop", "step"))
    build.add("slice", [x], starts=starts, stops=stops, steps=steps)


def pad(build: Builder) -> None:
    x = build.value()
    mode = build.draw(st.sampled_from(["constant", "edge", "reflect"]))
    pads = [build.integer(0, min(2, size - 1)) if build.draw(st.booleans()) else 0 for size in (*shape(x), *shape(x))]
    build.add("pad", [x], pads=pads, value=0.5, mode=mode)


def gather(build: Builder) -> None:
    x = build.value()
    axis = axis_of(build, x)["axis"]
    count = build.draw(st.lists(st.integers(1, 4), max_size=2 if len(shape(x)) < 4 else 1))
    build.add("gather", [x, build.indices(count, shape(x)[axis])], axis=axis)


def shaped(name: str) -> type[ShapedOp]:
    kind = _KINDS[name]
    assert issubclass(kind, ShapedOp)
    return kind


OPS = (conv, conv, pool, binary, unary, matmul, product, softmax, layer_norm, reduce, transpose, reshape, concat)
MOVES = (slice_, pad, gather, resize)
WINDOWS = (conv_transpose, recurrent)


class Network:
    """A module, shown as it was before any pass, without the values of its constants."""

    def __init__(self, module: ModuleOp) -> None:
        self.module = module
        self._text = re.sub(r"aic.dense<[^:]*:", "aic.dense<.. :", print_module(module))

    def __repr__(self) -> str:
        return self._text


@st.composite
def networks(
    draw: st.DrawFn, ops: Sequence[Callable[[Builder], None]] = (*OPS, *MOVES, *WINDOWS), most: int = 6
) -> Network:
    """A network of one to `most` ops on one input `x` of 2 to 4 dimensions, with one or two outputs."""
    build = Builder(draw, draw(st.sampled_from([f32, f32, f16])))
    sizes = draw(st.lists(st.integers(1, 9), min_size=draw(st.sampled_from([1, 3])), max_size=3))
    given_type = TensorType(build.element, [1 if len(sizes) == 3 else draw(st.integers(1, 4)), *sizes])
    build.values.append(build.block.insert_arg(given_type, 0))
    for _ in range(draw(st.integers(1, most))):
        made = len(build.values)
        try:
            draw(st.sampled_from(ops))(build)
        except VerifyException:
            assert len(build.values) >= made  # operands that do not fit: another op
        build.values = [value for value in build.values if shape(value) and 0 < prod(shape(value)) <= LARGEST]
    outputs = list(dict.fromkeys([build.values[-1], *([build.value()] if draw(st.booleans()) else [])]))
    results = [value for value in outputs if value.owner is not build.block] or outputs
    return Network(finished(build.block, given_type, results))


LARGEST = 4000
"""Elements of a value that others may read."""


def finished(block: Block, given_type: Attribute, results: Sequence[SSAValue]) -> ModuleOp:
    block.add_op(ReturnOp(*results))
    function = FuncOp("main", FunctionType.from_lists([given_type], [value.type for value in results]), Region(block))
    function.properties["arg_attrs"] = ArrayAttr([DictionaryAttr({"aic.name": StringAttr("x")})])
    names = [DictionaryAttr({"aic.name": StringAttr(f"y{n}")}) for n in range(len(results))]
    function.properties["res_attrs"] = ArrayAttr(names)
    module = ModuleOp([function])
    module.verify()
    return module
