"""From a model to a module: inputs with static shapes, constants, nodes, outputs."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
from xdsl.dialects.builtin import ModuleOp, StringAttr, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Region, SSAValue

from aic.importer.builder import Builder, Value
from aic.importer.conversion import MISSING, Context, Conversion, Scope
from aic.importer.functions import normalized, opset_versions
from aic.importer.intermediate import tensors_asked_for
from aic.importer.model_file import read_model
from aic.importer.problems import ImportFailure, Unsupported
from aic.importer.symbols import bind_shapes, replaced_batch
from aic.importer.tensors import TensorReader, onnx_element
from dialects.errors import in_lines
from dialects.graph.base import GraphOp
from dialects.graph.constant import ConstantOp
from dialects.graph.locations import model_location, tensor_name
from dialects.graph.ports import named
from dialects.module import main_of
from dialects.weights import STORE_ATTRIBUTE, WeightStore, create_store
from passes.quantization.scales import detach_all, is_quantized


def import_model(
    path: str | os.PathLike[str],
    *,
    symbols: Mapping[str, int] | None = None,
    batch_size: int | None = None,
    intermediate: Sequence[str] = (),
    weights_dir: str | None = None,
) -> ModuleOp:
    """Module of the graph dialect that computes what the model in a file computes.

    Args:
        path: `.onnx`, or text (`.onnxtxt`). External data is found next to it, and is mapped, not read.
        symbols: values of symbolic dimensions.
        batch_size: first dimension of inputs where it is not a number, or the same number in all of them.
        intermediate: tensors of the graph that are outputs too, by their names or as `node:index`.
        weights_dir: name of the weight store (`dialects.weights`), by default the model's path with `.weights` added.

    Raises: ImportFailure: the model is not readable, not complete, or not supported. Every problem of the first kind
    that is found is listed.
    """
    (module,) = import_each(
        path, {"": symbols or {}}, batch_size=batch_size, intermediate=intermediate, weights_dir=weights_dir
    )
    return module


def import_each(
    path: str | os.PathLike[str],
    specializations: Mapping[str, Mapping[str, int]],
    *,
    batch_size: int | None = None,
    intermediate: Sequence[str] = (),
    weights_dir: str | None = None,
) -> list[ModuleOp]:
    """As `import_model`, once for the symbols of each specialization, which are known by names. All modules share one
    weight store, and in it the model's tensors.

    Raises ImportFailure as `import_model`, for all specializations at once: what is wrong with only some names them.
    """
    file = Path(path)
    model = read_model(file)
    store = create_store(weights_dir if weights_dir is not None else f"{file}.weights")
    reader = TensorReader(store, file.parent, file)
    modules: list[ModuleOp] = []
    failed: dict[str, list[str]] = {}
    for name, symbols in specializations.items():
        try:
            modules.append(_imported(model, reader, symbols, batch_size, intermediate))
        except ImportFailure as failure:
            failed.setdefault(str(failure), []).append(name)
    if failed:
        raise ImportFailure(f"{file}:" + in_lines(_of_specializations(failed, len(specializations))))
    return modules


def _of_specializations(failed: Mapping[str, Sequence[str]], count: int) -> list[str]:
    """What is wrong, and with which of so many specializations where it is not all."""
    return [problem if len(names) == count else f"{', '.join(names)}: {problem}" for problem, names in failed.items()]


def import_proto(
    model: onnx.ModelProto,
    *,
    symbols: Mapping[str, int] | None = None,
    batch_size: int | None = None,
    intermediate: Sequence[str] = (),
    weights_dir: str = "model.weights",
    folder: str | os.PathLike[str] = ".",
) -> ModuleOp:
    """As `import_model`, for a model in memory; external data is found in `folder`."""
    reader = TensorReader(create_store(weights_dir), Path(folder), None)
    return _imported(model, reader, symbols or {}, batch_size, intermediate)


def _imported(
    model: onnx.ModelProto,
    reader: TensorReader,
    symbols: Mapping[str, int],
    batch_size: int | None,
    intermediate: Sequence[str],
) -> ModuleOp:
    graph = model.graph
    results = [output.name for output in graph.output] + tensors_asked_for(graph, intermediate)
    inputs = _inputs(graph)
    types = _input_types(inputs, symbols, batch_size)
    block = Block(arg_types=types)
    functions = {(normalized(function.domain), function.name): function for function in model.functions}
    replaced = replaced_batch(inputs, batch_size)
    rebatched = None if replaced is None or batch_size is None else (replaced, batch_size)
    conversion = Conversion(Builder(reader, block, rebatched), functions)
    scope: Scope = {}
    conversion.add_initializers(graph, scope)
    for info, argument in zip(inputs, block.args, strict=True):
        argument.name_hint, argument.location = _name_hint(info.name), model_location(info.name)
        scope[info.name] = Value(types[argument.index], argument)
    conversion.convert_nodes(graph.node, scope, Context(opset_versions(model.opset_import)))
    missing = [name for name in results if name not in scope]
    conversion.problems.dangling += [f"output {name!r} is made by no node" for name in missing]
    conversion.problems.raise_if_any()
    outputs = [_output(conversion.builder, scope, name) for name in results]
    block.add_op(ReturnOp(*outputs))
    _tidy(block)
    module = _module([value.name for value in inputs], results, block, reader.store)
    if not is_quantized(module):
        detach_all(main_of(module))
    return module


def _inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
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


def _input_types(
    inputs: Sequence[onnx.ValueInfoProto], symbols: Mapping[str, int], batch_size: int | None
) -> list[TensorType[Attribute]]:
    shapes = bind_shapes(inputs, symbols, batch_size)
    try:
        return [TensorType(onnx_element(value.type.tensor_type.elem_type), shapes[value.name]) for value in inputs]
    except Unsupported as reason:
        raise ImportFailure(f"inputs: {reason}") from None


def _output(builder: Builder, scope: Scope, name: str) -> SSAValue:
    value = scope[name]
    assert value is not MISSING
    return builder.ssa(value)


def _tidy(block: Block) -> None:
    """Removes ops that nothing uses, and names the results of the others."""
    for op in reversed(list(block.ops)):
        if not isinstance(op, GraphOp | ConstantOp):
            continue
        if op.output.first_use is None:
            block.erase_op(op)
        else:
            op.output.name_hint = _name_hint(tensor_name(op))


def _name_hint(name: str) -> str | None:
    """A name as MLIR allows it for values."""
    hint = re.sub(r"[^A-Za-z0-9_$.-]+", "_", name).strip("_.-$")
    if not hint:
        return None
    return f"v{hint}" if hint[0].isdigit() else hint


def _module(inputs: Sequence[str], outputs: Sequence[str], block: Block, store: WeightStore) -> ModuleOp:
    terminator = block.last_op
    assert terminator is not None
    function = FuncOp(
        "main",
        ([argument.type for argument in block.args], [operand.type for operand in terminator.operands]),
        Region(block),
        arg_attrs=named(inputs),
        res_attrs=named(outputs),
    )
    return ModuleOp([function], attributes={STORE_ATTRIBUTE: StringAttr(store.folder)})
