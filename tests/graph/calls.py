"""Calls of kernels that are right, and calls that are wrong in some respect or other."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from hypothesis import strategies as st
from xdsl.dialects.builtin import (
    DictionaryAttr,
    IntegerType,
    Signedness,
    TensorType,
    f16,
    f32,
    f64,
    i1,
    i8,
    i16,
    i32,
    i64,
)
from xdsl.ir import Attribute
from xdsl.utils.exceptions import VerifyException

from dialects.calls import called_op
from dialects.element_types import held_dtype
from dialects.errors import AicError
from dialects.graph import GraphOp, Tensor
from dialects.graph.kernels import Array
from dialects.graph.properties import from_dictionary, to_attribute, to_dictionary
from passes.checking.kernels import MAX_WORKSPACE
from tests.graph.cases import Draw

UNSIGNED = [IntegerType(width, Signedness.UNSIGNED) for width in (8, 16, 32, 64)]
ELEMENTS: list[Attribute] = [f16, f32, f64, i1, i8, i16, i32, i64, *UNSIGNED]
INTEGERS = [-(1 << 62), -(1 << 40), -3, -2, -1, 0, 1, 2, 3, 4, 7, 100, 1 << 31, 1 << 62]
FLOATS = [0.0, -0.0, 1.0, -1.5, 1e-300, 1e300, float("inf"), float("-inf"), float("nan")]
TEXTS = ["", "relu", "clip", "gelu", "sigmoid", "tanh,tanh,tanh", "constant", "reflect", "wrap", "edge", "nonsense"]
ANYTHING = st.one_of(
    st.sampled_from(INTEGERS),
    st.sampled_from(FLOATS),
    st.sampled_from(TEXTS),
    st.booleans(),
    st.lists(st.sampled_from(INTEGERS), max_size=4),
    st.lists(st.sampled_from(FLOATS), min_size=1, max_size=3),
    st.sampled_from(ELEMENTS),
)


@dataclass(frozen=True)
class Call:
    """A kernel with its arguments, on blocks of these types."""

    kernel: str
    arguments: Mapping[str, Attribute]
    operands: tuple[Tensor, ...]
    result: Tensor


def call_of(op: GraphOp) -> Call:
    """The call that makes the whole result of an op whose operands hold their padding."""
    return Call(op.kernel_name(), to_dictionary(op.local_arguments()).data, op.operand_types, op.result_type)


def check_changed_call(call: Call, draw: Draw) -> None:
    """The call with something changed is refused, or gives a result of its type."""
    call = changed(draw, call)
    try:
        called = called_op(call.kernel, call.arguments, call.operands, call.result)
    except (VerifyException, AicError):
        return
    if called.workspace() > MAX_WORKSPACE:  # which `check-kernels` refuses
        return
    if elements(call) > 1 << 16 or called.numpy_calls() > 1 << 10 or 0 in call.result.get_shape():
        return
    arguments = from_dictionary(DictionaryAttr(call.arguments))
    if called.NEEDS_SHAPE:
        arguments["shape"] = call.result.get_shape()
    with np.errstate(all="ignore"), suppress(AicError):  # gather tells of positions that are not there
        result = np.asarray(called.kernel()(*drawn(draw, call.operands), **arguments))
        assert result.shape == call.result.get_shape()
        assert np.can_cast(result.dtype, held_dtype(call.result.element_type), "same_kind")


def changed(draw: Draw, call: Call) -> Call:
    """The call with one or two things about it changed."""
    for _ in range(draw(st.integers(1, 2))):
        call = draw(st.sampled_from([_with_argument, _with_argument, _with_shape, _with_element, _with_operands]))(
            draw, call
        )
    return call


def _with_argument(draw: Draw, call: Call) -> Call:
    arguments = dict(call.arguments)
    name = draw(st.sampled_from([*arguments, "bounds", "activation", "axis", "nonsense"]))
    if name in arguments and draw(st.integers(0, 9)) == 0:
        del arguments[name]
    else:
        arguments[name] = _argument(draw, arguments.get(name))
    return replace(call, arguments=arguments)


def _argument(draw: Draw, before: Attribute | None) -> Attribute:
    if draw(st.integers(0, 3)) == 0 or before is None:
        return to_attribute(draw(ANYTHING))
    values = getattr(before, "get_values", None)
    if values is not None:
        array: list[Any] = list(values())
        pool = FLOATS if array and isinstance(array[0], float) else INTEGERS
        where = draw(st.integers(0, len(array)))
        array[where : where + draw(st.integers(0, 1))] = draw(st.lists(st.sampled_from(pool), max_size=1))
        return to_attribute(array)
    name = before.name
    pool = {"integer": INTEGERS, "float": FLOATS, "string": TEXTS}.get(name, ELEMENTS)
    if name == "integer" and before.type == i1:  # pyright: ignore[reportAttributeAccessIssue]
        pool = [True, False]
    return to_attribute(draw(st.sampled_from(pool)))


def _with_shape(draw: Draw, call: Call) -> Call:
    which = draw(st.integers(0, len(call.operands)))
    types = [*call.operands, call.result]
    shape = list(types[which].get_shape())
    what = draw(st.sampled_from(["size", "size", "more", "fewer", "swap"]))
    if what == "size" and shape:
        d = draw(st.integers(0, len(shape) - 1))
        shape[d] = draw(st.sampled_from([0, 1, 2, 3, 5, shape[d] + 1, max(shape[d] - 1, 0), 2 * shape[d]]))
    elif what == "more":
        shape.insert(draw(st.integers(0, len(shape))), draw(st.integers(0, 3)))
    elif what == "fewer" and shape:
        shape.pop(draw(st.integers(0, len(shape) - 1)))
    elif shape:
        shape.reverse()
    types[which] = TensorType(types[which].element_type, shape)
    return replace(call, operands=tuple(types[:-1]), result=types[-1])


def _with_element(draw: Draw, call: Call) -> Call:
    types = [*call.operands, call.result]
    everywhere = draw(st.booleans())
    which = draw(st.integers(0, len(types) - 1))
    before, element = types[which].element_type, draw(st.sampled_from(ELEMENTS))
    types = [
        TensorType(element, each.get_shape()) if n == which or (everywhere and each.element_type == before) else each
        for n, each in enumerate(types)
    ]
    return replace(call, operands=tuple(types[:-1]), result=types[-1])


def _with_operands(draw: Draw, call: Call) -> Call:
    operands = list(call.operands)
    where = draw(st.integers(0, len(operands)))
    operands[where : where + draw(st.integers(0, 1))] = draw(
        st.lists(st.sampled_from(call.operands or (call.result,)), max_size=1)
    )
    return replace(call, operands=tuple(operands))


def drawn(draw: Draw, types: Sequence[Tensor]) -> list[Array]:
    """Arrays of these types as kernels get them, some of their values extreme."""
    random = np.random.default_rng(draw(st.integers(0, 1 << 16)))
    return [_array(random, held_dtype(each.element_type), each.get_shape()) for each in types]


def _array(random: np.random.Generator, dtype: np.dtype[Any], shape: Sequence[int]) -> Array:
    if dtype.kind == "b":
        return random.integers(0, 2, shape).astype(dtype)
    if dtype.kind == "f":
        values = random.standard_normal(shape).astype(dtype)
        values[random.random(shape) < 0.05] = random.choice(np.array([0, np.inf, -np.inf, np.nan, 6e4], dtype))
        return values
    limits = np.iinfo(dtype)
    small = random.integers(0, 4, shape).astype(dtype)
    extreme = np.where(random.random(shape) < 0.5, limits.min, limits.max).astype(dtype)
    return np.where(random.random(shape) < 0.1, extreme, small)


def elements(call: Call) -> int:
    """Elements of all that the call works on."""
    return sum(prod(each.get_shape()) for each in (*call.operands, call.result))
