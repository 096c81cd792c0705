"""What ops of the quantized dialect say of themselves: kernels, tables of what they read, calls, texts of types.

Uses come from `cases`, on types with scales and on plain integers.
"""

import inspect
import subprocess
import sys
from collections.abc import Mapping, Sized
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import IntegerType, TensorType, f32, i8, i16, i32
from xdsl.ir import Attribute, Block
from xdsl.utils.exceptions import VerifyException

from dialects.calls import called_op
from dialects.element_types import storage_type
from dialects.graph import GraphOp, Tensor
from dialects.graph.properties import Plain, to_attribute, to_dictionary
from dialects.kernels import KERNELS
from dialects.quantized import QUANTIZED_OPS, UniformType
from dialects.quantized.base import QuantizedOp
from dialects.quantized.contraction import ConvOp
from dialects.quantized.pooling import AveragePoolOp
from tests.graph.boxes import check_box, check_stack, computed
from tests.graph.calls import Call, check_changed_call
from tests.quantized.cases import MAKERS, random_case

ROOT = Path(__file__).parents[2]
EVERY_OP = pytest.mark.parametrize("kind", QUANTIZED_OPS, ids=lambda kind: kind.name)


def plain(tensor: Tensor) -> Tensor:
    """The type of what memory holds."""
    return TensorType(storage_type(tensor.element_type), tensor.get_shape())


def test_every_op_has_its_cases() -> None:
    assert MAKERS.keys() == {op.name for op in QUANTIZED_OPS}


@EVERY_OP
@settings(max_examples=25)
@given(data=st.data())
def test_a_box_follows_from_the_boxes_in_the_table(kind: type[GraphOp], data: st.DataObject) -> None:
    """Bit for bit, padding being the integer that means 0; the call for a box is an op on plain integers."""
    op, operands = random_case(data.draw, kind)
    op.verify()
    called = check_box(op, operands, data.draw)
    assert to_dictionary(called.local_arguments()) == to_dictionary(op.local_arguments())
    assert not any(isinstance(each.element_type, UniformType) for each in (*called.operand_types, called.result_type))


@EVERY_OP
@settings(max_examples=10)
@given(data=st.data())
def test_a_kernel_on_a_stack_is_the_kernel_on_each(kind: type[GraphOp], data: st.DataObject) -> None:
    check_stack(*random_case(data.draw, kind))


@pytest.mark.parametrize("kind", [ConvOp, AveragePoolOp])
def test_padding_is_the_integer_that_means_0(kind: type[GraphOp]) -> None:
    """The check above can fail: with zeros around the operand other integers come out."""
    window = {"strides": (1, 1), "dilations": (1, 1), "pads": (1, 1, 1, 1)}
    result = {"to": i8, "output_offset": 0, "limits": (-128, 127), "input_offset": 100}
    x, shape = np.full((1, 2, 2, 1), 103, np.int8), (1, 2, 2, 1)
    if kind is ConvOp:
        operands = [x, np.ones((3, 3, 1, 1), np.int8), np.array([[0], [1 << 30], [30], [0]], np.int32)]
        types = [TensorType(i8, shape), TensorType(i8, (3, 3, 1, 1)), TensorType(i32, (4, 1))]
        properties: dict[str, Any] = {**window, **result}
    else:
        operands, types = [x], [TensorType(i8, shape)]
        properties = {**window, **result, "kernel_shape": (3, 3), "multiplier": 1 << 30, "shift": 30}
    op = kind.of(Block(arg_types=types).args, properties)
    box = ((0, 1), (0, 1), (0, 2), (0, 1))
    assert op.padding == 100
    assert computed(op, op.indexing(), operands, box).ravel().tolist() == [12, 12]
    assert op.kernel()(*operands, **op.arguments())[0, 0, :, 0].tolist() == [12, 12]
    assert op.kernel()(np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)]), *operands[1:], **op.local_arguments()).min() < 0


# Calls


@settings(max_examples=150)
@given(kind=st.sampled_from(QUANTIZED_OPS), data=st.data())
def test_what_is_accepted_as_a_call_can_be_computed(kind: type[GraphOp], data: st.DataObject) -> None:
    check_changed_call(unpadded_call(*random_case(data.draw, kind)), data.draw)


@EVERY_OP
@settings(max_examples=6)
@given(data=st.data())
def test_a_call_is_refused_with_any_argument_missing_or_of_another_kind(
    kind: type[GraphOp], data: st.DataObject
) -> None:
    call = unpadded_call(*random_case(data.draw, kind))
    refused(call, {**call.arguments, "nonsense": to_attribute(1)})
    for name, value in call.arguments.items():
        refused(call, {other: each for other, each in call.arguments.items() if other != name})
        refused(call, {**call.arguments, name: to_attribute("nonsense")})
        if name != "to":
            refused(call, {**call.arguments, name: i8})
        if name not in ("keepdims", "scale"):
            refused(call, {**call.arguments, name: to_attribute([1.5, 2.5])})
        if isinstance(value, IntegerType):
            refused(call, {**call.arguments, name: i32})


WRONG: Mapping[str, list[Plain]] = {
    "to": [IntegerType(32), f32, i16],
    "limits": [(1, 0), (-129, 0), (0, 128), (0,), (0, 1, 2)],
    "output_offset": [-129, 128],
    "input_offset": [-129, 128],
    "input_offsets": [(0, 128), (-129, 0), (0,), (0, 0, 0)],
    "offset": [-129, 128],
    "scale": [0.0, -1.0, float("inf"), float("nan")],
    "multiplier": [-1, 1 << 31],
    "multipliers": [(-1, 1), (1, 1 << 31), (1,), (1, 1, 1)],
    "shift": [0, 46, -1],
    "lowest": [0, -127, -32768],
    "strides": [(0, 1), (1,), (1, 1, 1)],
    "dilations": [(0, 1), (1,)],
    "pads": [(-1, 0, 0, 0), (0, 0), (2, 0, 0, 0)],
    "kernel_shape": [(0, 1), (1, 1), (2, 2, 2)],
    "axes": [(0,), (-4,), (-1, -1), ()],
    "keepdims": [False],
}
"""Arguments that no call of one of the ops below has."""


def call_of_bytes(kind: type[GraphOp]) -> Call:
    """A call on small tensors of i8, which is right."""
    x = TensorType(i8, (2, 4, 4, 3))
    more = {
        "conv": [TensorType(i8, (2, 2, 3, 4)), TensorType(i32, (4, 4))],
        "conv_transpose": [TensorType(i8, (2, 2, 3, 4)), TensorType(i32, (4, 4))],
        "matmul": [TensorType(i8, (3, 4)), TensorType(i32, (4, 4))],
        "add": [x],
        "mul": [x],
        "look_up": [TensorType(i8, (256,))],
    }
    name = kind.name.removeprefix("quantized.")
    operands = [TensorType(f32, x.get_shape()) if name == "quantize" else x, *more.get(name, [])]
    window = {"strides": (2, 1), "dilations": (1, 2), "pads": (0, 0, 0, 0)}
    known: dict[str, Any] = {
        "to": f32 if name == "dequantize" else i8,
        "limits": (-100, 100),
        **dict.fromkeys(("output_offset", "input_offset", "offset"), 3),
        "input_offsets": (3, 4),
        "multipliers": (1 << 20, 1 << 30),
        "multiplier": 1 << 30,
        "shift": 31,
        "scale": 0.5,
        "kernel_shape": (2, 2),
        "axes": (1, 2),
        "keepdims": True,
        **window,
    }
    properties = {name: known[name] for name in kind.get_irdl_definition().properties}
    op = kind.of(Block(arg_types=operands).args, properties)
    op.verify()
    return Call(op.kernel_name(), to_dictionary(op.local_arguments()).data, op.operand_types, op.result_type)


@EVERY_OP
def test_a_call_is_refused_with_any_argument_out_of_its_range(kind: type[GraphOp]) -> None:
    call = call_of_bytes(kind)
    assert type(called_op(call.kernel, call.arguments, call.operands, call.result)) is kind
    for name in call.arguments:
        for value in WRONG[name]:
            # The pads of a transposed convolution are two, and leave positions out or add some.
            transposed = name == "pads" and call.kernel == "quantized.conv_transpose" and len(cast(Sized, value)) == 2
            if value != call.arguments[name] and not transposed:
                refused(call, {**call.arguments, name: to_attribute(value)})


@EVERY_OP
def test_a_call_is_refused_with_any_operand_or_result_of_another_type(kind: type[GraphOp]) -> None:
    call = call_of_bytes(kind)
    for position, operand in enumerate(call.operands):
        for other in (TensorType(i32, operand.get_shape()), TensorType(operand.element_type, (5,))):
            if other != operand:
                types = [*call.operands[:position], other, *call.operands[position + 1 :]]
                with pytest.raises(VerifyException):
                    called_op(call.kernel, call.arguments, types, call.result)
    for other in (TensorType(i32, call.result.get_shape()), TensorType(call.result.element_type, (2, 4))):
        with pytest.raises(VerifyException):
            called_op(call.kernel, call.arguments, call.operands, other)


def unpadded_call(op: GraphOp, _: object) -> Call:
    """The call of an op's kernel on plain integers, for a result that needs no padding."""
    if "pads" in op.properties:
        properties = {**op.properties, "pads": to_attribute((0, 0, 0, 0))}
        op = type(op).create(operands=op.operands, result_types=[op.result_type], properties=properties)
        op = type(op).create(operands=op.operands, result_types=[op.infer()], properties=properties)
    arguments = to_dictionary(op.local_arguments()).data
    call = Call(op.kernel_name(), arguments, tuple(map(plain, op.operand_types)), plain(op.result_type))
    assert type(called_op(call.kernel, call.arguments, call.operands, call.result)) is type(op)
    return call


def refused(call: Call, arguments: Mapping[str, Attribute]) -> None:
    with pytest.raises(VerifyException):
        called_op(call.kernel, arguments, call.operands, call.result)


# Kinds of ops


def test_ops_bring_their_kernels() -> None:
    text = "from dialects.quantized import QUANTIZED_OPS; [op.kernel() for op in QUANTIZED_OPS]"
    subprocess.run([sys.executable, "-c", text], cwd=ROOT, check=True)


@EVERY_OP
def test_kernels_take_what_their_op_gives_them(kind: type[GraphOp]) -> None:
    taken = inspect.signature(KERNELS[kind.kernel_name()]).parameters
    keywords = {name for name, parameter in taken.items() if parameter.kind is parameter.KEYWORD_ONLY}
    call = call_of_bytes(kind)
    assert keywords == set(call.arguments) | ({"shape"} if kind.NEEDS_SHAPE else set[str]())


def test_all_but_limits_say_the_type_of_their_result() -> None:
    assert {op.name for op in QUANTIZED_OPS if not issubclass(op, QuantizedOp)} == {"quantized.clip"}
