"""`convert-to-fp16`: computes in fp16 what was computed in fp32 or fp64.

Every tensor of these becomes one of fp16. Inputs and outputs keep the model's types; conversions stand right behind the
inputs and before the outputs. Constants are converted through their handles; those beyond fp16's range are clamped to
its largest finite value, which a warning of the logger `aic` tells, naming them. Infinities stay. Masks of attention
that are as low as that absorb scores, as the lowest numbers of fp32 do in fp32.
"""

import logging
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import Float32Type, Float64Type, FloatAttr, ModuleOp, NameLoc, TensorType, f16, f32, f64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Operation, SSAValue, TypeAttribute
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from dialects.aic import DenseAttr
from dialects.element_types import F16_MAX
from dialects.graph.attention import CausalAttentionOp, HeadsOp
from dialects.graph.base import GraphOp, tensor_type
from dialects.graph.constant import ConstantOp
from dialects.graph.elementwise import CastOp
from dialects.graph.kernels import Array
from dialects.weights import WeightStore, store_of, within_f16
from dialects.workers import in_order
from passes.rewriting.constants import Constant, retyped
from passes.rewriting.precision import Precision

_LOG = logging.getLogger("aic")


@dataclass(frozen=True)
class ConvertToFp16Pass(ModulePass):
    """Computes in fp16 what was computed in fp32 or fp64; inputs and outputs keep their types."""

    name = "convert-to-fp16"
    PRECISION: ClassVar[Precision] = Precision.FP16

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        store = store_of(op)
        clamped: list[str] = []
        for function in op.body.block.ops:
            if isinstance(function, FuncOp) and function.body.blocks:
                clamped += _convert(function, store)
        if clamped:
            _LOG.warning("constants beyond the range of fp16 are clamped to ±%g: %s", F16_MAX, ", ".join(clamped))


def _convert(function: FuncOp, store: WeightStore) -> list[str]:
    """Converts a function; returns the names of the constants that were clamped."""
    clamped = _clamped(function, store)
    for op in list(function.body.block.ops):
        match op:
            case ConstantOp() if _is_wide(op.output):
                op.value = converted(op.value)
            case CastOp() if op.to in (f32, f64):
                op.to = f16
            case HeadsOp() if _is_wide(op.output):
                _absorb(op)
            case _:
                pass
        if isinstance(op, GraphOp | ConstantOp) and _is_wide(op.output):
            Rewriter.replace_value_with_new_type(op.output, _as(op.output, f16))
    _convert_ports(function)
    return clamped


def _absorb(op: HeadsOp) -> None:
    """Makes masks absorb scores from the lowest number of fp16 on, to which those of fp32 are clamped."""
    if isinstance(op, CausalAttentionOp):
        (beyond,) = clamped_to_f16(np.array([op.beyond.value.data])).tolist()
        op.beyond = FloatAttr(beyond, f64)
    if op.is_masked:
        op.absorbing = FloatAttr(-F16_MAX, f64)


def _convert_ports(function: FuncOp) -> None:
    """Conversions behind wide inputs and before outputs that were wide."""
    block = function.body.block
    for argument in reversed(block.args):
        if not _is_wide(argument) or argument.first_use is None:
            continue
        cast = CastOp.of([argument], {"to": f16})
        cast.location = argument.location
        argument.replace_uses_with_if(cast.output, lambda use, cast=cast: use.operation is not cast)
        Rewriter.insert_op(cast, InsertPoint.at_start(block))
    terminator = block.last_op
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


def _clamped(function: FuncOp, store: WeightStore) -> list[str]:
    """Names of the fp32 constants with finite values beyond the range of fp16."""
    found = [op for op in function.body.block.ops if isinstance(op, ConstantOp) and _is_wide(op.output)]
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
