"""From a model to a module: inputs with static shapes, constants, nodes, outputs."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region, SSAValue

from aic.importer.builder import Builder, Value
from aic.importer.conversion import MISSING, Context, Conversion, Scope
from aic.importer.functions import normalized, opset_versions
from aic.importer.intermediate import tensors_asked_for
from aic.importer.model_file import read_model
from aic.importer.problems import ImportFailure
from aic.importer.symbols import inputs_of, open_model, replaced_batch
from aic.importer.tensors import TensorReader, onnx_element
from dialects import create_context
from dialects.errors import AicError, in_lines
from dialects.graph.base import GraphOp, Tensor, tensor_type
from dialects.graph.constant import ConstantOp
from dialects.graph.locations import model_location, tensor_name
from dialects.graph.model import ModelOp
from dialects.graph.ports import input_ports, named
from dialects.module import main_of, path_of, programs_of
from dialects.weights import STORE_ATTRIBUTE, create_store
from passes.quantization.scales import detach_all, is_quantized
from passes.specialization.shapes import of_some
from passes.specialize_symbols import SpecializeSymbolsPass


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
    model = Model.read(path)
    module = model.opened(symbols, batch_size)
    try:
        _close(module)
    except ImportFailure as failure:
        raise ImportFailure(f"{model.file}: {failure}") from failure
    import_opened(module, model, intermediate=intermediate, weights_dir=weights_dir)
    return module


@dataclass(frozen=True)
class Model:
    """A model that has been read from a file."""

    file: Path
    proto: onnx.ModelProto

    @staticmethod
    def read(path: str | os.PathLike[str]) -> "Model":
        """The model in a file. Raises ImportFailure when it is not readable."""
        return Model(Path(path), read_model(Path(path)))

    def opened(self, symbols: Mapping[str, int] | None = None, batch_size: int | None = None) -> ModuleOp:
        """The model as a network that is not imported yet. Arguments and exceptions are those of `open_model`."""
        try:
            return open_model(self.proto.graph, str(self.file), symbols, batch_size)
        except ImportFailure as failure:
            raise ImportFailure(f"{self.file}: {failure}") from failure


def import_opened(
    module: ModuleOp, model: Model | None = None, *, intermediate: Sequence[str] = (), weights_dir: str | None = None
) -> None:
    """Imports the model that the programs of a module name (`graph.model`), each for the sizes that its inputs have.
    All share one weight store, and in it the model's tensors.

    Args:
        module: programs of one model, whose inputs have no open dimensions.
        model: the model, where it has been read already.
        intermediate: as for `import_model`.
        weights_dir: as for `import_model`.

    Raises: ImportFailure: as `import_model`, for all programs at once: what is wrong with only some names them.
    """
    programs = list(programs_of(module))
    file = _file_of(programs)
    if model is None or str(model.file) != file:
        model = Model.read(file)
    store = create_store(weights_dir if weights_dir is not None else f"{file}.weights")
    reader = TensorReader(store, model.file.parent, model.file)
    failed: dict[str, list[str]] = {}
    for program in programs:
        try:
            _import(model.proto, reader, program, intermediate)
        except ImportFailure as failure:
            failed.setdefault(str(failure), []).append(path_of(program))
    if failed:
        raise ImportFailure(f"{file}:" + in_lines(of_some(failed, len(programs))))
    module.attributes[STORE_ATTRIBUTE] = StringAttr(store.folder)


def _file_of(programs: Sequence[ModuleOp]) -> str:
    """The file of the model that all programs name. Raises ImportFailure."""
    named = [op.file.data for program in programs for op in main_of(program).body.block.ops if isinstance(op, ModelOp)]
    if len(named) != len(programs) or len(set(named)) != 1:
        raise ImportFailure(f"{len(programs)} programs with {len(set(named))} models; each must name the same one")
    return named[0]


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
    module = open_model(model.graph, "", symbols, batch_size)
    _close(module)
    _import(model, reader, module, intermediate)
    module.attributes[STORE_ATTRIBUTE] = StringAttr(reader.store.folder)
    return module


def _close(module: ModuleOp) -> None:
    """Gives the inputs of an open network the sizes that its symbols say. Raises ImportFailure."""
    try:
        SpecializeSymbolsPass().apply(create_context(), module)
    except AicError as error:
        raise ImportFailure(f"{error} ({_HOW_TO_CLOSE})") from error


_HOW_TO_CLOSE = "-onnx-define-symbol=NAME,VALUE gives symbols values, -batchsize=VALUE first dimensions"


def _import(
    model: onnx.ModelProto,
    reader: TensorReader,
    module: ModuleOp,
    intermediate: Sequence[str],
) -> None:
    """Puts what a model computes in place of its name."""
    graph = model.graph
    results = [output.name for output in graph.output] + tensors_asked_for(graph, intermediate)
    inputs, opened = inputs_of(graph), main_of(module)
    _check_ports(inputs, opened)
    types = [tensor_type(argument) for argument in opened.body.block.args]
    block = Block(arg_types=types)
    functions = {(normalized(function.domain), function.name): function for function in model.functions}
    conversion = Conversion(Builder(reader, block, _rebatched(inputs, types)), functions)
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
    opened.detach()
    opened.erase()
    module.body.block.add_op(_function([value.name for value in inputs], results, block))
    if not is_quantized(module):
        detach_all(main_of(module))


def _check_ports(inputs: Sequence[onnx.ValueInfoProto], opened: FuncOp) -> None:
    """Raises ImportFailure unless a network that is not imported yet takes what the model takes, in known sizes."""
    ports = input_ports(opened)
    expected, given = [value.name for value in inputs], [port.name for port in ports]
    if expected != given:
        raise ImportFailure(f"inputs {', '.join(map(repr, given))}; the model has {', '.join(map(repr, expected))}")
    problems = [
        f"input {port.name!r} is {port.type}: {problem}"
        for value, port in zip(inputs, ports, strict=True)
        if (problem := _misfit(value.type.tensor_type, port.type))
    ]
    if problems:
        raise ImportFailure("; ".join(problems))


def _misfit(wanted: onnx.TypeProto.Tensor, given: Tensor) -> str | None:
    """Why a type is none that an input of the model can have."""
    if not given.has_static_shape():
        return "sizes are open"
    element, rank = onnx_element(wanted.elem_type), len(wanted.shape.dim)
    if (element, rank) != (given.element_type, given.get_num_dims()):
        return f"the model takes {rank} dimensions of {element}"
    return None


def _rebatched(inputs: Sequence[onnx.ValueInfoProto], types: Sequence[Tensor]) -> tuple[int, int] | None:
    """The batch size that the model fixes, and that which its inputs have, where they differ."""
    sizes = {type.get_shape()[0] for type in types if type.get_num_dims()}
    batch_size = sizes.pop() if len(sizes) == 1 else None
    replaced = replaced_batch(inputs, batch_size)
    return None if replaced is None or batch_size is None else (replaced, batch_size)


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


def _function(inputs: Sequence[str], outputs: Sequence[str], block: Block) -> FuncOp:
    terminator = block.last_op
    assert terminator is not None
    return FuncOp(
        "main",
        ([argument.type for argument in block.args], [operand.type for operand in terminator.operands]),
        Region(block),
        arg_attrs=named(inputs),
        res_attrs=named(outputs),
    )
