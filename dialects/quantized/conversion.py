"""Between numbers and integers, and between scales: `quantized.quantize`, `quantized.dequantize`,
`quantized.requantize`.
"""

from math import isfinite

import numpy as np
from xdsl.dialects.builtin import FloatAttr, TensorType, f64
from xdsl.irdl import irdl_op_definition, operand_def, prop_def
from xdsl.utils.exceptions import VerifyException

from dialects.element_types import is_float
from dialects.graph.base import Tensor, check_float, like, pointwise, tensor_type
from dialects.indexing import Indexing
from dialects.quantized.base import INTEGER, QuantizedOp, RescalingOp, check_integers, check_offset, check_rescale
from dialects.quantized.types import UniformType


class ScaledOp(QuantizedOp):
    """An op with the scale and offset of its integers, of which a type may not have them."""

    input = operand_def(TensorType)
    scale = prop_def(FloatAttr.constr(f64))
    """An fp32 number above 0."""
    offset = prop_def(INTEGER)
    """The integer that means 0."""

    def infer(self) -> Tensor:
        return like(tensor_type(self.input), self.to)

    def indexing(self) -> Indexing:
        return pointwise(self)

    def check_scale(self, integers: Tensor) -> None:
        """Raises VerifyException unless scale and offset are ones of these integers."""
        element, written = integers.element_type, self.scale.value.data
        scale = float(np.float32(written))
        check_offset(self.name, "offset", self.offset, element)
        if not isfinite(scale) or scale <= 0:
            raise VerifyException(f"{self.name}: scale {written} is not a number above 0")
        if isinstance(element, UniformType) and (element.channel_axis is not None or element.scaling.scale != scale):
            raise VerifyException(f"{self.name}: scale {written}, but the type is {element}")


@irdl_op_definition
class QuantizeOp(ScaledOp):
    """The nearest integers of numbers: clip(rint(x / scale + offset)), ties to even. ONNX: QuantizeLinear."""

    name = "quantized.quantize"

    def verify_(self) -> None:
        super().verify_()
        check_float(self.name, tensor_type(self.input))
        self.check_scale(self.result_type)


@irdl_op_definition
class DequantizeOp(ScaledOp):
    """What integers mean: scale * (q - offset). ONNX: DequantizeLinear."""

    name = "quantized.dequantize"

    def verify_(self) -> None:
        super().verify_()
        if not is_float(self.to):
            raise VerifyException(f"{self.name}: integers mean floating-point numbers, not {self.to}")
        self.check_scale(tensor_type(self.input))


class RescaledOp(RescalingOp):
    """An op whose exact result takes one factor to the scale of its integers."""

    multiplier = prop_def(INTEGER)
    """The factor is multiplier / 2^shift."""
    shift = prop_def(INTEGER)

    def verify_(self) -> None:
        super().verify_()
        check_rescale(self.name, self.multiplier, self.shift)


class UnaryRescaledOp(RescaledOp):
    """The same of one operand."""

    input = operand_def(TensorType)
    input_offset = prop_def(INTEGER)
    """The integer of the operand that means 0."""

    def verify_(self) -> None:
        super().verify_()
        element = tensor_type(self.input).element_type
        check_integers(self.name, element)
        check_offset(self.name, "input_offset", self.input_offset, element)


@irdl_op_definition
class RequantizeOp(UnaryRescaledOp):
    """Integers on another scale, perhaps of another width."""

    name = "quantized.requantize"

    def infer(self) -> Tensor:
        return like(tensor_type(self.input), self.to)

    def indexing(self) -> Indexing:
        return pointwise(self)


CONVERSION_OPS: tuple[type[QuantizedOp], ...] = (QuantizeOp, DequantizeOp, RequantizeOp)
