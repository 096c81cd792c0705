"""Element-wise ops on operands that broadcast as in NumPy: arithmetic, comparison, logic, selection; and conversion."""

from typing import ClassVar

from xdsl.dialects.builtin import BoolAttr, IntegerType, TensorType
from xdsl.ir import TypeAttribute
from xdsl.irdl import irdl_op_definition, operand_def, prop_def
from xdsl.utils.exceptions import VerifyException

from dialects.element_types import is_float, stored_dtype
from dialects.errors import AicError
from dialects.graph.base import GraphOp, Tensor, broadcast_shape, check_number, like, pointwise, tensor_type
from dialects.indexing import Indexing


class BinaryOp(GraphOp):
    """An element-wise op on two operands of one element type."""

    lhs = operand_def(TensorType)
    rhs = operand_def(TensorType)

    def infer(self) -> Tensor:
        a, b = tensor_type(self.lhs), tensor_type(self.rhs)
        if a.element_type != b.element_type:
            raise VerifyException(f"{self.name}: operands have element types {a.element_type} and {b.element_type}")
        return TensorType(a.element_type, broadcast_shape(self.name, a.get_shape(), b.get_shape()))

    def indexing(self) -> Indexing:
        return pointwise(self)


class ArithmeticOp(BinaryOp):
    """An element-wise op that truth values do not have."""

    def infer(self) -> Tensor:
        check_number(self.name, tensor_type(self.lhs))
        return super().infer()


@irdl_op_definition
class AddOp(BinaryOp):
    """a + b. ONNX: Add, Sum."""

    name = "graph.add"


@irdl_op_definition
class SubOp(ArithmeticOp):
    """a - b. ONNX: Sub."""

    name = "graph.sub"


@irdl_op_definition
class MulOp(BinaryOp):
    """a b. ONNX: Mul."""

    name = "graph.mul"


@irdl_op_definition
class DivOp(ArithmeticOp):
    """a / b; integers are rounded towards zero. ONNX: Div."""

    name = "graph.div"


@irdl_op_definition
class ModOp(ArithmeticOp):
    """Remainder of a / b: with the sign of b, or with `fmod` of a. ONNX: Mod."""

    name = "graph.mod"

    fmod = prop_def(BoolAttr)


@irdl_op_definition
class PowOp(ArithmeticOp):
    """a to the power of b. ONNX: Pow."""

    name = "graph.pow"


@irdl_op_definition
class MinOp(BinaryOp):
    """Lesser of a and b, NaN if either is. ONNX: Min."""

    name = "graph.min"
    EXACT: ClassVar[bool] = True
    KEEPS_SCALE: ClassVar[bool] = True


@irdl_op_definition
class MaxOp(BinaryOp):
    """Greater of a and b, NaN if either is. ONNX: Max."""

    name = "graph.max"
    EXACT: ClassVar[bool] = True
    KEEPS_SCALE: ClassVar[bool] = True


@irdl_op_definition
class PreluOp(ArithmeticOp):
    """a where a >= 0, else a b. ONNX: PRelu."""

    name = "graph.prelu"


class CompareOp(BinaryOp):
    """A comparison; the result is i1."""

    def infer(self) -> Tensor:
        return like(super().infer(), IntegerType(1))


@irdl_op_definition
class EqualOp(CompareOp):
    """a = b. ONNX: Equal."""

    name = "graph.equal"


@irdl_op_definition
class LessOp(CompareOp):
    """a < b. ONNX: Less."""

    name = "graph.less"


@irdl_op_definition
class LessEqualOp(CompareOp):
    """a <= b. ONNX: LessOrEqual."""

    name = "graph.less_equal"


@irdl_op_definition
class GreaterOp(CompareOp):
    """a > b. ONNX: Greater."""

    name = "graph.greater"


@irdl_op_definition
class GreaterEqualOp(CompareOp):
    """a >= b. ONNX: GreaterOrEqual."""

    name = "graph.greater_equal"


class LogicalOp(BinaryOp):
    """Logic on i1, bit by bit on integers."""

    def infer(self) -> Tensor:
        result = super().infer()
        if is_float(result.element_type):
            raise VerifyException(f"{self.name}: takes i1 or integers, got {self.lhs.type}")
        return result


@irdl_op_definition
class AndOp(LogicalOp):
    """Conjunction. ONNX: And, BitwiseAnd."""

    name = "graph.and"


@irdl_op_definition
class OrOp(LogicalOp):
    """Disjunction. ONNX: Or, BitwiseOr."""

    name = "graph.or"


@irdl_op_definition
class XorOp(LogicalOp):
    """Exclusive disjunction. ONNX: Xor, BitwiseXor."""

    name = "graph.xor"


@irdl_op_definition
class SelectOp(GraphOp):
    """a where the condition (i1) holds, else b. ONNX: Where."""

    name = "graph.select"
    EXACT: ClassVar[bool] = True
    KEEPS_SCALE: ClassVar[bool] = True

    condition = operand_def(TensorType)
    lhs = operand_def(TensorType)
    rhs = operand_def(TensorType)

    def infer(self) -> Tensor:
        condition, a, b = self.operand_types
        if condition.element_type != IntegerType(1):
            raise VerifyException(f"graph.select: the condition is i1, got {condition}")
        if a.element_type != b.element_type:
            raise VerifyException(f"graph.select: operands have element types {a.element_type} and {b.element_type}")
        shapes = (condition.get_shape(), a.get_shape(), b.get_shape())
        return TensorType(a.element_type, broadcast_shape(self.name, *shapes))

    def indexing(self) -> Indexing:
        return pointwise(self)


@irdl_op_definition
class CastOp(GraphOp):
    """Values converted to the element type `to`: floats to integers by truncation, to i1 by comparison with 0.

    ONNX: Cast.
    """

    name = "graph.cast"

    input = operand_def(TensorType)
    to = prop_def(TypeAttribute)

    def infer(self) -> Tensor:
        try:
            stored_dtype(self.to)
        except AicError as error:
            raise VerifyException(f"graph.cast: {error}") from None
        return like(tensor_type(self.input), self.to)

    def indexing(self) -> Indexing:
        return pointwise(self)


ELEMENTWISE_OPS: tuple[type[GraphOp], ...] = (
    AddOp,
    SubOp,
    MulOp,
    DivOp,
    ModOp,
    PowOp,
    MinOp,
    MaxOp,
    PreluOp,
    EqualOp,
    LessOp,
    LessEqualOp,
    GreaterOp,
    GreaterEqualOp,
    AndOp,
    OrOp,
    XorOp,
    SelectOp,
    CastOp,
)
