"""Seeing every value that a network computes on the way, and which of those before it each is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue

from aic.interpreter.graph import GraphRunner
from aic.interpreter.parts import Mail, Running
from aic.interpreter.sharded import start_sharded
from aic.nsp.values import load_program
from aic.validation.levels import ConstantsOf, RunLevel, Runner, level_of, run_programs
from dialects import tile
from dialects.graph.channels import ReceiveOp, SendOp
from dialects.graph.kernels import Array
from dialects.graph.ports import output_ports
from dialects.module import cores_of, main_of, programs_of
from dialects.tile.boxes import Integers
from dialects.tile.buffers import TensorOp
from dialects.tile.instructions import ComputeOp, InstructionOp
from dialects.tile.transfers import TransferOp


@dataclass(frozen=True)
class TracedValue:
    """A tensor that an operation has computed, whole, and which of those before it it is made of."""

    op: Operation
    array: Array
    made_of: frozenset[int]


@dataclass
class Trace:
    """Every tensor that a network has computed for some inputs, in order, and which of them the outputs are."""

    values: list[TracedValue] = field(default_factory=list[TracedValue])
    outputs: dict[str, frozenset[int]] = field(default_factory=dict[str, frozenset[int]])


def traced(network: ModuleOp, inputs: Mapping[str, Array], constants: ConstantsOf | None = None) -> Trace:
    """The trace of a run; arguments and exceptions are those of `run_network`."""
    tracing = _Tracing(_sent(network))
    run_programs(network, inputs, lambda part, given, mail: tracing.start(part, given, mail, constants))
    return tracing.trace(list(programs_of(network)))


def traced_graph(runner: Runner, inputs: Mapping[str, Array]) -> Trace:
    """The values of a run of a graph, but not what they are made of."""
    trace = Trace()

    def observe(op: Operation, result: Array) -> None:
        trace.values.append(TracedValue(op, result, frozenset()))

    with np.errstate(all="ignore"):
        runner.run(inputs, observe)
    return trace


def _sent(network: ModuleOp) -> dict[SSAValue, SSAValue]:
    """What parts send, by what others get of it."""
    sent: dict[int, SSAValue] = {}
    got: dict[SSAValue, int] = {}
    for op in network.walk():
        match op:
            case SendOp():
                sent[op.channel.number.data] = op.input
            case tile.SendOp():
                sent[op.channel.number.data] = op.tensor
            case ReceiveOp():
                got[op.output] = op.channel.number.data
            case tile.ReceiveOp():
                got[op.tensor] = op.channel.number.data
            case _:
                pass
    return {value: sent[number] for value, number in got.items() if number in sent}


@dataclass
class _Tracing:
    """A run of a network's programs as it goes on."""

    sent: Mapping[SSAValue, SSAValue]
    ops: list[Operation] = field(default_factory=list[Operation])
    """What has computed something, by numbers in the order of execution."""
    sources: list[frozenset[int]] = field(default_factory=list[frozenset[int]])
    """What each has read."""
    tensors: dict[int, Array] = field(default_factory=dict[int, Array])
    """Results of operations on tensors."""
    written: dict[int, list[tuple[Integers, Array]]] = field(default_factory=dict[int, list[tuple[Integers, Array]]])
    """What instructions have written, on all cores."""
    made_of: dict[SSAValue, frozenset[int]] = field(default_factory=dict[SSAValue, frozenset[int]])
    """What tensors and buffers hold."""
    numbers: dict[ComputeOp, int] = field(default_factory=dict[ComputeOp, int])

    def start(self, part: ModuleOp, inputs: Mapping[str, Array], mail: Mail, constants: ConstantsOf | None) -> Running:
        """A program at work, and watched."""
        match level_of(part):
            case RunLevel.GRAPH:
                return GraphRunner(part).start(inputs, mail, self._see_tensor)
            case RunLevel.SHARDED:
                return start_sharded(part, inputs, mail, self._see_tensor)
            case RunLevel.TILE:
                return self._start_program(part, inputs, mail, constants)

    def _see_tensor(self, op: Operation, result: Array) -> None:
        made_of = frozenset[int]().union(*(self._held(value) for value in op.operands))
        self.made_of[op.results[0]] = frozenset([len(self.ops)])
        self.tensors[len(self.ops)] = result
        self.ops.append(op)
        self.sources.append(made_of)

    def _held(self, value: SSAValue) -> frozenset[int]:
        """What a value is made of, wherever it was computed."""
        while value in self.sent:
            value = self.sent[value]
        return self.made_of.get(value, frozenset())

    def _start_program(
        self, part: ModuleOp, inputs: Mapping[str, Array], mail: Mail, constants: ConstantsOf | None
    ) -> Running:
        def observe(instruction: InstructionOp, iteration: tuple[int, ...]) -> None:
            if isinstance(instruction, TransferOp):
                read = self._held(instruction.source)
                self.made_of[instruction.destination] = self.made_of.get(instruction.destination, frozenset()) | read
            if isinstance(instruction, ComputeOp):
                value, box = instruction.accesses()[-1]
                parts = program.plan.boxes(value, box, iteration, cores)
                self._see_instruction(instruction, value, [(low, view.copy()) for low, view in parts])

        cores = cores_of(part)
        program = load_program(part, constants and constants(part), observe, mail=mail)
        return program.start(inputs)

    def _see_instruction(self, op: ComputeOp, target: SSAValue, parts: Sequence[tuple[Integers, Array]]) -> None:
        """A run of an instruction, which is one value with its other runs."""
        if op not in self.numbers:
            self.numbers[op] = len(self.ops)
            self.ops.append(op)
            self.sources.append(frozenset())
        number = self.numbers[op]
        read = frozenset[int]().union(*(self._held(value) for value in op.operands[:-1]))
        self.sources[number] |= read - {number}
        self.made_of[target] = self.made_of.get(target, frozenset()) | {number}
        self.written.setdefault(number, []).extend(parts)

    def trace(self, parts: Sequence[ModuleOp]) -> Trace:
        """What has been seen when the programs have ended."""
        arrays = {**self.tensors, **{number: _assembled(written) for number, written in self.written.items()}}
        values = [TracedValue(op, arrays[number], self.sources[number]) for number, op in enumerate(self.ops)]
        return Trace(values, {name: self._held(value) for part in parts for name, value in _outputs(part)})


def _outputs(part: ModuleOp) -> list[tuple[str, SSAValue]]:
    main = main_of(part)
    if level_of(part) is RunLevel.TILE:
        tensors = [op for op in main.body.block.ops if isinstance(op, TensorOp) and op.role.data == "output"]
        return [(op.label.data, op.result) for op in tensors if op.label is not None]
    return [(port.name, value) for port, value in zip(output_ports(main), _returned(main), strict=True)]


def _returned(main: FuncOp) -> Sequence[SSAValue]:
    last = main.body.block.last_op
    return last.operands if isinstance(last, ReturnOp) else ()


def _assembled(parts: Sequence[tuple[Integers, Array]]) -> Array:
    """A tensor of its parts, each with the position of its first element."""
    if not parts:
        return np.zeros(0)
    shape = np.max([low + view.shape for low, view in parts], axis=0)
    whole = np.zeros(tuple(int(size) for size in shape), parts[0][1].dtype)
    for low, view in parts:
        whole[tuple(slice(int(a), int(a) + size) for a, size in zip(low, view.shape, strict=True))] = view
    return whole
