"""Constants in rewrites: what a value is known to be, and constants made from others, without touching bytes."""

from collections.abc import Sequence
from math import prod

import numpy as np
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, SSAValue

from dialects.aic import DenseAttr, WeightAttr
from dialects.element_types import stored_dtype
from dialects.graph.base import Tensor, tensor_type
from dialects.graph.constant import ConstantOp
from dialects.graph.kernels import Array
from dialects.graph.regrouping import regroup
from dialects.indexing import Along
from dialects.quantized.types import UniformType
from dialects.weights import Box, WeightStore
from passes.quantization.scales import attach, reshaped_scale, transposed_scale, wanted_type
from passes.rewriting.permutations import moves_only_units, permuted

Constant = WeightAttr | DenseAttr


def constant_of(value: SSAValue) -> Constant | None:
    """The constant that the value is, if it is one."""
    owner = value.owner
    return owner.value if isinstance(owner, ConstantOp) else None


def uniform_value(value: SSAValue) -> float | int | bool | None:
    """The number that every element of the value is known to be: of an inline constant whose elements are equal."""
    constant = constant_of(value)
    if not isinstance(constant, DenseAttr):
        return None
    elements = constant.array().reshape(-1)
    if elements.size == 0 or not (elements == elements[0]).all():
        return None
    return elements[0].item()


def constant_like(old: SSAValue, constant: Constant) -> ConstantOp:
    """A constant that stands for one made from `old`, whose location and name it takes."""
    new = ConstantOp(constant)
    if isinstance(old.owner, ConstantOp):
        new.location = old.owner.location
    new.output.name_hint = old.name_hint
    return new


def moved_like(old: SSAValue, order: Sequence[int] | None, shape: Sequence[int], store: WeightStore) -> ConstantOp:
    """A constant read in another shape, and then with its dimensions permuted if there is an order. Its scales as
    integers go along.
    """
    constant, scale = constant_of(old), wanted_type(old)
    assert constant is not None
    if scale is not None:
        scale = reshaped_scale(scale, constant.type.get_shape(), shape)
    moved = reshaped(constant, shape)
    if order is not None:
        moved = transposed(moved, order, store)
        scale = scale and transposed_scale(scale, order)
    new = constant_like(old, moved)
    if scale is not None:
        attach(new.output, scale)
    return new


def reshaped(constant: Constant, shape: Sequence[int]) -> Constant:
    """The constant read in row-major order in another shape."""
    tensor = TensorType(constant.type.element_type, shape)
    if isinstance(constant, DenseAttr):
        return DenseAttr(constant.payload, tensor)
    return WeightAttr(constant.key, constant.permutation, tensor)


def transposed(constant: Constant, order: Sequence[int], store: WeightStore) -> Constant:
    """The constant with its dimensions permuted. A handle is given another permutation; only one whose stored array was
    regrouped by a reshape needs new bytes.
    """
    tensor = TensorType(constant.type.element_type, permuted(constant.type.get_shape(), order))
    if isinstance(constant, DenseAttr):
        return DenseAttr.of(constant.array().transpose(order), tensor)
    stored = store.stored_shape(constant.key.data)
    composed = _composed(stored, constant, order)
    if composed is None:
        return WeightAttr.of(store.add(store.seen_as(constant).transpose(order)), tensor)
    return WeightAttr.of(constant.key.data, tensor, () if moves_only_units(composed, stored) else composed)


def _composed(stored: tuple[int, ...], constant: WeightAttr, order: Sequence[int]) -> tuple[int, ...] | None:
    """Permutation of the stored dimensions that includes a further one of the handle's, or None if there is none.

    Dimensions of size 1 hold no positions: they go last.
    """
    view = constant.order or tuple(range(len(stored)))
    shape = constant.type.get_shape()
    sources = [d for d in view if stored[d] != 1]
    targets = [d for d, size in enumerate(shape) if size != 1]
    if [stored[d] for d in sources] != [shape[d] for d in targets]:
        return None
    source_of = dict(zip(targets, sources, strict=True))
    moved = [source_of[d] for d in order if d in source_of]
    return (*moved, *(d for d in range(len(stored)) if stored[d] == 1))


def columns_like(old: SSAValue, columns: range, store: WeightStore) -> ConstantOp:
    """Neighbouring positions of a constant's last dimension as a constant, with their scales as integers."""
    constant, scale = constant_of(old), wanted_type(old)
    assert constant is not None
    new = constant_like(old, columns_of(constant, columns, store))
    last = constant.type.get_num_dims() - 1
    if scale is not None and scale.channel_axis == last:
        scales, offsets = (columns_of(values, columns, store) for values in (scale.scales, scale.offsets))
        scale = UniformType.of_channels(last, scales, offsets, scale.bits)
    if scale is not None:
        attach(new.output, scale)
    return new


def columns_of(constant: Constant, columns: range, store: WeightStore) -> Constant:
    """Neighbouring positions of the constant's last dimension."""
    return part_of(constant, constant.type.get_num_dims() - 1, columns, store)


def part_of(constant: Constant, dim: int, positions: range, store: WeightStore) -> Constant:
    """Neighbouring positions along a dimension of a constant, with their scales where these go along that dimension. Of
    a handle, a box of what is stored; only one whose stored array was regrouped by a reshape needs new bytes.
    """
    if positions == range(constant.type.get_shape()[dim]):
        return constant
    shape = tuple(len(positions) if d == dim else size for d, size in enumerate(constant.type.get_shape()))
    tensor = TensorType(_element_of_part(constant.type.element_type, dim, positions, store), shape)
    taken = (*[slice(None)] * dim, slice(positions.start, positions.stop))
    if isinstance(constant, DenseAttr):
        return DenseAttr.of(constant.array()[taken], tensor)
    box = _stored_box(constant, dim, positions, store)
    if box is None:
        return WeightAttr.of(store.add(store.seen_as(constant)[taken]), tensor)
    return WeightAttr.of(store.add_section(constant.key.data, box), tensor, constant.order)


def _element_of_part(element: Attribute, dim: int, positions: range, store: WeightStore) -> Attribute:
    if not isinstance(element, UniformType) or element.channel_axis != dim:
        return element
    scales, offsets = (part_of(values, 0, positions, store) for values in (element.scales, element.offsets))
    return UniformType.of_channels(dim, scales, offsets, element.bits)


def _stored_box(constant: WeightAttr, dim: int, positions: range, store: WeightStore) -> Box | None:
    """The box of the stored array that is these positions of a handle's dimension; None where there is none."""
    stored = store.stored_shape(constant.key.data)
    order = constant.order or tuple(range(len(stored)))
    (accesses,) = regroup(tuple(stored[d] for d in order), constant.type.get_shape()).operands
    for d, access in zip(order, accesses, strict=True):
        if not isinstance(access, Along) or access.dim != dim:
            continue
        if positions.start % access.denominator or positions.stop % access.denominator:
            return None
        taken = access.interval(positions.start, positions.stop)
        return tuple(taken if other == d else (0, size) for other, size in enumerate(stored))
    return None


def retyped(constant: Constant, element: Attribute) -> Constant:
    """The constant converted to another element type; a handle converts what is stored."""
    tensor = TensorType(element, constant.type.get_shape())
    if isinstance(constant, DenseAttr):
        with np.errstate(over="ignore", invalid="ignore"):
            return DenseAttr.of(constant.array(), tensor)
    return WeightAttr(constant.key, constant.permutation, tensor)


def channel_vector(constant: Constant, axis: int, tensor: Tensor, store: WeightStore) -> Array | None:
    """The constant's values along dimension `axis` of `tensor`, to which it broadcasts, as float64 [channels].

    None when it varies along another dimension, or adds dimensions.
    """
    shape, full = constant.type.get_shape(), tensor.get_shape()
    offset = len(full) - len(shape)
    if offset < 0 or any(size != 1 for d, size in enumerate(shape) if d + offset != axis):
        return None
    values = store.held(constant).reshape(-1).astype(np.float64)
    return np.broadcast_to(values, (full[axis],))


def computed(values: Array, old: SSAValue, store: WeightStore) -> ConstantOp:
    """A constant of computed values in the element type of `old`, for which it stands."""
    return constant_like(old, store.constant(values.astype(stored_dtype(tensor_type(old).element_type))))


def element_count(constant: Constant) -> int:
    """Number of elements."""
    return prod(constant.type.get_shape())
