"""Running a module with the interpreter of its level, and seeing every value that it computes on the way."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, auto

import numpy as np
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue

from aic.interpreter.graph import GraphRunner, Observer
from aic.interpreter.sharded import run_sharded
from aic.nsp.values import load_program
from aic.nsp.values.memory import Constants
from aic.tensors import TensorInfo
from dialects.element_types import stored_dtype
from dialects.errors import AicError
from dialects.graph.kernels import Array
from dialects.graph.model import ModelOp
from dialects.graph.ports import input_ports, output_ports
from dialects.module import cores_of, main_of
from dialects.port_scales import port_scales_of
from dialects.tile.boxes import Integers
from dialects.tile.ops import ComputeOp, InstructionOp, TensorOp, TransferOp, type_of
from dialects.tile.reshard import ReshardOp, sharding_of


class RunLevel(StrEnum):
    """Which interpreter runs a module."""

    GRAPH = auto()
    SHARDED = auto()
    TILE = auto()


def level_of(module: ModuleOp) -> RunLevel:
    """The level of a module. Raises AicError when it has no `@main`, or only names a network."""
    block = main_of(module).body.block
    for op in block.ops:
        if isinstance(op, ModelOp):
            raise AicError(f"{op.name} {op.file}: the network is not imported yet, nothing can run")
        if isinstance(op, TensorOp | InstructionOp):
            return RunLevel.TILE
        if any(isinstance(value.type, TensorType) and sharding_of(value) is not None for value in op.results):
            return RunLevel.SHARDED
    return RunLevel.GRAPH


def inputs_of(module: ModuleOp) -> list[TensorInfo]:
    """What a module takes, at any level."""
    main, scales = main_of(module), port_scales_of(module)
    if level_of(module) is not RunLevel.TILE:
        return [TensorInfo.of_port(port, scales) for port in input_ports(main)]
    tensors = [op for op in main.body.block.ops if isinstance(op, TensorOp) and op.role.data == "input"]
    named = [(op.label.data, type_of(op.result)) for op in tensors if op.label is not None]
    return [TensorInfo.of(name, stored_dtype(kind.element_type), kind.get_shape(), scales) for name, kind in named]


def run_module(module: ModuleOp, inputs: Mapping[str, Array], constants: Constants | None = None) -> dict[str, Array]:
    """Outputs by name. Inputs are converted to the element types that the module takes.

    `constants` read those of a tile program that lie elsewhere than in the module's weight store. Raises AicError when
    the module cannot be run.
    """
    given = converted(module, inputs)
    with np.errstate(all="ignore"):
        match level_of(module):
            case RunLevel.GRAPH:
                return GraphRunner(module).run(given)
            case RunLevel.SHARDED:
                return run_sharded(module, given)
            case RunLevel.TILE:
                return load_program(module, constants).run(given)


def converted(module: ModuleOp, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The inputs in the element types that the module takes. Raises AicError where one is missing."""
    taken = inputs_of(module)
    missing = [tensor.name for tensor in taken if tensor.name not in inputs]
    if missing:
        raise AicError(f"missing inputs: {', '.join(map(repr, missing))}")
    return {tensor.name: np.asarray(inputs[tensor.name]).astype(tensor.dtype, copy=False) for tensor in taken}


@dataclass(frozen=True)
class TracedValue:
    """A tensor that an operation has computed, whole, and which of those before it it is made of."""

    op: Operation
    array: Array
    made_of: frozenset[int]


@dataclass
class Trace:
    """Every tensor that a module has computed for some inputs, in order, and which of them the outputs are."""

    values: list[TracedValue] = field(default_factory=list[TracedValue])
    outputs: dict[str, frozenset[int]] = field(default_factory=dict[str, frozenset[int]])


def traced(module: ModuleOp, inputs: Mapping[str, Array], constants: Constants | None = None) -> Trace:
    """The trace of a run; arguments and exceptions are those of `run_module`."""
    given, level = converted(module, inputs), level_of(module)
    with np.errstate(all="ignore"):
        if level is RunLevel.TILE:
            return _traced_program(module, given, constants)
        if level is RunLevel.SHARDED:
            return _traced_tensors(module, lambda observe: run_sharded(module, given, observe))
        return traced_graph(module, GraphRunner(module), given)


def traced_graph(module: ModuleOp, runner: GraphRunner, inputs: Mapping[str, Array]) -> Trace:
    """The trace of a run of a graph."""
    return _traced_tensors(module, lambda observe: runner.run(inputs, observe))


def _traced_tensors(module: ModuleOp, run: Callable[[Observer], object]) -> Trace:
    """Of a module whose operations have tensors as results."""
    trace, numbers = Trace(), dict[SSAValue, int]()

    def observe(op: Operation, result: Array) -> None:
        made_of = frozenset(numbers[value] for value in op.operands if value in numbers)
        numbers[op.results[0]] = len(trace.values)
        trace.values.append(TracedValue(op, result, made_of))

    run(observe)
    main = main_of(module)
    for port, value in zip(output_ports(main), _returned(main), strict=True):
        trace.outputs[port.name] = frozenset([numbers[value]] if value in numbers else [])
    return trace


def _returned(main: FuncOp) -> Sequence[SSAValue]:
    last = main.body.block.last_op
    return last.operands if isinstance(last, ReturnOp) else ()


def _traced_program(module: ModuleOp, inputs: Mapping[str, Array], constants: Constants | None) -> Trace:
    """Of a tile program: what each instruction that computes has written, put together from its runs on all cores."""
    written: dict[ComputeOp, list[tuple[Integers, Array]]] = {}
    made_of: dict[SSAValue, frozenset[int]] = {}
    numbers: dict[ComputeOp, int] = {}
    sources: dict[ComputeOp, frozenset[int]] = {}

    def observe(instruction: InstructionOp, iteration: tuple[int, ...]) -> None:
        if isinstance(instruction, TransferOp):
            read = made_of.get(instruction.source, frozenset())
            made_of[instruction.destination] = made_of.get(instruction.destination, frozenset()) | read
        if not isinstance(instruction, ComputeOp):
            return
        number = numbers.setdefault(instruction, len(numbers))
        read = frozenset[int]().union(*(made_of.get(value, ()) for value in instruction.operands[:-1]))
        sources[instruction] = sources.get(instruction, frozenset()) | (read - {number})
        value, box = instruction.accesses()[-1]
        made_of[value] = made_of.get(value, frozenset()) | {number}
        parts = program.plan.boxes(value, box, iteration, cores)
        written.setdefault(instruction, []).extend((low, view.copy()) for low, view in parts)

    cores = cores_of(module)
    program = load_program(module, constants, observe)
    program.run(inputs)
    values = [TracedValue(op, _assembled(written[op]), sources[op]) for op in numbers]
    results = {label: made_of.get(tensor, frozenset()) for label, tensor in _outputs(module)}
    return Trace(values, results)


def _outputs(module: ModuleOp) -> list[tuple[str, SSAValue]]:
    tensors = [op for op in main_of(module).body.block.ops if isinstance(op, TensorOp) and op.role.data == "output"]
    return [(op.label.data, op.result) for op in tensors if op.label is not None]


def _assembled(parts: Sequence[tuple[Integers, Array]]) -> Array:
    """A tensor of its parts, each with the position of its first element."""
    if not parts:
        return np.zeros(0)
    shape = np.max([low + view.shape for low, view in parts], axis=0)
    whole = np.zeros(tuple(int(size) for size in shape), parts[0][1].dtype)
    for low, view in parts:
        whole[tuple(slice(int(a), int(a) + size) for a, size in zip(low, view.shape, strict=True))] = view
    return whole


def unsharded(module: ModuleOp) -> ModuleOp:
    """The graph that a sharded module was made of, for the graph's interpreter: operations as they are, no reshards."""
    graph = module.clone()
    for op in list(main_of(graph).body.block.ops):
        if isinstance(op, ReshardOp):
            op.output.replace_all_uses_with(op.input)
            op.detach()
            op.erase()
    return graph
