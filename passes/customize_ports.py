"""`customize-ports`: inputs and outputs get the layout and the elements that the user wants.

What that is stands at the arguments and results of `@main` (`aic.layout`, `aic.element`). Conversions and transposes
stand right behind the inputs and before the outputs, so that everything in between is as it was; where the network has
its channels last anyway, the transposes cancel those of the importer. Integers of 8 bits mean numbers by their scale,
x = scale * (q - offset), and are plain `i8` as ports. What integers mean at a port, those of the model among them,
stands in the program (`aic.port_scales`), for the host.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import FunctionType, ModuleOp, TensorType, f32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, SSAValue, TypeAttribute
from xdsl.rewriter import InsertPoint, Rewriter

from dialects.element_types import storage_type
from dialects.errors import AicError, in_lines
from dialects.graph.base import GraphOp
from dialects.graph.elementwise import CastOp
from dialects.graph.locations import model_location
from dialects.graph.movement import TransposeOp
from dialects.module import main_of
from dialects.port_scales import set_port_scales
from dialects.quantized.conversion import DequantizeOp, QuantizeOp
from dialects.quantized.types import UniformType
from passes.ports.customization import LAYOUTS, CustomPort, custom_inputs, custom_outputs, set_customizations
from passes.rewriting.permutations import inverse, permuted
from passes.rewriting.program_pass import ProgramPass

_LAST = (0, 2, 3, 1)
"""The dimensions of a model's tensor in the order NHWC."""


@dataclass(frozen=True)
class CustomizePortsPass(ProgramPass):
    """Gives inputs and outputs the layout and elements that are wanted. Refuses what a port cannot be: all at once."""

    name = "customize-ports"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        main = main_of(op)
        inputs = custom_inputs(main)
        ports = (*inputs, *custom_outputs(main))
        problems = [f"{each.port.name!r}: {misfit}" for each in ports if (misfit := each.misfit) is not None]
        if problems:
            raise AicError(f"{self.name}:{in_lines(problems)}")
        made = {each.port.name: each.wanted.element or each.element for each in ports}
        _customize_inputs(main, inputs)
        _customize_outputs(main, custom_outputs(main))
        set_customizations(main, {})
        set_port_scales(op, {name: each.scaling for name, each in made.items() if isinstance(each, UniformType)})


def _customize_inputs(function: FuncOp, inputs: Sequence[CustomPort]) -> None:
    block = function.body.block
    for index, each in reversed(list(enumerate(inputs))):  # what converts an input goes to the start
        given, wanted = each.element, each.wanted.element or each.element
        shape = each.port.type.get_shape()
        new = TensorType(storage_type(wanted), permuted(shape, _LAST) if _is_last(each) else shape)
        if given == wanted and not _is_last(each):
            continue
        location = block.args[index].location
        argument = Rewriter.replace_value_with_new_type(each.value, new)
        block.args[index].location = location  # the argument is another one
        added = [*_conversions(argument, wanted, given)]
        if _is_last(each):
            added.append(TransposeOp.of([added[-1] if added else argument], {"permutation": inverse(_LAST)}))
        argument.replace_uses_with_if(added[-1].output, lambda use, added=added: use.operation not in added)
        for op in added:
            op.location = location
        Rewriter.insert_op(added, InsertPoint.at_start(block))


def _customize_outputs(function: FuncOp, outputs: Sequence[CustomPort]) -> None:
    terminator = function.body.block.last_op
    if not isinstance(terminator, ReturnOp):
        return
    for position, each in enumerate(outputs):
        added: list[GraphOp] = []
        if _is_last(each):
            added.append(TransposeOp.of([each.value], {"permutation": _LAST}))
        given, wanted = each.element, each.wanted.element or each.element
        added += _conversions(added[-1].output if added else each.value, given, wanted)
        for op in added:  # the name of the tensor stays with what computes it
            op.location = model_location(f"{each.port.name} (custom I/O)")
        Rewriter.insert_op(added, InsertPoint.before(terminator))
        if added:
            terminator.operands[position] = added[-1].output
    results = [value.type for value in terminator.operands]
    function.properties["function_type"] = FunctionType.from_lists(function.body.block.arg_types, results)


def _is_last(each: CustomPort) -> bool:
    """Whether the channels of a port are to be last."""
    return each.wanted.layout == LAYOUTS[1]


def _conversions(value: SSAValue, given: Attribute, wanted: Attribute) -> Sequence[GraphOp]:
    """Ops that turn elements into others. Integers to others take numbers of fp32 in between."""
    match given, wanted:
        case _ if given == wanted:
            return []
        case UniformType(), UniformType():
            numbers = _from_integers(value, given, f32)
            return [numbers, _to_integers(numbers.output, wanted)]
        case UniformType(), TypeAttribute():
            return [_from_integers(value, given, wanted)]
        case _, UniformType():
            return [_to_integers(value, wanted)]
        case _:
            return [CastOp.of([value], {"to": wanted})]  # pyright: ignore[reportArgumentType]


def _from_integers(value: SSAValue, meaning: UniformType, to: TypeAttribute) -> GraphOp:
    scale, offset = meaning.scaling.scale, meaning.scaling.offset
    return DequantizeOp.of([value], {"scale": scale, "offset": offset, "to": to})


def _to_integers(value: SSAValue, meaning: UniformType) -> GraphOp:
    scale, offset = meaning.scaling.scale, meaning.scaling.offset
    return QuantizeOp.of([value], {"scale": scale, "offset": offset, "to": meaning.storage})
