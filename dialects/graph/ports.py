"""Inputs and outputs of a model: arguments and results of the function `@main`, known by the attribute `aic.name`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, StringAttr, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, SSAValue

from dialects.element_types import stored_dtype
from dialects.graph.base import tensor_type

NAME_ATTRIBUTE = "aic.name"
"""Attribute of an argument or result of `@main`: the name of the model's input or output."""


@dataclass(frozen=True)
class Port:
    """An input or output of the model."""

    name: str
    type: TensorType[Attribute]

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Element type of the arrays that users give and get."""
        return stored_dtype(self.type.element_type)


def input_ports(function: FuncOp) -> tuple[Port, ...]:
    """Inputs of the model in order; an argument without a name is called `input` and its position."""
    return _ports(function.body.block.args, function.arg_attrs, "input")


def output_ports(function: FuncOp) -> tuple[Port, ...]:
    """Outputs of the model in order; a result without a name is called `output` and its position."""
    terminator = function.body.block.last_op
    return _ports(terminator.operands if terminator else (), function.res_attrs, "output")


def named(names: Sequence[str]) -> ArrayAttr[DictionaryAttr]:
    """Attributes of the arguments or results of `@main` that have these names."""
    return ArrayAttr([DictionaryAttr({NAME_ATTRIBUTE: StringAttr(name)}) for name in names])


def _ports(values: Sequence[SSAValue], attributes: ArrayAttr[DictionaryAttr] | None, default: str) -> tuple[Port, ...]:
    given = attributes.data if attributes is not None else ()
    names = [entry.data.get(NAME_ATTRIBUTE) for entry in given] or [None] * len(values)
    return tuple(
        Port(name.data if isinstance(name, StringAttr) else f"{default}{position}", tensor_type(value))
        for position, (name, value) in enumerate(zip(names, values, strict=True))
    )
