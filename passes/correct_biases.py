"""`correct-biases`: the mean error that rounded weights make is taken off the bias.

Bias correction (Nagel et al. 2019, section 4.2), where the settings ask for it. With weights W, and W' as their
integers mean them, a contraction of inputs x makes E[(W' - W) x] = (W' - W) E[x] too much, in each of its features.
E[x] are the means of channels in the profile. It takes the convolutions and matrix products that `quantize-operations`
will turn into ones on integers, and reckons with the integers that this will make of their weights; so scales are on
the values already.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from dialects.errors import AicError
from dialects.graph.base import tensor_type
from dialects.graph.contraction import ConvOp, MatmulOp
from dialects.module import main_of
from dialects.weights import store_of
from passes.quantization.channels import Doubles, has_one_weight, mean_product, values_with_means
from passes.quantization.files.profile import read_profile
from passes.quantization.listed import listed_ops
from passes.quantization.names import float_values
from passes.quantization.quantizer import Quantizer
from passes.quantization.rules.contraction import integer_weights
from passes.quantization.scales import wanted_type
from passes.quantization.settings import Settings, settings_of
from passes.rewriting.constants import computed, constant_of
from passes.rewriting.patterns import erase_dead, replace
from passes.rewriting.precision import Precision
from passes.rewriting.program_pass import ProgramPass


@dataclass(frozen=True)
class CorrectBiasesPass(ProgramPass):
    """The mean error that rounded weights make is taken off the bias."""

    name = "correct-biases"
    PRECISION: ClassVar[Precision] = Precision.QUANTIZED

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        settings, main = settings_of(op), main_of(op)
        if not settings.quantization_bias_correction:
            return
        if not settings.load_profile:
            raise AicError("quantization-bias-correction needs the channel means of a profile: give it as load-profile")
        names = {value: name for name, value in float_values(main).items()}
        means = _means(settings, {names[value]: value for value in values_with_means(main) if value in names})
        listed = listed_ops(main, (*settings.in_float, *settings.in_original), settings.steps)
        quantizer = Quantizer(store_of(op), settings, listed)
        for operation in list(main.body.block.ops):
            if not isinstance(operation, ConvOp | MatmulOp) or quantizer.stays_in_float(operation):
                continue
            known = means.get(operation.operands[0])
            excess = None if known is None else _excess(quantizer, operation, known)
            if excess is not None:
                _take_off(quantizer, operation, excess)
        erase_dead(op)


def _means(settings: Settings, values: dict[str, SSAValue]) -> dict[SSAValue, Doubles]:
    """Means of channels by value, of those that have a scale. Raises AicError where the profile has none that fit."""
    path = Path(settings.load_profile)
    records = read_profile(path).records
    found: dict[SSAValue, Doubles] = {}
    for name, value in values.items():
        if wanted_type(value) is None or name not in records:
            continue
        means = records[name].channel_means
        if means is None or means.shape != tensor_type(value).get_shape()[-1:]:
            raise AicError(
                f"{path} has no channel means that fit tensor {name!r}: it was made without "
                "quantization-bias-correction; make it anew by dump-profile with this option"
            )
        found[value] = means
    return found


def _excess(quantizer: Quantizer, op: ConvOp | MatmulOp, means: Doubles) -> Doubles | None:
    """What a contraction makes too much on integers, on average [features]; None where it stays in floating point."""
    data, constant = wanted_type(op.operands[0]), constant_of(op.operands[1])
    if data is None or constant is None or wanted_type(op.output) is None or not has_one_weight(op):
        return None
    made = integer_weights(quantizer, op, data)
    if made is None:
        return None
    weights, _ = made
    meant = (weights.values.astype(np.float64) - weights.offsets) * weights.scales.astype(np.float64)
    return mean_product(op, means, meant - quantizer.store.held(constant).astype(np.float64))


def _take_off(quantizer: Quantizer, op: ConvOp | MatmulOp, excess: Doubles) -> None:
    bias = constant_of(op.operands[2]) if len(op.operands) > 2 else None
    given = np.zeros_like(excess) if bias is None else quantizer.store.held(bias).astype(np.float64)
    corrected = computed(given - excess, op.operands[len(op.operands) - 1], quantizer.store)
    new = type(op).create(
        operands=[*op.operands[:2], corrected.output],
        result_types=[op.output.type],
        properties=op.properties,
        attributes=dict(op.attributes),
    )
    new.location = op.location
    replace(op, [corrected, new], new.output)
