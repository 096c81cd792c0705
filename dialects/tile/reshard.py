"""`tile.reshard`: the explicit change of where a sharded tensor lies; and the shardings of tensor types."""

from collections.abc import Sequence
from typing import Self, cast

from xdsl.dialects.builtin import FloatAttr, TensorType, f64
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from dialects.tile.attributes import ShardingAttr
from dialects.tile.sharding import Sharding

Tensor = TensorType[Attribute]


def sharded(tensor: Tensor, sharding: Sharding) -> Tensor:
    """The tensor type with that sharding as its encoding."""
    return TensorType(tensor.element_type, tensor.shape, ShardingAttr(sharding))


def sharding_of(value: SSAValue | Tensor) -> Sharding | None:
    """The sharding of a value or tensor type; None when it has none."""
    tensor = value.type if isinstance(value, SSAValue) else value
    encoding = tensor.encoding if isinstance(tensor, TensorType) else None
    return encoding.data if isinstance(encoding, ShardingAttr) else None


@irdl_op_definition
class ReshardOp(IRDLOperation):
    """The same tensor, held elsewhere: between DDR and the cores' VTCM (load, multicast, store), or between cores
    (exchange).

    Positions of the result's windows outside the tensor become `fill`; without it they must never be read.
    """

    name = "tile.reshard"

    input = operand_def(TensorType)
    """The tensor where it is held now."""
    output = result_def(TensorType)
    fill = opt_prop_def(FloatAttr)
    """Value of the padding."""

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` type($input) `to` type($output)"

    @classmethod
    def of(cls, value: SSAValue, sharding: Sharding, fill: float | None = None) -> Self:
        """Reshard of a value."""
        return cls.create(
            operands=[value],
            result_types=[sharded(cast(Tensor, value.type), sharding)],
            properties={} if fill is None else {"fill": FloatAttr(fill, f64)},
        )

    def verify_(self) -> None:
        source, result = cast(Tensor, self.input.type), self.output.type
        if source.get_shape() != result.get_shape() or source.element_type != result.element_type:
            raise VerifyException(f"tile.reshard: {source} to {result} changes more than the sharding")
        if sharding_of(source) is None:
            raise VerifyException(f"tile.reshard: input {source} has no sharding")
        target = sharding_of(result)
        if target is None:
            raise VerifyException(f"tile.reshard: result {result} has no sharding")
        problem = sharding_problem(target, result.get_shape())
        if problem:
            raise VerifyException(f"tile.reshard: {problem}")


def sharding_problem(sharding: Sharding, shape: Sequence[int]) -> str | None:
    """Why a sharding does not fit a tensor of that shape; None when it does."""
    if sharding.home == "ddr":
        return None
    if len(sharding.splits) != len(shape):
        return f"{len(sharding.splits)} splits for {len(shape)} dimensions"
    axes = [split.axis for split in sharding.splits if split.axis is not None]
    if len(set(axes)) != len(axes):
        return "two dimensions on one mesh axis"
    for d, (split, size) in enumerate(zip(sharding.splits, shape, strict=True)):
        if split.axis is None:
            continue
        if split.axis >= len(sharding.mesh):
            return f"dimension {d} lies on axis {split.axis} of a mesh with {len(sharding.mesh)}"
        if not split.has_halo and split.block * sharding.mesh[split.axis] < size:
            return f"dimension {d}: {sharding.mesh[split.axis]} blocks of {split.block} do not cover {size}"
    return None
