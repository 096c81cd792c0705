"""One kernel call on stacked operands.

The views of the operands have the axes of a grid of cores in front. A kernel treats what stands before its own
dimensions as a stack, so all that is left to do is to drop the grid's axes where nothing is stacked, and to complete
them where something is.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from xdsl.dialects.builtin import Float16Type

from aic.nsp.values.constant_weights import ConstantWeights
from dialects.calls import OPS
from dialects.graph.kernels import Array
from dialects.graph.properties import Arguments, from_dictionary
from dialects.kernels import KERNELS
from dialects.quantized.kernels.weights import OWN_DIMENSIONS
from dialects.rounding import round_to_f16
from dialects.tile.buffers import type_of
from dialects.tile.instructions import ComputeOp

Step: TypeAlias = Callable[[], None]

_PRODUCTS = ("matmul", "quantized.matmul")
_CONTRACTIONS = ("conv", "conv_transpose", "matmul", *OWN_DIMENSIONS)
_LOOK_UPS = ("quantized.look_up",)
_ELEMENTWISE_MODULES = (
    "dialects.graph.kernels.elementwise",
    "dialects.graph.kernels.unary",
    "dialects.quantized.kernels.conversion",
    "dialects.quantized.kernels.elementwise",
)


def kernel_step(
    op: ComputeOp,
    views: Sequence[Array],
    ranks: Sequence[int],
    lead: int,
    shape: tuple[int, ...],
    constants: ConstantWeights | None = None,
) -> Step:
    """The call of a kernel on stacked operands; its result is rounded into the last view.

    `constants`: for weights that never change, what has brought them to the form that the kernel computes with.
    """
    name = op.kernel.data
    kernel, definition = KERNELS[name], OPS[name]
    arguments: Arguments = from_dictionary(op.arguments)
    if definition.NEEDS_SHAPE:
        arguments["shape"] = shape
    *operands, target = views
    operands = _aligned(name, operands, ranks, lead)
    element = type_of(op.target).element_type
    rounds = isinstance(element, Float16Type) and not definition.EXACT
    taken = operands if constants is None else constants.operands(op, operands)

    def call() -> None:
        result = kernel(*taken, **arguments)
        if rounds and result.shape == target.shape:
            round_to_f16(result, out=target)
        else:
            np.copyto(target, round_to_f16(result) if rounds else result)

    return call


def _aligned(name: str, operands: Sequence[Array], ranks: Sequence[int], lead: int) -> list[Array]:
    """Operands made fit to be stacked: the grid's axes go where nothing is stacked, and are complete where something
    is.
    """
    if all(_is_single(view, lead) for view in operands):
        return [view.reshape(view.shape[lead:]) for view in operands]
    if KERNELS[name].__module__ in _ELEMENTWISE_MODULES and name not in _LOOK_UPS:
        rank = max(ranks[:-1])
        return [
            view.reshape(*view.shape[:lead], *(1,) * (rank - own), *view.shape[lead:])
            for view, own in zip(operands, ranks, strict=False)
        ]
    full = tuple(max(view.shape[axis] for view in operands) for axis in range(lead))
    aligned: list[Array] = []
    for position, view in enumerate(operands):
        stacks_itself = name in _PRODUCTS and ranks[position] > 2
        if name in _CONTRACTIONS and (position == 0 or stacks_itself):
            aligned.append(view)
        elif name != "concat" and position > 0 and _is_single(view, lead):
            aligned.append(view.reshape(view.shape[lead:]))
        elif name in _CONTRACTIONS:
            aligned.append(view)
        else:
            aligned.append(np.broadcast_to(view, (*full, *view.shape[lead:])))
    return aligned


def _is_single(view: Array, lead: int) -> bool:
    return all(size == 1 for size in view.shape[:lead])
