"""Ops that change the number of positions along one dimension: `graph.resample` and `graph.interpolate`.

Both work in blocks: `pattern` has as many entries as a block of the result has positions, and block b begins at operand
position `step` * b. So they may be cut wherever a block ends, however large the image.
"""

from abc import abstractmethod
from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, TensorType, i64
from xdsl.irdl import irdl_op_definition, operand_def, prop_def
from xdsl.utils.exceptions import VerifyException

from dialects.graph.base import GraphOp, Tensor, check_axes, check_float, integers, tensor_type
from dialects.graph.movement import ShapedOp
from dialects.graph.properties import Arguments
from dialects.indexing import Access, Along, Indexing, Whole


class ResizeOp(GraphOp):
    """Position p of the result reads the first operand from position step * (p // n) + pattern[p % n] on, where n =
    len(pattern).

    Both count along `axis`; other dimensions stay.
    """

    axis = prop_def(IntegerAttr.constr(i64))
    step = prop_def(IntegerAttr.constr(i64))
    """Operand positions from one block to the next."""
    pattern = prop_def(DenseArrayBase)
    """Where in its block's part of the operand each position of a block begins to read; may be negative."""

    @property
    @abstractmethod
    def taps(self) -> int:
        """How many operand positions a position of the result reads."""

    def checked(self) -> Tensor:
        """The operand's type; raises VerifyException unless it has the axis and there is a pattern."""
        x = tensor_type(self.operands[0])
        check_axes(self.name, [self.axis.value.data], x)
        if not integers(self.pattern) or self.step.value.data < 0:
            raise VerifyException(f"{self.name}: pattern {integers(self.pattern)} with step {self.step.value.data}")
        return x

    def check_reads(self, x: Tensor, size: int) -> None:
        """Raises VerifyException unless so many positions of the result read inside of the operand."""
        starts, step = integers(self.pattern), self.step.value.data
        blocks, rest = divmod(size, len(starts))
        last = [start + step * (blocks if phase < rest else blocks - 1) for phase, start in enumerate(starts[:size])]
        if min(starts[:size], default=-1) < 0 or max(last) + self.taps > x.get_shape()[self.axis.value.data]:
            raise VerifyException(f"{self.name}: {size} positions by pattern {starts} leave the dimension of {x}")

    def with_size(self, x: Tensor, size: int) -> Tensor:
        """The operand's type with another size along the axis."""
        axis = self.axis.value.data
        return TensorType(x.element_type, [size if d == axis else other for d, other in enumerate(x.get_shape())])

    def numpy_calls(self) -> int:
        return min(len(integers(self.pattern)), self.result_type.get_shape()[self.axis.value.data]) * self.taps

    def local_arguments(self) -> Arguments:
        """On a core the operand begins with the first position that is read."""
        first = self._window().before
        return {**self.arguments(), "pattern": tuple(start + first for start in integers(self.pattern))}

    def _window(self) -> Along:
        starts, step = integers(self.pattern), self.step.value.data
        extent = max(starts) - min(starts) + self.taps
        return Along(self.axis.value.data, step, len(starts), before=-min(starts), extent=extent)

    def resized(self) -> tuple[tuple[int, ...], tuple[Access, ...]]:
        """Granularity of the result, and what is read of the input."""
        axis, rank = self.axis.value.data, self.result_type.get_num_dims()
        grains = tuple(len(integers(self.pattern)) if d == axis else 1 for d in range(rank))
        return grains, tuple(self._window() if d == axis else Along(d) for d in range(rank))


@irdl_op_definition
class ResampleOp(ResizeOp, ShapedOp):
    """Each position of the result is one of the operand, by the pattern; the result type says how many there are.

    ONNX: Resize and Upsample, mode nearest.
    """

    name = "graph.resample"
    EXACT: ClassVar[bool] = True
    KEEPS_SCALE: ClassVar[bool] = True

    @property
    def taps(self) -> int:
        return 1

    def infer(self) -> Tensor:
        x, axis = self.checked(), self.axis.value.data
        if self.result_type.get_num_dims() != x.get_num_dims():
            raise VerifyException(f"{self.name}: {x} does not become {self.result_type}")
        size = self.result_type.get_shape()[axis]
        self.check_reads(x, size)
        return self.with_size(x, size)

    def indexing(self) -> Indexing:
        grains, access = self.resized()
        return Indexing(grains, (access,))


@irdl_op_definition
class InterpolateOp(ResizeOp):
    """Each position of the result is a weighted sum of neighbouring positions. ONNX: Resize, modes linear and cubic.

    weights [positions of the result, neighbours]: those of neighbours outside of the operand are 0.
    """

    name = "graph.interpolate"

    input = operand_def(TensorType)
    weights = operand_def(TensorType)

    @property
    def taps(self) -> int:
        return tensor_type(self.weights).get_shape()[1]

    def infer(self) -> Tensor:
        x, weights = self.checked(), tensor_type(self.weights)
        check_float(self.name, x)
        if weights.get_num_dims() != 2 or weights.element_type != x.element_type or not weights.get_shape()[1]:
            raise VerifyException(f"{self.name}: weights {weights} for {x}; they are [positions, neighbours]")
        return self.with_size(x, weights.get_shape()[0])

    def verify_call(self) -> None:
        """What a graph reads outside of the operand, a core has as padding."""
        super().verify_call()
        self.check_reads(tensor_type(self.input), tensor_type(self.weights).get_shape()[0])

    def indexing(self) -> Indexing:
        grains, access = self.resized()
        return Indexing(grains, (access, (Along(self.axis.value.data), Whole())))


RESIZING_OPS: tuple[type[GraphOp], ...] = (ResampleOp, InterpolateOp)
