"""Costs of kernels: against the profile they were calibrated from, and properties that any cost must have."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects.builtin import f16, f32, i8

from dialects.costs import FORMULAS, cost
from dialects.errors import AicError
from dialects.graph.kernels import KERNELS
from dialects.hardware import load_hardware

PRO = load_hardware("pro")
CONV = {"strides": (1, 1)}


def test_every_kernel_has_a_formula() -> None:
    assert set(KERNELS) <= set(FORMULAS)


def test_a_kernel_without_formula_is_an_error() -> None:
    with pytest.raises(AicError, match="'warp' has no cost formula"):
        cost("warp", {}, [(1,)], (1,), f16, PRO)


@pytest.mark.parametrize(
    ("kernel", "operands", "kilobytes", "pcycles"),
    [
        ("softmax", 1, 18_432, 4_532_059),
        ("erf", 1, 36_864, 3_950_024),
        ("transpose", 1, 36_864, 2_126_216),
        ("mul", 2, 36_864, 672_426),
        ("add", 2, 19_200, 243_902),
    ],
)
def test_published_profile_is_met(kernel: str, operands: int, kilobytes: int, pcycles: int) -> None:
    """Rows of the published operator profile of BERT-base (fp16): output KB and cycles of the four threads together."""
    shape = (kilobytes, 512)
    assert cost(kernel, {}, [shape] * operands, shape, f16, PRO).cycles == pytest.approx(pcycles, rel=0.02)


def test_matmul_meets_the_published_rate() -> None:
    """2,863 MAC per cycle in the published profile, for BERT's products."""
    found = cost("matmul", {}, [(8, 128, 768), (768, 3072)], (8, 128, 3072), f16, PRO)
    assert found.macs / found.cycles == pytest.approx(2863, rel=0.01)
    assert found.engine == "hmx"


def test_int8_runs_at_twice_the_rate() -> None:
    shapes = [(1, 128, 768), (768, 3072)]
    halves, bytes_ = (cost("matmul", {}, shapes, (1, 128, 3072), element, PRO).cycles for element in (f16, i8))
    assert (halves - PRO.hmx_start_cycles) == pytest.approx(2 * (bytes_ - PRO.hmx_start_cycles))


def test_f32_is_contracted_on_hvx() -> None:
    found = cost("conv", CONV, [(1, 6, 58, 64), (3, 3, 64, 64)], (1, 4, 56, 64), f32, PRO)
    assert found.engine == "hvx"
    assert found.cycles > 10 * cost("conv", CONV, [(1, 6, 58, 64), (3, 3, 64, 64)], (1, 4, 56, 64), f16, PRO).cycles


def test_tiles_are_paid_for_whole() -> None:
    def cycles(rows: int, columns: int, features: int, depth: int) -> float:
        shapes = [(1, rows + 2, columns + 2, depth), (3, 3, depth, features)]
        return cost("conv", CONV, shapes, (1, rows, columns, features), f16, PRO).cycles

    assert cycles(8, 4, 1, 1) == cycles(8, 4, 32, 32) == cycles(1, 32, 32, 3)
    assert cycles(8, 5, 32, 32) > cycles(8, 4, 32, 32)
    assert cycles(8, 4, 33, 32) > cycles(8, 4, 32, 32)


def test_depthwise_pays_the_padded_depth() -> None:
    """Depthwise over 64 channels: each block of 32 channels meets a 32 x 32 tile of weights."""
    depthwise = cost("conv", CONV, [(1, 6, 58, 64), (3, 3, 1, 64)], (1, 4, 56, 64), f16, PRO)
    dense = cost("conv", CONV, [(1, 6, 58, 64), (3, 3, 64, 64)], (1, 4, 56, 64), f16, PRO)
    assert (depthwise.cycles - PRO.hmx_start_cycles) * 2 == pytest.approx(dense.cycles - PRO.hmx_start_cycles)
    assert depthwise.macs * 64 == dense.macs


def test_attention_counts_products_and_softmax() -> None:
    found = cost("attention", {"head_dim": 64}, [(1, 128, 768)] * 3, (1, 128, 768), f16, PRO)
    softmax = cost("softmax", {}, [(12, 128, 128)], (12, 128, 128), f16, PRO).cycles - PRO.hvx_start_cycles
    assert found.macs == 2 * 12 * 128 * 128 * 64
    assert found.hvx_cycles == softmax
    assert found.cycles > softmax


def test_causal_attention_on_whole_squares_costs_little_more_than_half() -> None:
    def cycles(rows: int, beyond: float) -> float:
        arguments = {"head_dim": 64, "beyond": beyond}
        shapes = [(1, rows, 768), (1, 1024, 768), (1, 1024, 768), (rows,)]
        return cost("causal_attention", arguments, shapes, (1, rows, 768), f16, PRO).cycles - PRO.hmx_start_cycles

    all_keys = cycles(1024, -65504.0)
    assert cycles(1024, -inf) == pytest.approx(all_keys * (1 + 32 / 1024) / 2)
    assert cycles(512, -inf) == pytest.approx(all_keys / 2), "the last queries look at all keys"


def test_an_activation_on_hvx_costs_and_relu_does_not() -> None:
    def cycles(activation: str) -> float:
        arguments = {"activation": activation}
        return cost("matmul", arguments, [(128, 768), (768, 64)], (128, 64), f16, PRO).cycles

    assert cycles("relu") == cycles("") < cycles("gelu")


def test_scalars_and_broadcasts_have_their_own_rates() -> None:
    whole = (1, 56, 56, 64)
    scalar, vector, same = (cost("add", {}, [whole, other], whole, f16, PRO).cycles for other in ((), (64,), whole))
    assert scalar < same < vector


@given(
    kernel=st.sampled_from(["add", "mul", "softmax", "erf", "transpose", "cast", "reduce_sum", "max_pool", "concat"]),
    rows=st.integers(0, 300),
    columns=st.integers(1, 300),
)
def test_more_work_never_costs_less(kernel: str, rows: int, columns: int) -> None:
    def cycles(rows: int) -> float:
        shape = (1, rows, columns, 3)
        return cost(kernel, {"kernel_shape": (3, 3)}, [shape, shape], shape, f16, PRO).cycles

    assert 0 <= cycles(rows) <= cycles(rows + 1)
    assert cycles(0) == 0
