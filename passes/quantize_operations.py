"""`quantize-operations`: ops whose scales are known compute on integers.

Convolutions and matrix products come first; what lies between them follows where it has an integer form. What stays in
floating point reads and makes numbers, by `quantized.dequantize` and `quantized.quantize`. Scales stand on the values
(`attach-scales`, or from the model, where limits have them), how constants without a scale are quantized in the module
(`set-quantization`).
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Operation, SSAValue

from dialects.graph.base import GraphOp
from dialects.graph.movement import ReshapeOp, SliceOp, TransposeOp
from dialects.graph.pooling import MaxPoolOp
from dialects.graph.unary import ClipOp
from dialects.module import main_of
from dialects.weights import store_of
from passes.quantization.listed import listed_ops
from passes.quantization.quantizer import Quantizer
from passes.quantization.rules import RULES
from passes.quantization.scales import attach, detach_all, wanted_type
from passes.quantization.settings import settings_of
from passes.rewriting.patterns import erase_dead
from passes.rewriting.precision import Precision
from passes.rewriting.program_pass import ProgramPass


@dataclass(frozen=True)
class QuantizeOperationsPass(ProgramPass):
    """Turns ops on numbers into ops on integers."""

    name = "quantize-operations"
    PRECISION: ClassVar[Precision] = Precision.QUANTIZED

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        settings, main = settings_of(op), main_of(op)
        listed = listed_ops(main, (*settings.in_float, *settings.in_original), settings.steps)
        quantizer = Quantizer(store_of(op), settings, listed)
        for operation in main.body.block.ops:
            if isinstance(operation, ClipOp):
                _hand_up(operation)
        for operation in list(main.body.block.ops):
            if not isinstance(operation, GraphOp) or operation.output.first_use is None:
                continue
            rule = RULES.get(type(operation))
            if rule is not None and not quantizer.stays_in_float(operation):
                rule(quantizer, operation)
        detach_all(main)
        erase_dead(op)


def _hand_up(op: ClipOp) -> None:
    """Gives the scale of limited numbers to what makes them, which has none and no other readers: as integers they are
    limited by themselves. An output of the network is not a reader: it may be what the integers mean.
    """
    wanted, value = wanted_type(op.output), op.input
    while wanted is not None and _one_reads(value) and wanted_type(value) is None:
        maker = value.owner
        if isinstance(maker, GraphOp):
            attach(value, wanted)
        if not isinstance(maker, ReshapeOp | TransposeOp | SliceOp | MaxPoolOp):
            break
        value = maker.operands[0]


def _one_reads(value: SSAValue) -> bool:
    return sum(not _gives(use.operation) for use in value.uses) == 1


def _gives(op: Operation) -> bool:
    """Whether an operation is there for outputs of the network alone."""
    if isinstance(op, TransposeOp | ReshapeOp):
        return all(_gives(use.operation) for use in op.output.uses)
    return isinstance(op, ReturnOp)
