"""Inputs and outputs of a model: arguments and results of the function `@main`, known by the attribute `aic.name`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp, StringAttr, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, SSAValue

from dialects.element_types import stored_dtype
from dialects.errors import AicError
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


def main_function(module: ModuleOp) -> FuncOp:
    """The function `@main`. Raises AicError when the module has none."""
    for op in module.body.block.ops:
        if isinstance(op, FuncOp) and op.sym_name.data == "main":
            return op
    raise AicError("the module has no function @main")


def input_ports(function: FuncOp) -> tuple[Port, ...]:
    """Inputs of the model in order; an argument without a name is called by its position."""
    return _ports(function.body.block.args, function.arg_attrs)


def output_ports(function: FuncOp) -> tuple[Port, ...]:
    """Outputs of the model in order; a result without a name is called by its position."""
    terminator = function.body.block.last_op
    return _ports(terminator.operands if terminator else (), function.res_attrs)


def named(names: Sequence[str]) -> ArrayAttr[DictionaryAttr]:
    """Attributes of the arguments or results of `@main` that have these names."""
    return ArrayAttr([DictionaryAttr({NAME_ATTRIBUTE: StringAttr(name)}) for name in names])


def _ports(values: Sequence[SSAValue], attributes: ArrayAttr[DictionaryAttr] | None) -> tuple[Port, ...]:
    given = attributes.data if attributes is not None else ()
    names = [entry.data.get(NAME_ATTRIBUTE) for entry in given] or [None] * len(values)
    return tuple(
        Port(name.data if isinstance(name, StringAttr) else str(position), tensor_type(value))
        for position, (name, value) in enumerate(zip(names, values, strict=True))
    )
