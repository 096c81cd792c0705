"""What transposed convolutions in floating point and on integers share: their windows."""

from abc import ABC
from collections.abc import Mapping, Sequence
from math import prod
from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, TensorType
from xdsl.ir import Attribute
from xdsl.irdl import operand_def, prop_def
from xdsl.utils.exceptions import VerifyException

from dialects.graph.base import GraphOp, Tensor, integers, tensor_type
from dialects.graph.properties import Arguments, to_attribute
from dialects.graph.windows import channels_and_image
from dialects.indexing import Along, Indexing, Whole, scaled, transposed_window


class TransposedWindowsOp(GraphOp, ABC):
    """A transposed convolution: an input, a weight, and what has an entry per column. A subclass names its operands,
    these two first, so that they come in this order.
    """

    NEEDS_SHAPE: ClassVar[bool] = True

    input = operand_def(TensorType)
    weight = operand_def(TensorType)

    strides = prop_def(DenseArrayBase)
    """Of rows and columns."""
    dilations = prop_def(DenseArrayBase)
    """Of rows and columns."""
    pads = prop_def(DenseArrayBase)
    """Positions left out, or added where negative: rows before, columns before, rows after, columns after."""

    def transposed_shape(self) -> tuple[int, ...]:
        """Shape of the result. Raises VerifyException where the operands have none."""
        x, w = tensor_type(self.input), tensor_type(self.weight)
        n, *sizes = channels_and_image(self.name, x, w)
        strides, dilations, pads = map(integers, (self.strides, self.dilations, self.pads))
        if [len(strides), len(dilations), len(pads)] != [2, 2, 4] or min(*strides, *dilations) < 1:
            raise VerifyException(
                f"{self.name}: strides and dilations are 2 positive values, pads 4 values, "
                f"got {strides}, {dilations}, {pads}"
            )
        extents = [
            (size - 1) * strides[d] + dilations[d] * (w.get_shape()[d] - 1) + 1 - pads[d] - pads[d + 2]
            for d, size in enumerate(sizes)
        ]
        if min(*extents, *w.get_shape()[:2]) < 1:
            raise VerifyException(f"{self.name}: pads {pads} leave nothing of {x}")
        return (n, *extents, w.get_shape()[3])

    @classmethod
    def properties_of_call(
        cls, operands: Sequence[Tensor], result: Tensor, arguments: Mapping[str, Attribute]
    ) -> dict[str, Attribute]:
        """The kernel is told what is left out before; what is left out behind follows from the result."""
        properties = super().properties_of_call(operands, result, arguments)
        given = [properties.get(name) for name in ("strides", "dilations", "pads")]
        strides, dilations, before = (() if array is None else integers(array) for array in given)
        shapes = [each.get_shape() for each in (*operands[:2], result)]
        if [*map(len, shapes)] != [4, 4, 4] or not len(strides) == len(dilations) == len(before) == 2:
            return properties
        x, w, y = shapes
        behind = [(x[1 + d] - 1) * strides[d] + dilations[d] * (w[d] - 1) + 1 - before[d] - y[1 + d] for d in range(2)]
        return {**properties, "pads": to_attribute([*before, *behind])}

    def arguments(self) -> Arguments:
        arguments = super().arguments()
        return {**arguments, "pads": integers(self.pads)[:2]}

    def numpy_calls(self) -> int:
        """A convolution for each phase, which together have the window's positions."""
        kh, kw, *_ = tensor_type(self.weight).get_shape()
        extents = self.result_type.get_shape()[1:3]
        return prod(map(min, integers(self.strides), extents)) + kh * kw

    def workspace(self) -> int:
        """What lies under the window, for every position of a phase's result; or the operand with what it is padded
        by, far away as the result may lie.
        """
        n, rows, columns, _ = self.result_type.get_shape()
        down, across = integers(self.strides)
        patches = n * -(-rows // down) * -(-columns // across) * prod(tensor_type(self.weight).get_shape()[:3])
        return max(patches, n * self._padded(0) * self._padded(1) * tensor_type(self.input).get_shape()[3])

    def _padded(self, d: int) -> int:
        """Rows or columns of the operand, and those around it that the result's first or last position needs."""
        size, extent = (each.get_shape()[1 + d] for each in (tensor_type(self.input), self.result_type))
        kernel = tensor_type(self.weight).get_shape()[d]
        stride, dilation, cut = (integers(each)[d] for each in (self.strides, self.dilations, self.pads))
        low, high = (cut - dilation * (kernel - 1)) // stride, (cut + extent - 1) // stride
        return max(size, high + 1) - min(0, low)

    def local_arguments(self) -> Arguments:
        strides, pads = integers(self.strides), integers(self.pads)
        moved = tuple(pads[d] + strides[d] * access.before for d, access in enumerate(self._windows()))
        return {**self.arguments(), "pads": moved}

    def _windows(self) -> tuple[Along, Along]:
        """What rows and columns of the result need: a block is as many positions as the stride."""
        strides, dilations, pads = map(integers, (self.strides, self.dilations, self.pads))
        rows, columns = (
            transposed_window(1 + d, strides[d], dilations[d] * (size - 1), pads[d])
            for d, size in enumerate(tensor_type(self.weight).get_shape()[:2])
        )
        return rows, columns

    def indexing(self) -> Indexing:
        _, _, depth, features = tensor_type(self.weight).get_shape()
        groups = tensor_type(self.input).get_shape()[3] // depth
        channels = Whole() if groups == 1 else scaled(3, depth, features // groups)
        weight = (Whole(), Whole(), Whole(), Along(3))
        # A bias has its columns along its only dimension, a table along its last.
        others = ((*(Whole(),) * (other.get_num_dims() - 1), Along(3)) for other in self.operand_types[2:])
        strides = integers(self.strides)
        return Indexing(
            (1, strides[0], strides[1], 1 if groups == 1 else features // groups),
            ((Along(0), *self._windows(), channels), weight, *others),
        )
