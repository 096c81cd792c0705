"""`graph.constant`: a tensor known at compile time."""

from typing import Self

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute
from xdsl.irdl import IRDLOperation, ParsePropInAttrDict, base, irdl_op_definition, prop_def, result_def, traits_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import ConstantLike, Pure
from xdsl.utils.exceptions import VerifyException

from dialects.aic import DenseAttr, WeightAttr
from dialects.graph.base import tensor_type


@irdl_op_definition
class ConstantOp(IRDLOperation):
    """A constant: `graph.constant #aic.dense<1.0 : tensor<4xf32>>`, or a handle of bytes in the weight store. ONNX:
    Constant, initializers.

    It has no kernel: its value is what the attribute says.
    """

    name = "graph.constant"

    value = prop_def(base(WeightAttr) | base(DenseAttr))
    output = result_def(TensorType)
    traits = traits_def(Pure(), ConstantLike())
    irdl_options = (ParsePropInAttrDict(),)

    def __init__(self, value: WeightAttr | DenseAttr):
        super().__init__(properties={"value": value}, result_types=[value.type])

    @property
    def result_type(self) -> TensorType[Attribute]:
        """Type of the constant."""
        return self.value.type

    def verify_(self) -> None:
        given, value = tensor_type(self.output), self.value.type
        if given.get_shape() != value.get_shape() or given.element_type != value.element_type:
            raise VerifyException(f"graph.constant: result type is {given}, but the value has type {value}")

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        value = parser.parse_attribute()
        if not isinstance(value, WeightAttr | DenseAttr):
            parser.raise_error("graph.constant takes an #aic.weight or an #aic.dense")
        attributes = parser.parse_optional_attr_dict()
        result: Attribute = value.type
        if parser.parse_optional_punctuation(":") is not None:
            result = parser.parse_type()
        return cls.create(result_types=[result], properties={"value": value}, attributes=attributes)

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_attribute(self.value)
        printer.print_op_attributes(self.attributes)
        if self.output.type != self.value.type:  # a sharding
            printer.print_string(" : ")
            printer.print_attribute(self.output.type)
