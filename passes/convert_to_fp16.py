"""`convert-to-fp16`: computes in fp16 what was computed in fp32 or fp64.

Every tensor of these becomes one of fp16. Inputs and outputs keep the model's types; conversions stand right behind the
inputs and before the outputs. Constants are converted through their handles; those beyond fp16's range are clamped to
its largest finite value, which a warning of the logger `aic` tells, naming them. Infinities stay. Masks of attention
that are as low as that absorb scores, as the lowest numbers of fp32 do in fp32.

Ops that the module's settings of quantization keep in the model's precision (`in_original` of `aic.quantization`) stay
as they are; a conversion stands where they meet others, none between two of them. Integers become numbers in the
precision in which these are read.

With the option `listed_only`, it is the other way: only the ops that the settings list for fp16 (`in_float`) are
converted. What only moves their results does so in fp16.
"""

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import Float32Type, Float64Type, FloatAttr, ModuleOp, NameLoc, TensorType, f16, f32, f64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, SSAValue, TypeAttribute
from xdsl.rewriter import InsertPoint, Rewriter

from dialects.aic import DenseAttr
from dialects.element_types import F16_MAX
from dialects.graph.attention import CausalAttentionOp, HeadsOp
from dialects.graph.base import GraphOp, tensor_type
from dialects.graph.constant import ConstantOp
from dialects.graph.elementwise import CastOp
from dialects.graph.kernels import Array
from dialects.graph.movement import ExpandOp, ReshapeOp, SliceOp, TransposeOp
from dialects.module import main_of
from dialects.quantized.base import QuantizedOp
from dialects.quantized.conversion import DequantizeOp, QuantizeOp
from dialects.weights import WeightStore, store_of, within_f16
from dialects.workers import in_order
from passes.quantization.listed import listed_ops
from passes.quantization.settings import settings_of
from passes.rewriting.constants import Constant, constant_like, retyped
from passes.rewriting.placing import place_behind
from passes.rewriting.precision import Precision
from passes.rewriting.program_pass import ProgramPass

_LOG = logging.getLogger("aic")
_MOVES = TransposeOp | ReshapeOp | SliceOp | ExpandOp
"""Ops whose results are elements of their operand, the same in any precision that holds these."""


@dataclass(frozen=True)
class ConvertToFp16Pass(ProgramPass):
    """Computes in fp16 what was computed in fp32 or fp64; inputs and outputs keep their types."""

    name = "convert-to-fp16"
    PRECISION: ClassVar[Precision] = Precision.FP16

    listed_only: bool = False
    """Convert only the ops that the module's settings of quantization list for fp16."""

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        store = store_of(op)
        kept = _unlisted(op) if self.listed_only else _kept(op)
        clamped: list[str] = []
        for function in op.body.block.ops:
            if isinstance(function, FuncOp) and function.body.blocks:
                clamped += _convert(function, store, kept)
        if clamped:
            _LOG.warning("constants beyond the range of fp16 are clamped to ±%g: %s", F16_MAX, ", ".join(clamped))


def _kept(module: ModuleOp) -> set[Operation]:
    """The ops that keep the model's precision, as the module's settings of quantization say."""
    settings = settings_of(module)
    if not settings.in_original:
        return set()
    main = main_of(module)
    kept = listed_ops(main, settings.in_original, settings.steps) - listed_ops(main, settings.in_float, settings.steps)
    return {op for op in kept if not isinstance(op, QuantizedOp)}


def _unlisted(module: ModuleOp) -> set[Operation]:
    """The ops that are not listed for fp16 and do not just move what these make."""
    settings, main = settings_of(module), main_of(module)
    converted = listed_ops(main, settings.in_float, settings.steps)
    kept: set[Operation] = set()
    for op in main.body.block.ops:
        if not isinstance(op, GraphOp) or isinstance(op, CastOp | QuantizedOp) or op in converted:
            continue
        if isinstance(op, _MOVES) and op.operands[0].owner in converted:
            converted.add(op)
        else:
            kept.add(op)
    return kept


def _convert(function: FuncOp, store: WeightStore, kept: Collection[Operation]) -> list[str]:
    """Converts a function but for the ops `kept`; returns the names of the constants that were clamped."""
    block = function.body.block
    staying = _staying(block, kept)
    makers = [op for op in block.ops if isinstance(op, GraphOp | ConstantOp) and _is_wide(op.output)]
    given = [tensor_type(op.output).element_type for op in makers]
    changing = [op for op in makers if op not in staying]
    clamped = _clamped(changing, store)
    for op in changing:
        _narrow(op)
    for op, element in zip(makers, given, strict=True):
        _meet(op.output, element, staying)
    for argument in reversed(block.args):  # each conversion goes to the start
        if _is_wide(argument):
            _meet(argument, f16, staying)
    _convert_outputs(function)
    return clamped


def _staying(block: Block, kept: Collection[Operation]) -> set[Operation]:
    """The ops that are not converted: those to be kept, and what computes nothing but is read by these or returned. A
    constant that is also read in fp16 becomes two.
    """
    staying = set(kept)
    for op in reversed(list(block.ops)):
        if not isinstance(op, ConstantOp | CastOp | DequantizeOp) or not _is_wide(op.output):
            continue
        others = [use for use in op.output.uses if not _reads_wide(use.operation, staying)]
        if len(others) == op.output.uses.get_length():
            continue
        staying.add(op)
        if isinstance(op, ConstantOp) and others:
            twin = constant_like(op.output, op.value)
            Rewriter.insert_op(twin, InsertPoint.after(op))
            for use in others:
                use.operation.operands[use.index] = twin.output
    return staying


def _reads_wide(op: Operation, staying: Collection[Operation]) -> bool:
    """Whether an op reads numbers in the model's precision."""
    return op in staying or isinstance(op, ReturnOp)


def _narrow(op: GraphOp | ConstantOp) -> None:
    """Makes the result of an op one of fp16."""
    match op:
        case ConstantOp():
            op.value = converted(op.value)
        case CastOp() | DequantizeOp():
            op.to = f16
        case HeadsOp():
            _absorb(op)
        case _:
            pass
    Rewriter.replace_value_with_new_type(op.output, _as(op.output, f16))


def _absorb(op: HeadsOp) -> None:
    """Makes masks absorb scores from the lowest number of fp16 on, to which those of fp32 are clamped."""
    if isinstance(op, CausalAttentionOp):
        (beyond,) = clamped_to_f16(np.array([op.beyond.value.data])).tolist()
        op.beyond = FloatAttr(beyond, f64)
    if op.is_masked:
        op.absorbing = FloatAttr(-F16_MAX, f64)


def _meet(value: SSAValue, element: Attribute, staying: Collection[Operation]) -> None:
    """A conversion behind a value, of elements `element` in the model, for those who read it in the other precision.
    What makes integers takes either.
    """
    assert isinstance(element, TypeAttribute)
    if _is_wide(value):
        readers = [use for use in value.uses if not _reads_wide(use.operation, staying)]
        readers, other = [use for use in readers if not isinstance(use.operation, QuantizeOp)], f16
    else:
        readers, other = [use for use in value.uses if use.operation in staying], element
    if not readers:
        return
    cast = CastOp.of([value], {"to": other})
    place_behind(value, cast)
    for use in readers:
        use.operation.operands[use.index] = cast.output


def _convert_outputs(function: FuncOp) -> None:
    """Conversions before outputs that were wide."""
    terminator = function.body.block.last_op
    if not isinstance(terminator, ReturnOp):
        return
    for position, wanted in enumerate(function.function_type.outputs):
        value = terminator.operands[position]
        if value.type == wanted:
            continue
        cast = CastOp.of([value], {"to": _port_element(wanted)})
        cast.location = value.owner.location if isinstance(value.owner, Operation) else terminator.location
        Rewriter.insert_op(cast, InsertPoint.before(terminator))
        terminator.operands[position] = cast.output


def _port_element(port: Attribute) -> TypeAttribute:
    """The element type of a port that was wide."""
    return f64 if isinstance(port, TensorType) and port.element_type == f64 else f32


def converted(constant: Constant) -> Constant:
    """The constant in fp16: a handle that converts, or the values converted."""
    if not isinstance(constant, DenseAttr):
        return retyped(constant, f16)
    return DenseAttr.of(clamped_to_f16(constant.array()), TensorType(f16, constant.type.get_shape()))


def clamped_to_f16(values: Array) -> Array:
    """Finite values brought into the finite range of fp16; infinities and NaN as they are."""
    return np.where(np.isfinite(values), np.clip(values, -F16_MAX, F16_MAX), values)


def _clamped(ops: Iterable[Operation], store: WeightStore) -> list[str]:
    """Names of the constants with finite values beyond the range of fp16."""
    found = [op for op in ops if isinstance(op, ConstantOp)]
    values = (_stored(op.value, store) for op in found)
    return [_name(op) for op, exceeds in zip(found, in_order("ranges", _exceeds_f16, values), strict=True) if exceeds]


def _stored(constant: Constant, store: WeightStore) -> Array:
    return constant.array() if isinstance(constant, DenseAttr) else store.stored(constant.key.data)


def _exceeds_f16(values: Array) -> bool:
    """True when a finite value is beyond the range of fp16."""
    if values.dtype.kind != "f" or values.dtype == np.float16 or within_f16(values):
        return False
    finite = values[np.isfinite(values)]
    return bool((np.abs(finite) > F16_MAX).any())


def _is_wide(value: SSAValue) -> bool:
    return isinstance(tensor_type(value).element_type, Float32Type | Float64Type)


def _as(value: SSAValue, element: Attribute) -> TensorType[Attribute]:
    return TensorType(element, tensor_type(value).get_shape())


def _name(op: ConstantOp) -> str:
    return op.location.desc.data if isinstance(op.location, NameLoc) else op.output.name_hint or "a constant"
