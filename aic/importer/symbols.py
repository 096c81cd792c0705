"""A model as a network that is not imported yet, and the batch size in the shapes of its inputs."""

from collections.abc import Iterator, Mapping, Sequence

import onnx
from xdsl.dialects.builtin import DYNAMIC_INDEX, ArrayAttr, DictionaryAttr, ModuleOp, StringAttr, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Region

from aic.importer.problems import ImportFailure, Unsupported
from aic.importer.tensors import onnx_element
from dialects.graph.locations import model_location
from dialects.graph.model import DIMENSIONS, ModelOp
from dialects.graph.ports import NAME_ATTRIBUTE
from dialects.module import set_symbols


def open_model(
    graph: onnx.GraphProto, file: str, symbols: Mapping[str, int] | None = None, batch_size: int | None = None
) -> ModuleOp:
    """A module of the op `graph.model` on inputs whose dimensions are open where the model gives them no number.

    `symbols` are values that the module has as `aic.symbols`, and with them the batch size, as far as the first
    dimensions have symbols. It takes the place of a first dimension that has none.

    Raises ImportFailure for inputs that are no tensors, and where symbols or inputs contradict the batch size.
    """
    inputs = inputs_of(graph)
    symbols = symbols or {}
    firsts = {dims[0].dim_param for value in inputs if (dims := value.type.tensor_type.shape.dim) and dims[0].dim_param}
    if batch_size is not None:
        problems = [*_contradictions(symbols, firsts, batch_size), *_batch_problems(inputs, batch_size)]
        if problems:
            raise ImportFailure("; ".join(problems))
        symbols = {**dict.fromkeys(sorted(firsts), batch_size), **symbols}
    replaced = replaced_batch(inputs, batch_size)
    block = Block(arg_types=_types(inputs, batch_size, replaced))
    for value, argument in zip(inputs, block.args, strict=True):
        argument.location = model_location(value.name)
    block.add_ops([ModelOp.of(file, block.args), ReturnOp()])
    function = FuncOp(
        "main",
        ([argument.type for argument in block.args], []),
        Region(block),
        arg_attrs=ArrayAttr([_attributes(value) for value in inputs]),
    )
    module = ModuleOp([function])
    if symbols:
        set_symbols(module, symbols)
    return module


def inputs_of(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """Inputs proper: before IR version 4, constants are listed among the inputs.

    Raises ImportFailure for what is no tensor.
    """
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    wrong = [value.name for value in inputs if not value.type.HasField("tensor_type")]
    wrong += [
        value.name for value in inputs if value.name not in wrong and not value.type.tensor_type.HasField("shape")
    ]
    if wrong:
        raise ImportFailure(f"inputs without a tensor type of known rank: {', '.join(map(repr, wrong))}")
    return inputs


def _attributes(value: onnx.ValueInfoProto) -> DictionaryAttr:
    """Name of an input, and of its dimensions if some have one."""
    names = [dim.dim_param for dim in value.type.tensor_type.shape.dim]
    dimensions = {DIMENSIONS: ArrayAttr(map(StringAttr, names))} if any(names) else {}
    return DictionaryAttr({NAME_ATTRIBUTE: StringAttr(value.name), **dimensions})


def _types(
    inputs: Sequence[onnx.ValueInfoProto], batch_size: int | None, replaced: int | None
) -> list[TensorType[Attribute]]:
    problems: list[str] = []
    types: list[TensorType[Attribute]] = []
    for value in inputs:
        dims = value.type.tensor_type.shape.dim
        wrong = [position for position, dim in enumerate(dims) if dim.dim_value < 0]
        problems += [f"input {value.name!r}: dimension {position} is {dims[position].dim_value}" for position in wrong]
        sizes = [_size(position, dim, batch_size, replaced) for position, dim in enumerate(dims)]
        try:
            types.append(TensorType(onnx_element(value.type.tensor_type.elem_type), sizes))
        except Unsupported as reason:
            problems.append(f"inputs: {reason}")
    if problems:
        raise ImportFailure("; ".join(dict.fromkeys(problems)))
    return types


def _size(position: int, dim: onnx.TensorShapeProto.Dimension, batch_size: int | None, replaced: int | None) -> int:
    """The size of a dimension of an input; open where there is none."""
    if dim.HasField("dim_value"):
        is_batch = position == 0 and batch_size is not None and dim.dim_value == replaced
        return batch_size if is_batch and batch_size is not None else max(dim.dim_value, 0)
    if position == 0 and batch_size is not None and not dim.dim_param:
        return batch_size
    return DYNAMIC_INDEX


def _contradictions(symbols: Mapping[str, int], firsts: set[str], batch_size: int) -> Iterator[str]:
    for name in sorted(firsts & symbols.keys()):
        if symbols[name] != batch_size:
            yield f"symbol {name!r} is {symbols[name]}, but the batch size is {batch_size}"


def _batch_problems(inputs: Sequence[onnx.ValueInfoProto], batch_size: int) -> list[str]:
    if batch_size < 1:
        return [f"the batch size is {batch_size}; it must be positive"]
    shapes = {value.name: value.type.tensor_type.shape.dim for value in inputs}
    fixed = {name: dims[0].dim_value for name, dims in shapes.items() if dims and dims[0].HasField("dim_value")}
    free = [name for name, dims in shapes.items() if dims and not dims[0].HasField("dim_value")]
    if free or batch_size in fixed.values() or len(set(fixed.values())) <= 1:
        return []
    sizes = ", ".join(f"{name!r} {size}" for name, size in fixed.items())
    return [f"batch size {batch_size}, but the first dimensions of the inputs are no one batch size: {sizes}"]


def replaced_batch(inputs: Sequence[onnx.ValueInfoProto], batch_size: int | None) -> int | None:
    """The batch size that a model fixes as the first dimension of all its inputs, when another one is asked for."""
    firsts = [dims[0] for value in inputs if (dims := value.type.tensor_type.shape.dim)]
    sizes = {dim.dim_value if dim.HasField("dim_value") else None for dim in firsts}
    size = sizes.pop() if len(sizes) == 1 else None
    return size if size and batch_size is not None and size != batch_size else None
