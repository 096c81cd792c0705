"""A random use of every op of the graph dialect: the op, and arrays for its operands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st
from xdsl.dialects.builtin import TensorType, i32
from xdsl.ir import Block

from dialects.element_types import element_type
from dialects.graph import GraphOp
from dialects.graph.kernels import Array
from dialects.graph.movement import ShapedOp
from dialects.graph.recurrence import RecurrentOp

Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]
Case: TypeAlias = "tuple[GraphOp, list[Array]]"


@dataclass
class Maker:
    """Makes ops on arrays; elements come from a generator with a drawn seed."""

    draw: Draw
    kind: type[GraphOp]

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.draw(st.integers(0, 1 << 16)))

    def integer(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def flag(self) -> bool:
        return self.draw(st.booleans())

    def shape(self, low: int = 1, high: int = 4) -> tuple[int, ...]:
        return tuple(self.draw(st.lists(st.integers(1, 6), min_size=low, max_size=high)))

    def floats(self, shape: Sequence[int]) -> Array:
        return self.random.standard_normal(tuple(shape)).astype(np.float32)

    def integers(self, shape: Sequence[int], high: int) -> Array:
        return self.random.integers(0, high, tuple(shape)).astype(np.int32)

    def bits(self, shape: Sequence[int]) -> Array:
        return self.random.integers(0, 2, tuple(shape)).astype(np.bool_)

    def op(self, arrays: Sequence[Array], **properties: Any) -> Case:
        block = Block(arg_types=[TensorType(element_type(array.dtype), array.shape) for array in arrays])
        return self.kind.of(block.args, properties), list(arrays)

    def narrowed(self, shape: Sequence[int]) -> tuple[int, ...]:
        """A shape that broadcasts to `shape`: some sizes are 1, some leading dimensions left out."""
        sizes = [1 if self.flag() else size for size in shape]
        return tuple(sizes[self.integer(0, len(sizes)) :])


def unary(make: Maker, **properties: Any) -> Case:
    return make.op([make.floats(make.shape())], **properties)


def binary(make: Maker, **properties: Any) -> Case:
    shape = make.shape()
    return make.op([np.abs(make.floats(shape)) + 0.5, make.floats(make.narrowed(shape))], **properties)


def logical(make: Maker) -> Case:
    shape = make.shape()
    return make.op([make.integers(shape, 100), make.integers(make.narrowed(shape), 100)])


def select(make: Maker) -> Case:
    shape = make.shape()
    return make.op([make.bits(make.narrowed(shape)), make.floats(shape), make.floats(make.narrowed(shape))])


def window(make: Maker) -> tuple[tuple[int, int, int, int], dict[str, tuple[int, ...]], tuple[int, int]]:
    """An image's shape, properties of a window that fits it, and the window's size."""
    kernel = make.integer(1, 3), make.integer(1, 3)
    dilations = make.integer(1, 2), make.integer(1, 2)
    reach = [(kernel[d] - 1) * dilations[d] + 1 for d in (0, 1)]
    pads = tuple(make.integer(0, reach[d % 2] - 1) for d in range(4))
    rows, columns = (reach[d] + make.integer(0, 5) for d in (0, 1))
    properties = {"strides": (make.integer(1, 3), make.integer(1, 3)), "dilations": dilations, "pads": pads}
    return (make.integer(1, 3), rows, columns, make.integer(1, 4)), properties, kernel


def conv(make: Maker) -> Case:
    (n, rows, columns, depth), properties, kernel = window(make)
    groups = make.integer(1, 3)
    features = groups * make.integer(1, 3)
    arrays = [make.floats((n, rows, columns, depth * groups)), make.floats((*kernel, depth, features))]
    bias = [make.floats((features,))] if make.flag() else []
    return make.op([*arrays, *bias], activation="relu", **properties)


def conv_transpose(make: Maker) -> Case:
    kernel, dilations = ((make.integer(1, high), make.integer(1, high)) for high in (3, 3))
    strides = make.integer(1, 3), make.integer(1, 3)
    sizes = make.integer(1, 5), make.integer(1, 5)
    reach = [(kernel[d] - 1) * dilations[d] for d in (0, 1)]
    pads = [make.integer(-2, reach[d] // 2) for d in (0, 1, 0, 1)]
    groups, depth = make.integer(1, 3), make.integer(1, 3)
    features = groups * make.integer(1, 3)
    arrays = [make.floats((make.integer(1, 2), *sizes, depth * groups)), make.floats((*kernel, depth, features))]
    bias = [make.floats((features,))] if make.flag() else []
    return make.op([*arrays, *bias], activation="relu", strides=strides, dilations=dilations, pads=pads)


def matmul(make: Maker) -> Case:
    lead, (m, k, n) = make.shape(0, 2), (make.integer(1, 6) for _ in range(3))
    right = (*(size if make.flag() else 1 for size in lead), k, n) if make.flag() else (k, n)
    bias = [make.floats((n,))] if make.flag() else []
    return make.op([make.floats((*lead, m, k)), make.floats(right), *bias])


def pool(make: Maker) -> Case:
    shape, properties, kernel = window(make)
    return make.op([make.floats(shape)], kernel_shape=kernel, **properties)


def along_axis(make: Maker, **properties: Any) -> Case:
    shape = make.shape()
    return make.op([make.floats(shape)], axis=make.integer(0, len(shape) - 1), **properties)


def top_positions(make: Maker) -> Case:
    shape = make.shape()
    axis = make.integer(0, len(shape) - 1)
    return make.op([make.floats(shape)], axis=axis, count=make.integer(1, shape[axis]), largest=make.flag())


def last_axis(make: Maker) -> Case:
    shape = make.shape()
    bias = [make.floats(shape[-1:])] if "bias" in dir(make.kind) and make.flag() else []
    return make.op([make.floats(shape), make.floats(shape[-1:]), *bias], epsilon=1e-5)


def batch_norm(make: Maker) -> Case:
    shape = make.shape()
    axis = make.integer(0, len(shape) - 1)
    vectors = [np.abs(make.floats((shape[axis],))) for _ in range(4)]
    return make.op([make.floats(shape), *vectors], axis=axis, epsilon=1e-5)


def lrn(make: Maker) -> Case:
    return make.op([make.floats(make.shape())], size=make.integer(1, 6), alpha=0.3, beta=0.75, bias=1.0)


def reduction(make: Maker) -> Case:
    shape = make.shape()
    axes = make.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True))
    return make.op([make.floats(shape)], axes=sorted(axes), keepdims=make.flag())


def transpose(make: Maker) -> Case:
    shape = make.shape()
    return make.op([make.floats(shape)], permutation=make.draw(st.permutations(range(len(shape)))))


def reshape(make: Maker) -> Case:
    parts = make.draw(st.lists(st.sampled_from([1, 2, 2, 3, 4, 6]), min_size=1, max_size=6))
    source, target = regrouped(make, parts), regrouped(make, parts)
    return shaped(make, make.floats(source), target)


def regrouped(make: Maker, parts: Sequence[int]) -> tuple[int, ...]:
    """Neighbouring factors multiplied at random: shapes of the same number of elements that share some boundaries."""
    sizes = [1]
    for part in parts:
        if make.flag():
            sizes.append(part)
        else:
            sizes[-1] *= part
    return tuple(sizes)


def expand(make: Maker) -> Case:
    shape = make.shape()
    return shaped(make, make.floats([1 if make.flag() else size for size in shape]), shape)


def shaped(make: Maker, array: Array, shape: Sequence[int], **properties: Any) -> Case:
    assert issubclass(make.kind, ShapedOp)
    block = Block(arg_types=[TensorType(element_type(array.dtype), array.shape)])
    return make.kind.to(block.args[0], shape, **properties), [array]


def concat(make: Maker) -> Case:
    shape = list(make.shape())
    axis = make.integer(0, len(shape) - 1)
    sizes = make.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    return make.op([make.floats([*shape[:axis], size, *shape[axis + 1 :]]) for size in sizes], axis=axis)


def slice_(make: Maker) -> Case:
    shape = make.shape()
    ranges = [range(size)[make.draw(st.slices(size))] if make.flag() else range(size) for size in shape]
    ranges = [taken if taken else range(size) for taken, size in zip(ranges, shape, strict=True)]
    return make.op(
        [make.floats(shape)],
        starts=[taken.start for taken in ranges],
        stops=[taken.stop for taken in ranges],
        steps=[taken.step for taken in ranges],
    )


def pad(make: Maker) -> Case:
    shape = make.shape()
    mode = make.draw(st.sampled_from(["constant", "edge", "reflect", "wrap"]))
    pads = [make.integer(0, size - 1) if make.flag() else 0 for size in (*shape, *shape)]
    return make.op([make.floats(shape)], pads=pads, value=2.5, mode=mode)


def gather(make: Maker) -> Case:
    shape = make.shape()
    axis = make.integer(0, len(shape) - 1)
    return make.op([make.floats(shape), make.integers(make.shape(0, 2), shape[axis])], axis=axis)


def gather_elements(make: Maker) -> Case:
    shape = make.shape()
    axis = make.integer(0, len(shape) - 1)
    taken = [make.integer(1, 5) if d == axis else make.integer(1, size) for d, size in enumerate(shape)]
    return make.op([make.floats(shape), make.integers(taken, shape[axis])], axis=axis)


def attention(make: Maker, *, causal: bool = False) -> Case:
    batch, rows, columns, kv, shared, size, value = (make.integer(1, 3) for _ in range(7))
    heads = kv * shared
    arrays = [
        make.floats((batch, rows, heads * size)),
        make.floats((batch, columns, kv * size)),
        make.floats((batch, columns, kv * value)),
    ]
    mask = [make.floats([1 if make.flag() else d for d in (batch, heads, rows, columns)])] if make.flag() else []
    properties: dict[str, Any] = {"head_dim": size, "scale": 0.5, "absorbing": -1.0}
    if not causal:
        return make.op([*arrays, *mask], **properties)
    horizon = make.integers((rows,), columns) + np.int32(1)
    return make.op([*arrays, horizon, *mask], beyond=-np.inf if make.flag() else -1.5, **properties)


def rotary(make: Maker) -> Case:
    batch, length, heads, half = (make.integer(1, 3) for _ in range(4))
    factors = [make.floats((batch if make.flag() else 1, length, 2 * half)) for _ in range(2)]
    return make.op([make.floats((batch, length, heads * 2 * half)), *factors], head_dim=2 * half)


def resized(make: Maker) -> tuple[list[int], dict[str, Any]]:
    """An operand's shape, and a pattern of blocks that grows or shrinks one of its dimensions."""
    shape = list(make.shape())
    axis = make.integer(0, len(shape) - 1)
    pattern = sorted(make.draw(st.lists(st.integers(-1, 3), min_size=1, max_size=4)))
    return shape, {"axis": axis, "step": make.integer(1, 3), "pattern": pattern}


def resample(make: Maker) -> Case:
    shape, properties = resized(make)
    low = min(properties["pattern"])
    pattern = [start - low for start in properties["pattern"]]
    size = make.integer(1, 9)
    last = properties["step"] * ((size - 1) // len(pattern))
    shape[properties["axis"]] = last + max(pattern) + make.integer(1, 3)
    result = [size if d == properties["axis"] else other for d, other in enumerate(shape)]
    return shaped(make, make.floats(shape), result, **{**properties, "pattern": pattern})


def interpolate(make: Maker) -> Case:
    shape, properties = resized(make)
    weights = make.floats((make.integer(1, 9), make.integer(1, 3)))
    return make.op([make.floats(shape), weights], **properties)


def recurrent(make: Maker) -> Case:
    assert issubclass(make.kind, RecurrentOp)
    directions, steps, batch, hidden = make.integer(1, 2), make.integer(1, 4), make.integer(1, 3), make.integer(1, 3)
    columns = make.kind.GATES * hidden
    state = (1, directions, 1, batch, hidden)
    rows = make.draw(st.sampled_from(make.kind.BIAS_ROWS))
    shapes = [(directions, steps, batch, columns), (directions, hidden, columns), (directions, rows, columns)]
    initial = (make.kind.STATES, *state[1:])
    valid = [make.bits((directions, steps, batch, 1))] if make.flag() else []
    return make.op([*(make.floats(shape) for shape in (*shapes, state, initial)), *valid], clip=2.0)


SPECIAL: dict[str, Callable[[Maker], Case]] = {
    "conv": conv,
    "conv_transpose": conv_transpose,
    "matmul": matmul,
    "max_pool": pool,
    "average_pool": pool,
    "clip": lambda make: unary(make, bounds=[-0.5, 0.5]),
    "leaky_relu": lambda make: unary(make, alpha=0.1),
    "elu": lambda make: unary(make, alpha=0.7),
    "selu": lambda make: unary(make, alpha=1.6, gamma=1.05),
    "hard_sigmoid": lambda make: unary(make, alpha=0.2, beta=0.5),
    "isinf": lambda make: unary(make, negative=True, positive=False),
    "not": lambda make: make.op([make.bits(make.shape())]),
    "and": logical,
    "or": logical,
    "xor": logical,
    "mod": lambda make: binary(make, fmod=True),
    "select": select,
    "cast": lambda make: unary(make, to=i32),
    "softmax": along_axis,
    "log_softmax": along_axis,
    "layer_norm": last_axis,
    "rms_norm": last_axis,
    "batch_norm": batch_norm,
    "lrn": lrn,
    "arg_max": lambda make: along_axis(make, keepdims=make.flag(), select_last=make.flag()),
    "arg_min": lambda make: along_axis(make, keepdims=make.flag(), select_last=make.flag()),
    "top_positions": top_positions,
    "cumsum": lambda make: along_axis(make, exclusive=make.flag(), reverse=make.flag()),
    "resample": resample,
    "interpolate": interpolate,
    "transpose": transpose,
    "reshape": reshape,
    "expand": expand,
    "concat": concat,
    "slice": slice_,
    "pad": pad,
    "gather": gather,
    "gather_elements": gather_elements,
    "attention": attention,
    "causal_attention": lambda make: attention(make, causal=True),
    "rotary": rotary,
    **dict.fromkeys(("lstm", "gru", "rnn"), recurrent),
}


def random_case(draw: Draw, kind: type[GraphOp]) -> Case:
    """A random use of an op; ops without a maker of their own are element-wise or reductions."""
    make = Maker(draw, kind)
    name = kind.kernel_name()
    if name in SPECIAL:
        return SPECIAL[name](make)
    if name.startswith("reduce_"):
        return reduction(make)
    return binary(make) if "rhs" in dir(kind) else unary(make)
