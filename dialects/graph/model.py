"""`graph.model`: a network in a file that is not imported yet, and the open dimensions of its inputs.

Types of inputs with open dimensions are the only ones that are not static, and only such a network has them: what its
nodes compute of shapes is known when it is imported for given sizes.
"""

from collections.abc import Sequence
from typing import Self

from xdsl.dialects.builtin import ArrayAttr, StringAttr, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import IRDLOperation, ParsePropInAttrDict, irdl_op_definition, prop_def, var_operand_def

from dialects.errors import AicError
from dialects.graph.base import tensor_type

DIMENSIONS = "aic.dims"
"""Attribute of an argument of `@main`: names of its dimensions, empty for one that has none."""


@irdl_op_definition
class ModelOp(IRDLOperation):
    """The network in a file, on these inputs: `graph.model "bert.onnx"(%ids) : tensor<?x128xi64>`.

    It has no results: the file says what the outputs are, and the import of their types.
    """

    name = "graph.model"

    file = prop_def(StringAttr)
    """Path of the model."""
    inputs = var_operand_def(TensorType)
    """The model's inputs in their order."""
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$file `(` $inputs `)` attr-dict `:` type($inputs)"

    @classmethod
    def of(cls, file: str, inputs: Sequence[SSAValue]) -> Self:
        """The network in a file on these inputs."""
        return cls.create(operands=inputs, properties={"file": StringAttr(file)})


def dimension_names(main: FuncOp) -> list[tuple[str, ...]]:
    """Names of the dimensions of each argument, as many as it has; empty where a dimension has none. Raises AicError
    where `aic.dims` is anything else.
    """
    attributes = main.arg_attrs.data if main.arg_attrs is not None else ()
    given = [each.data.get(DIMENSIONS) for each in attributes] or [None] * len(main.body.block.args)
    return [_names(argument, names) for argument, names in zip(main.body.block.args, given, strict=True)]


def _names(argument: SSAValue, given: Attribute | None) -> tuple[str, ...]:
    rank = tensor_type(argument).get_num_dims()
    if given is None:
        return ("",) * rank
    names = [name.data for name in given.data if isinstance(name, StringAttr)] if isinstance(given, ArrayAttr) else []
    if len(names) != rank:
        raise AicError(f"{DIMENSIONS} = {given}: expected the names of the {rank} dimensions of {argument.type}")
    return tuple(names)
