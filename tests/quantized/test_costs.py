"""Costs of kernels on integers: twice the rate of fp16 on HMX, and what any cost must have."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import f16, i8, i16, i32
from xdsl.ir import Attribute

from dialects.costs import cost, data_element
from dialects.graph.costs import Cost
from dialects.hardware import load_hardware
from dialects.quantized import QUANTIZED_OPS
from dialects.quantized.costs import QUANTIZED_FORMULAS

PRO = load_hardware("pro")
Shape = tuple[int, ...]
ON_HMX = ("quantized.conv", "quantized.conv_transpose", "quantized.matmul")
ON_HVX = sorted({op.kernel_name() for op in QUANTIZED_OPS} - {*ON_HMX})
RESCALED = ["quantized.add", "quantized.mul", "quantized.average_pool", "quantized.reduce_mean"]


def of(kernel: str, operands: list[Shape], result: Shape, element: Attribute = i8, **arguments: Any) -> Cost:
    return cost(kernel, arguments, operands, result, element, PRO)


def image(kernel: str, rows: int, columns: int, element: Attribute = i8) -> Cost:
    """The cost of a kernel for an image of 64 channels."""
    shape = (1, rows, columns, 64)
    match kernel.removeprefix("quantized."):
        case "conv":
            operands = [(1, rows + 2, columns + 2, 64), (3, 3, 64, 64), (4, 64)]
        case "conv_transpose":
            operands = [(1, rows, columns, 64), (3, 3, 64, 64), (4, 64)]
        case "matmul":
            operands = [shape, (64, 64), (4, 64)]
        case "average_pool":
            operands = [(1, rows + 1, columns + 1, 64)]
        case "look_up":
            operands = [shape, (256,)]
        case _:
            operands = [shape, shape] if kernel in ("quantized.add", "quantized.mul") else [shape]
    return of(kernel, operands, shape, element, kernel_shape=(2, 2), axes=(-3,), strides=(1, 1))


def test_every_kernel_has_a_formula() -> None:
    assert QUANTIZED_FORMULAS.keys() == {op.kernel_name() for op in QUANTIZED_OPS}


@pytest.mark.parametrize("kernel", ON_HMX)
def test_bytes_are_contracted_at_twice_the_rate_of_fp16(kernel: str) -> None:
    """On whole tiles; what starts a kernel is the same. Rescaling is part of HMX's output stage."""
    narrow, wide = image(kernel, 64, 64), image(kernel, 64, 64, i16)
    float_ = image(kernel.removeprefix("quantized."), 64, 64, f16)
    start = PRO.hmx_start_cycles
    assert narrow.engine == wide.engine == float_.engine == "hmx"
    assert 2 * (narrow.cycles - start) == pytest.approx(float_.cycles - start)
    assert wide.cycles == float_.cycles, "the rate of 16-bit integers is taken as that of fp16"
    assert narrow.macs == float_.macs > 0
    assert narrow.hvx_cycles == 0


def test_a_contraction_runs_near_the_peak() -> None:
    found = of("quantized.conv", [(1, 58, 58, 256), (3, 3, 256, 256), (4, 256)], (1, 56, 56, 256), strides=(1, 1))
    assert found.macs == 56 * 56 * 256 * 256 * 9
    assert 0.3 * PRO.hmx_i8_macs_per_cycle < found.macs / found.cycles <= PRO.hmx_i8_macs_per_cycle


@pytest.mark.parametrize("kernel", ON_HVX)
def test_bytes_take_half_the_vectors(kernel: str) -> None:
    narrow, wide = image(kernel, 64, 64), image(kernel, 64, 64, i16)
    start = PRO.hvx_start_cycles
    assert narrow.engine == "hvx"
    assert narrow.macs == 0
    assert 2 * (narrow.cycles - start) == pytest.approx(wide.cycles - start)


@pytest.mark.parametrize("kernel", RESCALED)
def test_rescaling_costs_a_conversion(kernel: str) -> None:
    """Of every vector of the result, on HVX, but no start of its own."""
    conversion = image("quantized.requantize", 64, 64).cycles - PRO.hvx_start_cycles
    alone = image(kernel.removeprefix("quantized."), 64, 64).cycles
    assert conversion > 0
    assert image(kernel, 64, 64).cycles == pytest.approx(alone + conversion)


def test_limits_are_cheapest() -> None:
    costs = {kernel: image(kernel, 64, 64).cycles for kernel in ON_HVX}
    assert min(costs, key=lambda kernel: costs[kernel]) == "quantized.clip"
    assert costs["quantized.clip"] < costs["quantized.requantize"] < costs["quantized.add"] < costs["quantized.mul"]


@pytest.mark.parametrize("kernel", [*ON_HMX, *ON_HVX])
@settings(max_examples=25)
@given(rows=st.integers(1, 70), columns=st.integers(1, 70))
def test_more_work_never_costs_less(kernel: str, rows: int, columns: int) -> None:
    assert 0 <= image(kernel, rows, columns).cycles <= image(kernel, rows + 1, columns).cycles


@pytest.mark.parametrize("kernel", [*ON_HMX, *(kernel for kernel in ON_HVX if kernel not in RESCALED)])
def test_an_empty_result_costs_nothing(kernel: str) -> None:
    assert image(kernel, 0, 7).cycles == 0


@pytest.mark.parametrize("kernel", RESCALED)
def test_an_empty_result_that_is_rescaled_costs_nothing(kernel: str) -> None:
    assert image(kernel, 0, 7).cycles == 0


def test_what_is_multiplied_decides_the_speed_of_a_contraction() -> None:
    """Not what becomes of the sums: products of bytes are as fast where the result has 16 bits."""
    for kernel in ON_HMX:
        assert data_element(kernel, [i8, i8, i32], i16) == i8
        assert data_element(kernel, [i16, i16, i32], i8) == i16
    assert data_element("quantized.requantize", [i8], i16) == i16
    assert data_element("quantized.quantize", [f16], i8) == f16
    assert data_element("matmul", [f16, f16], f16) == f16
