"""Scale and offset of a bias, which is added to sums of products of input and weight.

Such a sum counts in steps of the input's scale times the weight's. A bias in the same steps is added as it is; but one
that is large for them would saturate. Then it gets the scale that holds it, and is rescaled where it is added. Or, in
32 bits and per channel, the weight's scale is raised until the steps are large enough: that costs the weights of the
channel some resolution, and the bias still is in the same steps.

Rules of Glow (its pull request 3466 tells why), with one difference: a bias in 32 bits has offset zero in any schema,
so the scale that holds it is the one of a symmetric schema. Others would give half of that, and a bias of one sign
would saturate.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dialects.quantized.parameters import Floats, Parameters
from passes.quantization.schemas import LEAST_SCALE, Schema, choose_channel_parameters, choose_parameters


class ChannelBias(NamedTuple):
    """Parameters of a bias per channel, and the scales of the weights that go with them."""

    scales: Floats
    offsets: npt.NDArray[np.int32]
    weight_scales: Floats


def bias_parameters(
    bias: npt.NDArray[np.floating], input_scale: float, weight_scale: float, schema: Schema, bits: int
) -> Parameters:
    """Scale and offset of a bias, in 8 or 32 bits, whose weight has one scale.

    The scale is that of input times weight, or the one that the bias has by itself, if that is larger.
    """
    own = choose_parameters(float(bias.min()), float(bias.max()), _own_schema(schema, bits), bits)
    least = own.scale if bias.any() else LEAST_SCALE
    return Parameters(max(float(np.float32(input_scale) * np.float32(weight_scale)), least), own.offset)


def channel_bias_parameters(
    bias: npt.NDArray[np.floating], input_scale: float, weight_scales: Floats, schema: Schema, bits: int
) -> ChannelBias:
    """Scales and offsets of a bias, in 8 or 32 bits, whose weight has a scale per channel.

    In 32 bits each scale is exactly input times weight, in fp32: where that is smaller than the scale that the bias has
    by itself, the weight's scale is raised. In 8 bits only the bias changes.
    """
    own_scales, offsets = choose_channel_parameters(bias, bias, _own_schema(schema, bits), bits)
    least = np.where(bias == 0, np.float32(LEAST_SCALE), own_scales)
    scales = np.float32(input_scale) * weight_scales
    if bits == 8:
        return ChannelBias(np.maximum(scales, least), offsets, weight_scales)
    raised = np.where(scales < least, least / np.float32(input_scale), weight_scales)
    return ChannelBias(np.float32(input_scale) * raised, offsets, raised)


def _own_schema(schema: Schema, bits: int) -> Schema:
    if bits == 8 or schema is Schema.SYMMETRIC_WITH_POWER2_SCALE:
        return schema
    return Schema.SYMMETRIC
