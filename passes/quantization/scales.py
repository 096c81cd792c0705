"""Scales that values are to have as integers, as attributes of what makes the values.

`quantized.as = !quantized.uniform<..>` on an op is for its result, on an argument of the function for that.

A model that arrives quantized has them from the start: where it turns numbers to integers and back, they are limited to
what the integers can mean, by a `graph.clip` that has the attribute; its weights are constants that have it.
"""

from collections.abc import Sequence
from math import prod
from typing import cast

from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, BlockArgument, Operation, SSAValue

from dialects.graph.constant import ConstantOp
from dialects.module import programs_of
from dialects.quantized.types import UniformType

AS = "quantized.as"
"""Name of the attribute."""


def wanted_type(value: SSAValue) -> UniformType | None:
    """The type that a value has as integers, if that is known."""
    if isinstance(value, BlockArgument):
        function = value.owner.parent_op()
        wanted = _of_argument(function, value.index) if isinstance(function, FuncOp) else None
    else:
        wanted = cast(Operation, value.owner).attributes.get(AS)
    return wanted if isinstance(wanted, UniformType) else None


def attach(value: SSAValue, wanted: UniformType) -> None:
    """Says which type a value has as integers."""
    if not isinstance(value, BlockArgument):
        cast(Operation, value.owner).attributes[AS] = wanted
        return
    function = value.owner.parent_op()
    assert isinstance(function, FuncOp)
    _set_argument(function, value.index, {**_entries(function)[value.index].data, AS: wanted})


def is_quantized(module: ModuleOp) -> bool:
    """Whether values of a network have scales; constants alone, which are just kept in few bits, do not count."""
    functions = [
        op
        for program in programs_of(module)
        for op in program.body.block.ops
        if isinstance(op, FuncOp) and op.body.blocks
    ]
    return any(
        any(AS in entry.data for entry in _entries(function))
        or any(AS in op.attributes for op in function.body.block.ops if not isinstance(op, ConstantOp))
        for function in functions
    )


def transposed_scale(scale: UniformType, order: Sequence[int]) -> UniformType:
    """The scale of a tensor whose dimensions are permuted: dimension d of the result is dimension order[d] of it."""
    axis = scale.channel_axis
    return scale if axis is None else _along(scale, list(order).index(axis))


def reshaped_scale(scale: UniformType, source: Sequence[int], target: Sequence[int]) -> UniformType | None:
    """The scale of a tensor that is read in another shape; None where the channels do not stay one dimension."""
    axis = scale.channel_axis
    if axis is None:
        return scale
    before = prod(source[:axis])
    places = [d for d, size in enumerate(target) if size == source[axis] and prod(target[:d]) == before]
    return _along(scale, places[0]) if places else None


def _along(scale: UniformType, axis: int) -> UniformType:
    return UniformType.of_channels(axis, scale.scales, scale.offsets, scale.bits)


def detach_all(function: FuncOp) -> None:
    """Forgets the types of all values of a function."""
    for op in function.body.block.ops:
        op.attributes.pop(AS, None)
    for index, entry in enumerate(_entries(function)):
        if AS in entry.data:
            _set_argument(function, index, {name: value for name, value in entry.data.items() if name != AS})


def _of_argument(function: FuncOp, index: int) -> Attribute | None:
    return _entries(function)[index].data.get(AS)


def _entries(function: FuncOp) -> list[DictionaryAttr]:
    given = function.arg_attrs
    return list(given.data) if given is not None else [DictionaryAttr({})] * len(function.body.block.args)


def _set_argument(function: FuncOp, index: int, entry: dict[str, Attribute]) -> None:
    entries = _entries(function)
    entries[index] = DictionaryAttr(entry)
    function.arg_attrs = ArrayAttr(entries)
