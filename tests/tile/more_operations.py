"""More ops of random networks: among them ops with steps, behind which a rounding may change everything."""

import numpy as np
from hypothesis import strategies as st
from xdsl.dialects.builtin import TensorType, f16, f32, i32, i64

from dialects.aic import DenseAttr
from dialects.element_types import is_float
from dialects.graph.base import tensor_type
from tests.tile.random_graphs import Builder, axis_of, shape, shaped


def expand(build: Builder) -> None:
    x = build.value()
    sizes = [build.integer(1, 4) if size == 1 else size for size in shape(x)]
    build.keep(shaped("expand").to(x, sizes))


def attention(build: Builder) -> None:
    x = build.value(3)
    _, length, width = shape(x) if len(shape(x)) == 3 else (1, 1, 1)
    head_dim = build.draw(st.sampled_from([d for d in range(1, width + 1) if width % d == 0]))
    heads = width // head_dim
    properties = {"head_dim": head_dim, "scale": head_dim**-0.5}
    mask = (
        [build.constant((1, build.draw(st.sampled_from([1, heads])), 1, length))] if build.draw(st.booleans()) else []
    )
    if build.draw(st.booleans()):
        horizon = build.dense(DenseAttr.from_array(np.arange(1, length + 1)))
        build.add("causal_attention", [x, x, x, horizon, *mask], beyond=-1e4, **properties)
    else:
        build.add("attention", [x, x, x, *mask], **properties)


def rotary(build: Builder) -> None:
    x = build.value(3)
    _, length, width = shape(x) if len(shape(x)) == 3 else (1, 1, 1)
    fitting = [d for d in range(2, width + 1, 2) if width % d == 0]
    size = build.draw(st.sampled_from(fitting or [1]))
    build.add("rotary", [x, *(build.constant((1, length, size)) for _ in range(2))], head_dim=size)


def more_norms(build: Builder) -> None:
    x = build.value()
    axis, last = axis_of(build, x)["axis"], shape(x)[-1:]
    match build.draw(st.sampled_from(["log_softmax", "rms_norm", "batch_norm", "lrn"])):
        case "log_softmax":
            build.add("log_softmax", [x], axis=axis)
        case "rms_norm":
            build.add("rms_norm", [x, build.constant(last)], epsilon=1e-3)
        case "lrn":
            build.add("lrn", [x], size=build.integer(1, 3), alpha=0.1, beta=0.75, bias=1.0)
        case _:
            scale, bias, mean = (build.constant(shape(x)[axis : axis + 1]) for _ in range(3))
            variance = build.dense(DenseAttr.of(2.0, TensorType(build.element, shape(x)[axis : axis + 1])))
            build.add("batch_norm", [x, scale, bias, mean, variance], axis=axis, epsilon=1e-3)


def more_reductions(build: Builder) -> None:
    x = build.value()
    axes = sorted(build.draw(st.lists(st.integers(0, len(shape(x)) - 1), min_size=1, unique=True)))
    kind = build.draw(st.sampled_from(["reduce_sum", "reduce_min", "reduce_mean"]))
    build.add(kind, [x], axes=axes, keepdims=build.draw(st.booleans()))


def cumsum(build: Builder) -> None:
    x = build.value()
    flags = {name: build.draw(st.booleans()) for name in ("exclusive", "reverse")}
    build.add("cumsum", [x], **axis_of(build, x), **flags)


def more_unary(build: Builder) -> None:
    names = ["sigmoid", "gelu", "silu", "erf", "exp", "abs", "sin", "softplus", "hard_swish", "gelu_tanh", "atan"]
    build.add(build.draw(st.sampled_from(names)), [build.value()])


def clip(build: Builder) -> None:
    build.add("clip", [build.value()], bounds=(-0.5, 1.5))


def divide(build: Builder) -> None:
    """By numbers that are not near zero."""
    x = build.value()
    divisor = DenseAttr.of(1.5 + build.random.random(shape(x)[-1:]), TensorType(build.element, shape(x)[-1:]))
    build.add("div", [x, build.dense(divisor)])


def selection(build: Builder) -> None:
    x = build.value()
    build.add(build.draw(st.sampled_from(["less", "greater_equal"])), [x, build.constant(shape(x)[-1:])])
    chosen = build.values.pop()
    build.add("select", [chosen, x, build.draw(st.sampled_from(build.like(x)))])


def rounding(build: Builder) -> None:
    build.add(build.draw(st.sampled_from(["floor", "ceil", "round", "sign"])), [build.value()])


def positions(build: Builder) -> None:
    x = build.value()
    flags = {name: build.draw(st.booleans()) for name in ("keepdims", "select_last")}
    build.add(build.draw(st.sampled_from(["arg_max", "arg_min"])), [x], **axis_of(build, x), **flags)


def best(build: Builder) -> None:
    """The greatest or least values along a dimension, sorted."""
    x = build.value()
    axis = axis_of(build, x)["axis"]
    count = build.integer(1, shape(x)[axis])
    build.add("top_positions", [x], axis=axis, count=count, largest=build.draw(st.booleans()))
    build.add("gather_elements", [x, build.values[-1]], axis=axis)


def lookup(build: Builder) -> None:
    """Rows of a table, picked by positions that were computed."""
    x = build.value(1, 2, 3)
    axis = axis_of(build, x)["axis"]
    build.add("arg_max", [x], axis=axis, keepdims=False, select_last=False)
    table = build.constant((shape(x)[axis], build.integer(1, 5)))
    build.add("gather", [table, build.values[-1]], axis=0)


def pick_elements(build: Builder) -> None:
    x = build.value()
    axis = axis_of(build, x)["axis"]
    sizes = [build.integer(1, size) if d == axis else size for d, size in enumerate(shape(x))]
    build.add("gather_elements", [x, build.indices(sizes, shape(x)[axis])], axis=axis)


def cast(build: Builder) -> None:
    """To integers and back, or to another float and back."""
    x = build.value()
    build.add("cast", [x], to=build.draw(st.sampled_from([i32, i64, f32, f16])))
    if build.draw(st.booleans()):
        build.add("cast", [build.values[-1]], to=build.element)


def integer_arithmetic(build: Builder) -> None:
    x = build.value(integers=True)
    if is_float(tensor_type(x).element_type):
        return
    other = DenseAttr.of(
        build.random.integers(1, 7, shape(x)[-1:]), TensorType(tensor_type(x).element_type, shape(x)[-1:])
    )
    name = build.draw(st.sampled_from(["add", "sub", "mul", "min", "div"]))
    build.add(name, [x, build.dense(other)])
    if build.draw(st.booleans()):
        build.add("cast", [build.values[-1]], to=build.element)


MORE_OPS = (
    expand,
    attention,
    rotary,
    more_norms,
    more_reductions,
    cumsum,
    more_unary,
    clip,
    divide,
    selection,
    rounding,
    positions,
    best,
    lookup,
    pick_elements,
    cast,
    integer_arithmetic,
)
