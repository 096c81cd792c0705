"""What kernels of quantized ops cost: the formulas of their floating-point likes, on elements of a byte or two.

The table of a contraction is read with its weights. Rescaling a result of HVX is a conversion.
"""

from dialects.graph.costs import (
    Cost,
    Formula,
    Work,
    binary,
    conv_cost,
    conv_transpose_cost,
    matmul_cost,
    per_operand,
    per_result,
    pool_cost,
)


def _rescaled(formula: Formula) -> Formula:
    """A formula with a conversion of every vector of the result."""

    def cost(work: Work) -> Cost:
        price = formula(work)
        if not price.cycles:
            return price
        conversions = per_result("convert")(work)
        return price._replace(cycles=price.cycles + conversions.cycles - work.hardware.hvx_start_cycles)

    return cost


QUANTIZED_FORMULAS: dict[str, Formula] = {
    "quantized.conv": conv_cost,
    "quantized.conv_transpose": conv_transpose_cost,
    "quantized.matmul": matmul_cost,
    **dict.fromkeys(("quantized.quantize", "quantized.dequantize", "quantized.requantize"), per_result("convert")),
    "quantized.add": _rescaled(binary("add")),
    "quantized.mul": _rescaled(binary("mul")),
    "quantized.clip": per_result("splat"),
    "quantized.look_up": per_result("gather"),
    "quantized.average_pool": _rescaled(pool_cost),
    "quantized.reduce_mean": _rescaled(per_operand("reduce")),
}
