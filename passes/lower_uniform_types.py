"""`lower-uniform-types`: from integers that carry scales to plain integers.

What ops compute stands in their properties, so that nothing else changes: below this, a quantized tensor is one of i8,
i16 or i32, of which memory has the same bytes. How the network was quantized is no longer said. What only gave integers
their type, and leaves each as it is, goes.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import FunctionType, ModuleOp, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, SSAValue
from xdsl.rewriter import Rewriter

from dialects.element_types import StoredElement, element_bytes, storage_type
from dialects.graph.base import integers
from dialects.graph.constant import ConstantOp
from dialects.quantized.base import QuantizedOp, stored
from dialects.quantized.conversion import RequantizeOp
from dialects.quantized.parameters import LIMITS
from passes.quantization.settings import SETTINGS
from passes.rewriting.constants import retyped
from passes.rewriting.precision import Precision
from passes.rewriting.program_pass import ProgramPass


@dataclass(frozen=True)
class LowerUniformTypesPass(ProgramPass):
    """Replaces quantized types by those of their integers."""

    name = "lower-uniform-types"
    PRECISION: ClassVar[Precision] = Precision.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        super().apply(ctx, op)
        for module in op.walk():  # the settings may stand around the programs; they name files of this compile
            if isinstance(module, ModuleOp):
                module.attributes.pop(SETTINGS, None)

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.body.block.ops:
            if isinstance(function, FuncOp) and function.body.blocks:
                _lower(function)


def _lower(function: FuncOp) -> None:
    block = function.body.block
    for argument in block.args:
        _retype(argument)
    for op in block.ops:
        if isinstance(op, ConstantOp) and isinstance(op.value.type.element_type, StoredElement):
            op.value = retyped(op.value, storage_type(op.value.type.element_type))
        if isinstance(op, QuantizedOp):
            op.to = stored(op.to)
        for result in op.results:
            _retype(result)
        if isinstance(op, RequantizeOp) and _changes_nothing(op):
            op.output.replace_all_uses_with(op.input)
            block.erase_op(op)
    inputs, outputs = function.function_type.inputs, function.function_type.outputs
    function.function_type = FunctionType.from_lists([*map(_plain, inputs)], [*map(_plain, outputs)])


def _changes_nothing(op: RequantizeOp) -> bool:
    """Whether each integer of the result is that of the operand."""
    if op.operand_types[0].element_type != op.to or op.multiplier.value.data != 1 << op.shift.value.data:
        return False
    same_zero = op.input_offset.value.data == op.output_offset.value.data
    return same_zero and integers(op.limits) == LIMITS[8 * element_bytes(op.to)]


def _retype(value: SSAValue) -> None:
    plain = _plain(value.type)
    if plain != value.type:
        Rewriter.replace_value_with_new_type(value, plain)


def _plain(kind: Attribute) -> Attribute:
    """A type of tensors with what memory holds as its elements; any other type as it is."""
    if not isinstance(kind, TensorType) or not isinstance(kind.element_type, StoredElement):
        return kind
    return TensorType(storage_type(kind.element_type), kind.get_shape(), kind.encoding)
