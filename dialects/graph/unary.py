"""Element-wise functions of one operand: `y = f(x)`. Activations, transcendental functions, rounding, signs."""

from math import isfinite
from typing import ClassVar

from xdsl.dialects.builtin import BoolAttr, DenseArrayBase, FloatAttr, IntegerType, TensorType
from xdsl.irdl import irdl_op_definition, operand_def, prop_def
from xdsl.utils.exceptions import VerifyException

from dialects.element_types import is_float
from dialects.graph.base import GraphOp, Tensor, check_float, check_number, like, numbers, pointwise, tensor_type
from dialects.indexing import Indexing


class UnaryOp(GraphOp):
    """An element-wise function of one operand; the result has its shape."""

    input = operand_def(TensorType)

    ANY_NUMBER: ClassVar[bool] = False
    """True for functions that integers have too."""

    def infer(self) -> Tensor:
        x = tensor_type(self.input)
        check = check_number if self.ANY_NUMBER else check_float
        check(self.name, x)
        return like(x)

    def indexing(self) -> Indexing:
        return pointwise(self)


@irdl_op_definition
class ReluOp(UnaryOp):
    """max(x, 0). ONNX: Relu."""

    name = "graph.relu"
    EXACT: ClassVar[bool] = True
    ANY_NUMBER: ClassVar[bool] = True


@irdl_op_definition
class ClipOp(UnaryOp):
    """min(max(x, bounds[0]), bounds[1]). ONNX: Clip with two bounds, Relu6."""

    name = "graph.clip"

    bounds = prop_def(DenseArrayBase)
    """Lower and upper limit."""

    def infer(self) -> Tensor:
        limits = numbers(self.bounds)
        if len(limits) != 2 or not all(map(isfinite, limits)):
            raise VerifyException(f"graph.clip: bounds are a lower and an upper limit, both finite, got {limits}")
        return super().infer()


@irdl_op_definition
class SigmoidOp(UnaryOp):
    """1 / (1 + exp(-x)). ONNX: Sigmoid."""

    name = "graph.sigmoid"


@irdl_op_definition
class TanhOp(UnaryOp):
    """Hyperbolic tangent. ONNX: Tanh."""

    name = "graph.tanh"


@irdl_op_definition
class GeluOp(UnaryOp):
    """x (1 + erf(x / sqrt 2)) / 2. ONNX: Gelu."""

    name = "graph.gelu"


@irdl_op_definition
class GeluTanhOp(UnaryOp):
    """x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2. ONNX: Gelu with approximate = tanh, FastGelu."""

    name = "graph.gelu_tanh"


@irdl_op_definition
class SiluOp(UnaryOp):
    """x sigmoid(x). ONNX: Swish, Mul of Sigmoid."""

    name = "graph.silu"


@irdl_op_definition
class LeakyReluOp(UnaryOp):
    """x where x >= 0, else alpha x. ONNX: LeakyRelu."""

    name = "graph.leaky_relu"

    alpha = prop_def(FloatAttr)


@irdl_op_definition
class EluOp(UnaryOp):
    """x where x >= 0, else alpha (exp(x) - 1). ONNX: Elu."""

    name = "graph.elu"

    alpha = prop_def(FloatAttr)


@irdl_op_definition
class SeluOp(UnaryOp):
    """gamma (x where x > 0, else alpha (exp(x) - 1)). ONNX: Selu."""

    name = "graph.selu"

    alpha = prop_def(FloatAttr)
    gamma = prop_def(FloatAttr)


@irdl_op_definition
class HardSigmoidOp(UnaryOp):
    """min(max(alpha x + beta, 0), 1). ONNX: HardSigmoid."""

    name = "graph.hard_sigmoid"

    alpha = prop_def(FloatAttr)
    beta = prop_def(FloatAttr)


@irdl_op_definition
class HardSwishOp(UnaryOp):
    """x min(max(x + 3, 0), 6) / 6. ONNX: HardSwish."""

    name = "graph.hard_swish"


@irdl_op_definition
class SoftplusOp(UnaryOp):
    """log(1 + exp(x)). ONNX: Softplus."""

    name = "graph.softplus"


@irdl_op_definition
class MishOp(UnaryOp):
    """x tanh(log(1 + exp(x))). ONNX: Mish."""

    name = "graph.mish"


@irdl_op_definition
class ErfOp(UnaryOp):
    """Gauss's error function. ONNX: Erf."""

    name = "graph.erf"


@irdl_op_definition
class ExpOp(UnaryOp):
    """e^x. ONNX: Exp."""

    name = "graph.exp"


@irdl_op_definition
class LogOp(UnaryOp):
    """Natural logarithm. ONNX: Log."""

    name = "graph.log"


@irdl_op_definition
class SqrtOp(UnaryOp):
    """Square root. ONNX: Sqrt."""

    name = "graph.sqrt"


@irdl_op_definition
class RsqrtOp(UnaryOp):
    """1 / sqrt(x)."""

    name = "graph.rsqrt"


@irdl_op_definition
class ReciprocalOp(UnaryOp):
    """1 / x. ONNX: Reciprocal."""

    name = "graph.reciprocal"


@irdl_op_definition
class NegOp(UnaryOp):
    """-x. ONNX: Neg."""

    name = "graph.neg"
    EXACT: ClassVar[bool] = True
    ANY_NUMBER: ClassVar[bool] = True


@irdl_op_definition
class AbsOp(UnaryOp):
    """|x|. ONNX: Abs."""

    name = "graph.abs"
    EXACT: ClassVar[bool] = True
    ANY_NUMBER: ClassVar[bool] = True


@irdl_op_definition
class SignOp(UnaryOp):
    """-1, 0 or 1. ONNX: Sign."""

    name = "graph.sign"
    ANY_NUMBER: ClassVar[bool] = True


@irdl_op_definition
class FloorOp(UnaryOp):
    """Largest integer that is not above x. ONNX: Floor."""

    name = "graph.floor"


@irdl_op_definition
class CeilOp(UnaryOp):
    """Smallest integer that is not below x. ONNX: Ceil."""

    name = "graph.ceil"


@irdl_op_definition
class RoundOp(UnaryOp):
    """Nearest integer, halves to even. ONNX: Round."""

    name = "graph.round"


@irdl_op_definition
class SinOp(UnaryOp):
    """Sine. ONNX: Sin."""

    name = "graph.sin"


@irdl_op_definition
class CosOp(UnaryOp):
    """Cosine. ONNX: Cos."""

    name = "graph.cos"


@irdl_op_definition
class TanOp(UnaryOp):
    """Tangent. ONNX: Tan."""

    name = "graph.tan"


@irdl_op_definition
class AsinOp(UnaryOp):
    """Arc sine. ONNX: Asin."""

    name = "graph.asin"


@irdl_op_definition
class AcosOp(UnaryOp):
    """Arc cosine. ONNX: Acos."""

    name = "graph.acos"


@irdl_op_definition
class AtanOp(UnaryOp):
    """Arc tangent. ONNX: Atan."""

    name = "graph.atan"


@irdl_op_definition
class SinhOp(UnaryOp):
    """Hyperbolic sine. ONNX: Sinh."""

    name = "graph.sinh"


@irdl_op_definition
class CoshOp(UnaryOp):
    """Hyperbolic cosine. ONNX: Cosh."""

    name = "graph.cosh"


@irdl_op_definition
class AsinhOp(UnaryOp):
    """Inverse hyperbolic sine. ONNX: Asinh."""

    name = "graph.asinh"


@irdl_op_definition
class AcoshOp(UnaryOp):
    """Inverse hyperbolic cosine. ONNX: Acosh."""

    name = "graph.acosh"


@irdl_op_definition
class AtanhOp(UnaryOp):
    """Inverse hyperbolic tangent. ONNX: Atanh."""

    name = "graph.atanh"


class ClassifyOp(UnaryOp):
    """A question about floating-point values; the result is i1."""

    def infer(self) -> Tensor:
        x = tensor_type(self.input)
        check_float(self.name, x)
        return like(x, IntegerType(1))


@irdl_op_definition
class IsnanOp(ClassifyOp):
    """True where x is NaN. ONNX: IsNaN."""

    name = "graph.isnan"


@irdl_op_definition
class IsinfOp(ClassifyOp):
    """True where x is an infinity of a sign that is asked for. ONNX: IsInf."""

    name = "graph.isinf"

    negative = prop_def(BoolAttr)
    positive = prop_def(BoolAttr)


@irdl_op_definition
class NotOp(UnaryOp):
    """Negation of i1, bits inverted of integers. ONNX: Not, BitwiseNot."""

    name = "graph.not"
    ANY_NUMBER: ClassVar[bool] = True

    def infer(self) -> Tensor:
        x = tensor_type(self.input)
        if is_float(x.element_type):
            raise VerifyException(f"graph.not: takes i1 or integers, got {x}")
        return like(x)


UNARY_OPS: tuple[type[UnaryOp], ...] = (
    ReluOp,
    ClipOp,
    SigmoidOp,
    TanhOp,
    GeluOp,
    GeluTanhOp,
    SiluOp,
    LeakyReluOp,
    EluOp,
    SeluOp,
    HardSigmoidOp,
    HardSwishOp,
    SoftplusOp,
    MishOp,
    ErfOp,
    ExpOp,
    LogOp,
    SqrtOp,
    RsqrtOp,
    ReciprocalOp,
    NegOp,
    AbsOp,
    SignOp,
    FloorOp,
    CeilOp,
    RoundOp,
    SinOp,
    CosOp,
    TanOp,
    AsinOp,
    AcosOp,
    AtanOp,
    SinhOp,
    CoshOp,
    AsinhOp,
    AcoshOp,
    AtanhOp,
    IsnanOp,
    IsinfOp,
    NotOp,
)
