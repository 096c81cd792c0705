"""`narrow-ports`: inputs and outputs of f64 become ones of f32, as cards exchange none of f64 with the host.

Conversions stand right behind the inputs and before the outputs; what is computed in between stays as it is. A warning
of the logger `aic` names the inputs and outputs.
"""

import logging
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import FunctionType, ModuleOp, TensorType, f32, f64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from dialects.graph.base import tensor_type
from dialects.graph.elementwise import CastOp
from dialects.graph.ports import input_ports, output_ports
from passes.rewriting.program_pass import ProgramPass

_LOG = logging.getLogger("aic")


@dataclass(frozen=True)
class NarrowPortsPass(ProgramPass):
    """Inputs and outputs of f64 become ones of f32."""

    name = "narrow-ports"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        narrowed: list[str] = []
        for function in op.body.block.ops:
            if isinstance(function, FuncOp) and function.body.blocks:
                narrowed += _narrow(function)
        if narrowed:
            _LOG.warning("the card has no f64 inputs and outputs; f32 are: %s", ", ".join(narrowed))


def _narrow(function: FuncOp) -> list[str]:
    """Narrows the ports of a function; returns their names."""
    ports = (*input_ports(function), *output_ports(function))
    narrowed = [port.name for port in ports if port.type.element_type == f64]
    if not narrowed:
        return []
    block = function.body.block
    for argument in reversed(block.args):
        if _is_f64(argument):
            location = argument.location
            narrow = Rewriter.replace_value_with_new_type(argument, _as(argument, f32))
            block.args[argument.index].location = location
            wide = CastOp.of([narrow], {"to": f64})
            narrow.replace_uses_with_if(wide.output, lambda use, wide=wide: use.operation is not wide)
            wide.location = location
            Rewriter.insert_op(wide, InsertPoint.at_start(block))
    terminator = block.last_op
    if isinstance(terminator, ReturnOp):
        for position, value in enumerate(terminator.operands):
            if _is_f64(value):
                narrow = CastOp.of([value], {"to": f32})
                maker = value.owner if isinstance(value.owner, Operation) else terminator
                narrow.location = maker.location
                Rewriter.insert_op(narrow, InsertPoint.before(terminator))
                terminator.operands[position] = narrow.output
        results = [value.type for value in terminator.operands]
        function.properties["function_type"] = FunctionType.from_lists(block.arg_types, results)
    return narrowed


def _is_f64(value: SSAValue) -> bool:
    return tensor_type(value).element_type == f64


def _as(value: SSAValue, element: Attribute) -> TensorType[Attribute]:
    return TensorType(element, tensor_type(value).get_shape())
