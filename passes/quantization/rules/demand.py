"""Who computes on integers: what lies between such ops is worth computing on integers, too."""

from xdsl.ir import Operation

from dialects.graph.base import GraphOp, numbers
from dialects.graph.contraction import ConvOp, ConvTransposeOp, MatmulOp
from dialects.graph.elementwise import AddOp, MulOp
from dialects.graph.movement import ConcatOp, ExpandOp, PadOp, ReshapeOp, SliceOp, TransposeOp
from dialects.graph.pooling import AveragePoolOp, MaxPoolOp
from dialects.graph.reduction import ReduceMeanOp
from dialects.graph.resizing import ResampleOp
from dialects.graph.unary import ClipOp, ReluOp, UnaryOp
from dialects.quantized.conversion import QuantizeOp
from dialects.quantized.parameters import LIMITS
from passes.quantization.quantizer import Quantizer, limits_between
from passes.quantization.scales import wanted_type

_COMPUTES = ConvOp | ConvTransposeOp | MatmulOp
_KEEPS = ReshapeOp | TransposeOp | SliceOp | ExpandOp | ResampleOp | PadOp | MaxPoolOp | ReluOp | ClipOp
"""Ops whose result may have the scale of their operand."""
_RESCALES = AddOp | MulOp | ConcatOp | AveragePoolOp | ReduceMeanOp | UnaryOp
"""Ops whose result needs a scale of its own."""
_FAR = 8
"""Ops through which integers are handed on, at most."""


def computed_for_integers(quantizer: Quantizer, op: GraphOp, far: int = _FAR) -> bool:
    """Whether a convolution or matrix product reads an op's result, perhaps through ops that keep integers. Or whether
    the model itself has it as integers.
    """
    return any(_reads_integers(quantizer, use.operation, far) for use in op.output.uses)


def _reads_integers(quantizer: Quantizer, user: Operation, far: int) -> bool:
    if isinstance(user, QuantizeOp) or (isinstance(user, ClipOp) and _limits_to_integers(user)):
        return True
    if not isinstance(user, GraphOp) or quantizer.stays_in_float(user):
        return False
    if not isinstance(user, _KEEPS) and wanted_type(user.output) is None:
        return False
    if isinstance(user, _COMPUTES):
        return True
    return far > 0 and isinstance(user, _KEEPS | _RESCALES) and computed_for_integers(quantizer, user, far - 1)


def _limits_to_integers(op: ClipOp) -> bool:
    """Whether numbers are limited where integers are: by a model that arrives quantized, maybe together with a ReLU."""
    wanted = wanted_type(op.output)
    if wanted is None:
        return False
    ends = limits_between(*_bounds(op), wanted)
    return any(end == limit for end, limit in zip(ends, LIMITS[wanted.bits], strict=True))


def _bounds(op: ClipOp) -> tuple[float, float]:
    low, high = numbers(op.bounds)
    return low, high
