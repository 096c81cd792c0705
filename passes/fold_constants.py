"""`fold-constants`: ops on constants become constants.

Values are computed by the op's own kernel in float64 (`dialects.graph.evaluation.fold`), so that every machine gets the
same bits; ops whose kernel calls BLAS are left alone. Transposes and reshapes touch no bytes. A result that is larger
than the operands together is not made, small ones excepted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation

from dialects.aic import WeightAttr
from dialects.element_types import stored_dtype, tensor_bytes
from dialects.graph.base import GraphOp
from dialects.graph.elementwise import CastOp
from dialects.graph.evaluation import fold
from dialects.graph.movement import ReshapeOp, TransposeOp
from dialects.weights import WeightStore, store_of
from passes.rewriting.constants import Constant, constant_like, constant_of, moved_like, retyped
from passes.rewriting.patterns import erase_dead, replace
from passes.rewriting.program_pass import ProgramPass

SMALL_BYTES = 1 << 18
"""A result up to this size may be larger than what it is computed from."""


def may_fold(op: GraphOp, operands: Sequence[Constant]) -> bool:
    """Whether the op is to be computed at compile time, its operands being these constants."""
    if not op.FOLDS or not operands:
        return False
    size = tensor_bytes(op.result_type)
    return size <= max(SMALL_BYTES, sum(tensor_bytes(constant.type) for constant in operands))


def folded(op: GraphOp, operands: Sequence[Constant], store: WeightStore) -> Constant:
    """The op's result as a constant; a view of what is stored where there is one."""
    match op:
        case CastOp() if _holds_stored_type(operands[0], store):
            return retyped(operands[0], op.to)
        case _:
            with np.errstate(all="ignore"):
                return store.constant(fold(op, [store.held(constant) for constant in operands]))


def _holds_stored_type(constant: Constant, store: WeightStore) -> bool:
    """True unless a handle converts what is stored already: two conversions are not one."""
    stored = stored_dtype(constant.type.element_type)
    return not isinstance(constant, WeightAttr) or store.stored_dtype(constant.key.data) == stored


@dataclass(frozen=True)
class FoldConstantsPass(ProgramPass):
    """Ops on constants become constants."""

    name = "fold-constants"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        store = store_of(op)
        for function in op.body.block.ops:
            if isinstance(function, FuncOp) and function.body.blocks:
                for inner in list(function.body.block.ops):
                    _fold(inner, store)
        erase_dead(op)


def _fold(op: Operation, store: WeightStore) -> None:
    if not isinstance(op, GraphOp):
        return
    constants = [constant for operand in op.operands if (constant := constant_of(operand)) is not None]
    if len(constants) != len(op.operands) or not may_fold(op, constants):
        return
    match op:
        case TransposeOp():
            new = moved_like(op.input, op.order, constants[0].type.get_shape(), store)
        case ReshapeOp():
            new = moved_like(op.input, None, op.result_type.get_shape(), store)
        case _:
            new = constant_like(op.operands[0], folded(op, constants, store))
            if not isinstance(op, CastOp):
                new.location = op.location
    replace(op, [new], new.output)
