"""Statistics of the channels of a tensor, which are its last dimension, and what they say about sums of products."""

from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue

from dialects.graph.base import integers, tensor_type
from dialects.graph.contraction import ConvOp, MatmulOp
from passes.rewriting.constants import constant_of

Doubles: TypeAlias = npt.NDArray[np.float64]


@dataclass(eq=False)
class ChannelMeans:
    """Means of the channels of a tensor over inferences, whose batches may differ."""

    sums: Doubles
    count: int = 0

    @classmethod
    def empty(cls, channels: int) -> Self:
        """Of no values."""
        return cls(np.zeros(channels))

    def add(self, values: npt.NDArray[np.floating]) -> None:
        """Counts values [.., channels]."""
        rows = values.reshape(-1, self.sums.size)
        self.sums = self.sums + rows.sum(axis=0, dtype=np.float64)
        self.count += len(rows)

    @property
    def means(self) -> Doubles:
        """fp32 numbers [channels]; zero of no values."""
        return (self.sums / max(self.count, 1)).astype(np.float32).astype(np.float64)


def values_with_means(function: FuncOp) -> list[SSAValue]:
    """What convolutions and matrix products with constant weights read."""
    found = [
        op.operands[0]
        for op in function.body.block.ops
        if isinstance(op, ConvOp | MatmulOp) and has_one_weight(op) and constant_of(op.operands[1]) is not None
    ]
    return list(dict.fromkeys(found))


def has_one_weight(op: ConvOp | MatmulOp) -> bool:
    """Whether all of a contraction's operand meets the same weight, not each matrix of a batch another one."""
    return isinstance(op, ConvOp) or tensor_type(op.rhs).get_num_dims() == 2


def mean_product(op: ConvOp | MatmulOp, means: Doubles, weight: Doubles) -> Doubles:
    """The mean [features] of a contraction's result with another weight, where its operand has channels of these means.

    A position of the window counts as often as it lies in the image: zeros are read elsewhere.
    """
    groups = op.groups if isinstance(op, ConvOp) else 1
    depth, features = weight.shape[-2:]
    windows = weight.reshape(-1, depth, features)
    if isinstance(op, ConvOp):
        windows = windows * _inside(op).reshape(-1, 1, 1)
    per_group = windows.sum(axis=0).reshape(depth, groups, -1)
    return (per_group * means.reshape(groups, depth).T[:, :, None]).sum(axis=0).reshape(-1)


def _inside(op: ConvOp) -> Doubles:
    """Of every position of a convolution's window, the share of places where it lies in the image [rows, columns]."""
    strides, dilations, pads = map(integers, (op.strides, op.dilations, op.pads))
    sizes, places = tensor_type(op.input).get_shape()[1:3], op.result_type.get_shape()[1:3]
    shares: list[Doubles] = []
    for d, taps in enumerate(tensor_type(op.weight).get_shape()[:2]):
        read = np.arange(places[d]) * strides[d] - pads[d] + np.arange(taps)[:, None] * dilations[d]
        shares.append(((read >= 0) & (read < sizes[d])).mean(axis=1))
    rows, columns = shares
    return rows[:, None] * columns
