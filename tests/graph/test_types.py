"""Type rules: what fits, and messages with both values where it does not."""

from typing import Any

import pytest
from xdsl.dialects.builtin import TensorType, f16, f32, i1, i32, i64
from xdsl.ir import Attribute, Block
from xdsl.utils.exceptions import VerifyException

from dialects.graph import (
    attention,
    contraction,
    elementwise,
    movement,
    normalization,
    pooling,
    recurrence,
    reduction,
    resizing,
    unary,
)
from dialects.graph.base import GraphOp

T = TensorType[Attribute]
RECURRENT = [T(f32, shape) for shape in ([1, 4, 2, 6], [1, 2, 6], [1, 1, 6], [1, 1, 1, 2, 2], [1, 1, 1, 2, 2])]
WINDOW = {"strides": (1, 1), "dilations": (1, 1), "pads": (0, 0, 0, 0)}


def made(kind: type[GraphOp], *types: T, **properties: Any) -> GraphOp:
    return kind.of(Block(arg_types=types).args, properties)


@pytest.mark.parametrize(
    ("kind", "types", "properties", "message"),
    [
        (elementwise.AddOp, [T(f32, [2, 3]), T(f32, [4, 3])], {}, r"\(2, 3\), \(4, 3\) do not broadcast"),
        (elementwise.AddOp, [T(f32, [2]), T(i32, [2])], {}, "element types f32 and i32"),
        (elementwise.AndOp, [T(f32, [2]), T(f32, [2])], {}, "takes i1 or integers"),
        (elementwise.SelectOp, [T(i32, [2]), T(f32, [2]), T(f32, [2])], {}, "condition is i1"),
        (unary.ExpOp, [T(i64, [2])], {}, "takes floating-point values, got tensor<2xi64>"),
        (unary.ClipOp, [T(f32, [2])], {"bounds": [0.0]}, "a lower and an upper limit"),
        (unary.ClipOp, [T(f32, [2])], {"bounds": [0.0, float("inf")]}, "both finite"),
        (contraction.MatmulOp, [T(f32, [2, 3]), T(f32, [4, 5])], {}, "have no product"),
        (contraction.MatmulOp, [T(f32, [2, 3]), T(f32, [2, 3, 5])], {}, "need equal rank"),
        (contraction.MatmulOp, [T(f32, [2, 3]), T(f32, [3, 5]), T(f32, [4])], {}, "bias tensor<4xf32> for 5 columns"),
        (contraction.ConvOp, [T(f32, [1, 4, 4, 3]), T(f32, [1, 1, 2, 4])], WINDOW, "3 input channels and 4 features"),
        (contraction.ConvOp, [T(f32, [1, 2, 2, 3]), T(f32, [3, 3, 3, 4])], WINDOW, r"window \(3, 3\)"),
        (
            contraction.ConvTransposeOp,
            [T(f32, [1, 2, 2, 3]), T(f32, [3, 3, 3, 4])],
            {**WINDOW, "pads": (3, 0, 2, 0)},
            "leave nothing",
        ),
        (
            resizing.InterpolateOp,
            [T(f32, [4]), T(f32, [8])],
            {"axis": 0, "step": 1, "pattern": (0, 0)},
            r"they are \[positions, neighbours\]",
        ),
        (recurrence.GruOp, RECURRENT, {"activations": "tanh"}, r"\['tanh'\] are not 2 of sigmoid"),
        (recurrence.LstmOp, RECURRENT, {}, "do not fit weights .* of 4 gates"),
        (recurrence.GruOp, [*RECURRENT, T(i1, [1, 4, 2, 6])], {}, r"valid tensor<1x4x2x6xi1> does not fit"),
        (pooling.MaxPoolOp, [T(f32, [1, 2, 2])], {"kernel_shape": (1, 1), **WINDOW}, "needs 4 dimensions"),
        (pooling.MaxPoolOp, [T(f32, [1, 2, 2, 1])], {"kernel_shape": (0, 1), **WINDOW}, "at least 1"),
        (normalization.SoftmaxOp, [T(f32, [2, 3])], {"axis": 2}, r"axes \[2\] are not dimensions"),
        (normalization.LayerNormOp, [T(f32, [2, 3]), T(f32, [2])], {"epsilon": 0.1}, "does not fit the last dimension"),
        (reduction.ReduceSumOp, [T(f32, [2, 3])], {"axes": (1, 1), "keepdims": True}, r"axes \[1, 1\]"),
        (movement.TransposeOp, [T(f32, [2, 3])], {"permutation": (0, 0)}, r"\[0, 0\] is not a permutation"),
        (movement.ConcatOp, [T(f32, [2, 3]), T(f32, [3, 3])], {"axis": 1}, "do not join along dimension 1"),
        (movement.SliceOp, [T(f32, [4])], {"starts": [1], "stops": [5], "steps": [1]}, "outside of dimension 0"),
        (movement.PadOp, [T(f32, [4])], {"pads": [1], "value": 0.0, "mode": "constant"}, "two per dimension"),
        (movement.GatherOp, [T(f32, [4]), T(f32, [1])], {"axis": 0}, "positions are signed integers"),
        (
            attention.AttentionOp,
            [T(f32, [1, 4, 6]), T(f32, [1, 4, 6]), T(f32, [1, 4, 6])],
            {"head_dim": 4, "scale": 1.0},
            "heads of 4 elements do not fit",
        ),
        (
            attention.CausalAttentionOp,
            [*[T(f32, [1, 4, 6])] * 3, T(i32, [3])],
            {"head_dim": 6, "scale": 1.0, "beyond": -1.0},
            "horizon tensor<3xi32> for 4 queries",
        ),
        (attention.RotaryOp, [T(f32, [1, 4, 6])] * 3, {"head_dim": 3}, "heads of 3 elements, an even number"),
        (
            attention.RotaryOp,
            [T(f32, [2, 4, 6]), T(f32, [1, 4, 6]), T(f32, [3, 4, 6])],
            {"head_dim": 6},
            "tensor<3x4x6xf32> does not fit",
        ),
    ],
)
def test_what_does_not_fit(kind: type[GraphOp], types: list[T], properties: dict[str, Any], message: str) -> None:
    with pytest.raises(VerifyException, match=message):
        made(kind, *types, **properties)


def test_resampling_stays_within_the_operand() -> None:
    value = Block(arg_types=[T(f32, [4])]).args[0]
    with pytest.raises(VerifyException, match=r"9 positions by pattern \(0, 0\) leave the dimension"):
        resizing.ResampleOp.to(value, [9], axis=0, step=1, pattern=[0, 0])


def test_a_failed_op_leaves_no_use_of_its_operands() -> None:
    block = Block(arg_types=[T(f32, [2]), T(f32, [3])])
    with pytest.raises(VerifyException):
        elementwise.AddOp.of(block.args)
    with pytest.raises(VerifyException):
        movement.ReshapeOp.to(block.args[0], [3])
    assert not list(block.args[0].uses)


def test_a_wrong_result_type_is_found() -> None:
    op = elementwise.AddOp.create(operands=Block(arg_types=[T(f32, [2])] * 2).args, result_types=[T(f16, [2])])
    with pytest.raises(VerifyException, match=r"result type is tensor<2xf16>, but .* give tensor<2xf32>"):
        op.verify()


def test_comparisons_yield_bits() -> None:
    assert made(elementwise.LessOp, T(f32, [2, 1]), T(f32, [3])).result_type == T(i1, [2, 3])


def test_accessors_of_moves() -> None:
    joined = made(movement.ConcatOp, T(f32, [2, 3]), T(f32, [2, 4]), T(f32, [2, 1]), axis=1)
    assert isinstance(joined, movement.ConcatOp)
    assert joined.positions() == (0, 3, 7)
    padded = made(movement.PadOp, T(f32, [2, 3]), pads=[0, 1, 0, 2], value=0.0, mode="constant")
    assert isinstance(padded, movement.PadOp)
    assert padded.low_pads() == (0, 1)
    cut = made(movement.SliceOp, T(f32, [5]), starts=[4], stops=[-1], steps=[-2])
    assert isinstance(cut, movement.SliceOp)
    assert cut.ranges() == (range(4, -1, -2),)


def test_heads_are_cut_where_keys_and_values_are() -> None:
    types = [T(f32, [2, 4, 24]), T(f32, [2, 5, 12]), T(f32, [2, 5, 6]), T(f32, [1, 4, 4, 5])]
    op = made(attention.AttentionOp, *types, head_dim=6, scale=1.0)
    assert isinstance(op, attention.AttentionOp)
    assert (op.heads, op.kv_heads, op.value_dim) == (4, 2, 3)
    assert op.indexing().granularity == (1, 1, 6)
