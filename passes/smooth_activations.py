"""`smooth-activations`: the range of channels goes from normalized activations into the weights that read them.

SmoothQuant (Xiao et al. 2022, equation 4), where the settings ask for it. What a layer or RMS normalization makes is
divided, per channel j, by s_j = max|X_j|^a / max|W_j|^(1-a), and the rows of the constant weights W of matrix products
that read it are multiplied by s_j. The division goes into the normalization's own factors; where others read its result
too, such as a residual sum, a product comes before the matrix products. The maxima of X are those of the profile.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

from dialects.errors import AicError
from dialects.graph.contraction import MatmulOp
from dialects.graph.elementwise import MulOp
from dialects.graph.kernels import Array
from dialects.graph.normalization import LayerNormOp, RmsNormOp
from dialects.module import main_of
from dialects.weights import WeightStore, store_of
from passes.quantization.channels import Doubles, has_one_weight
from passes.quantization.files.profile import read_profile
from passes.quantization.names import float_values
from passes.quantization.scales import wanted_type
from passes.quantization.settings import settings_of
from passes.rewriting.constants import computed, constant_of
from passes.rewriting.patterns import erase_dead
from passes.rewriting.placing import place_behind
from passes.rewriting.program_pass import ProgramPass

_LOG = logging.getLogger("aic")

_LEAST_FACTOR = 1e-5
"""Factors are at least this, as in the paper's own code."""


@dataclass(frozen=True)
class Smoothable:
    """A normalization whose result matrix products with constant weights read."""

    name: str
    """Of its result in profiles."""
    op: LayerNormOp | RmsNormOp
    products: Sequence[MatmulOp]
    others: bool
    """Whether anybody else reads it."""


@dataclass(frozen=True)
class SmoothActivationsPass(ProgramPass):
    """The range of channels goes from normalized activations into the weights that read them."""

    name = "smooth-activations"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        settings = settings_of(op)
        if not settings.quantization_smoothquant:
            return
        found = smoothable(main_of(op))
        if not found:
            _LOG.warning("quantization-smoothquant: no matrix product reads a normalization; no activation changes")
            return
        if not settings.load_profile:
            raise AicError("quantization-smoothquant needs the channel maxima of a profile: give it as load-profile")
        path = Path(settings.load_profile)
        records = read_profile(path).records
        maxima = {name: record.channel_maxima for name, record in records.items() if record.channel_maxima is not None}
        misfits = [each.name for each in found if maxima.get(each.name, np.empty(0)).shape != _channels(each)]
        if misfits:
            raise AicError(
                f"{path} has no channel maxima that fit tensor {misfits[0]!r}: it is the profile of another model, or "
                "was made without quantization-smoothquant; make it anew by dump-profile with this option"
            )
        smooth(op, maxima)


def smoothable(function: FuncOp) -> list[Smoothable]:
    """The normalizations of a function whose results can be smoothed, in their order."""
    found: list[Smoothable] = []
    for name, value in float_values(function).items():
        op, uses = value.owner, list(value.uses)
        if not isinstance(op, LayerNormOp | RmsNormOp) or wanted_type(value) is not None:
            continue
        users = [use.operation for use in uses if use.index == 0]
        products = [user for user in users if isinstance(user, MatmulOp) and _has_own_weight(user)]
        if products:
            found.append(Smoothable(name, op, products, len(products) < len(uses)))
    return found


def _has_own_weight(op: MatmulOp) -> bool:
    return constant_of(op.rhs) is not None and has_one_weight(op) and wanted_type(op.rhs) is None


def _channels(found: Smoothable) -> tuple[int, ...]:
    return found.op.result_type.get_shape()[-1:]


def smooth(module: ModuleOp, maxima: Mapping[str, Doubles]) -> None:
    """Smooths activations by the greatest magnitudes of their channels, which are known by the names of profiles."""
    strength, store = settings_of(module).quantization_smoothquant, store_of(module)
    for found in smoothable(main_of(module)):
        weights = [_held(product, 1, store) for product in found.products]
        of_weights = np.abs(np.concatenate(weights, axis=1)).max(axis=1)
        factors = smoothing_factors(maxima[found.name], of_weights, strength)
        for product, weight in zip(found.products, weights, strict=True):
            _exchange(product, 1, weight * factors[:, None], store)
        _divide(found, factors, store)
    erase_dead(module)


def smoothing_factors(activations: Doubles, weights: Doubles, strength: float) -> Doubles:
    """What each channel of the activations is divided by, from greatest magnitudes of both sides [channels]: fp32
    numbers. Channels that are zero on a side keep 1.
    """
    known = (activations > 0) & (weights > 0) & np.isfinite(activations)
    a, w = (np.where(known, side, 1.0) for side in (activations, weights))
    factors = np.maximum(a**strength / w ** (1 - strength), _LEAST_FACTOR)
    return np.where(known, factors, 1.0).astype(np.float32).astype(np.float64)


def _divide(found: Smoothable, factors: Doubles, store: WeightStore) -> None:
    """Divides what a normalization makes for matrix products."""
    op = found.op
    if not found.others and all(constant_of(operand) is not None for operand in op.operands[1:]):
        for index in range(1, len(op.operands)):
            _exchange(op, index, _held(op, index, store) / factors, store)
        return
    along = (1,) * (op.result_type.get_num_dims() - 1) + factors.shape
    inverse = computed((1 / factors).reshape(along), op.operands[1], store)
    place_behind(op.output, inverse)
    divided = MulOp.of([op.output, inverse.output])
    place_behind(inverse.output, divided)
    for product in found.products:
        product.operands[0] = divided.output


def _held(op: LayerNormOp | RmsNormOp | MatmulOp, index: int, store: WeightStore) -> Doubles:
    constant = constant_of(op.operands[index])
    assert constant is not None
    return store.held(constant).astype(np.float64)


def _exchange(op: LayerNormOp | RmsNormOp | MatmulOp, index: int, values: Array, store: WeightStore) -> None:
    old = op.operands[index]
    new = computed(values, old, store)
    place_behind(old, new)
    op.operands[index] = new.output
