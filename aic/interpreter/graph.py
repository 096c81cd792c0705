"""Runs modules of the graph dialect with NumPy: the reference that every lower level is compared with.

Inputs and outputs are known by name (`dialects.graph.ports`) and come and go in their stored dtype.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Attribute, Operation, SSAValue

from aic.interpreter.parts import Mail, Running, run_parts
from dialects.channels import ChannelAttr
from dialects.element_types import held_dtype
from dialects.errors import AicError
from dialects.graph.base import GraphOp
from dialects.graph.channels import ReceiveOp, SendOp
from dialects.graph.constant import ConstantOp
from dialects.graph.evaluation import kernel_arguments
from dialects.graph.kernels import Array, Kernel
from dialects.graph.ports import Port, input_ports, output_ports
from dialects.graph.properties import Arguments
from dialects.module import main_of
from dialects.rounding import round_to
from dialects.weights import WeightStore, store_of

Observer: TypeAlias = Callable[[Operation, Array], None]
"""Sees every op with its result, as interpreters hold it (f16 in float32), in the order of execution."""

Alteration: TypeAlias = Callable[[GraphOp | ConstantOp, Array], Array]
"""What is to stand in place of an op's result, or of a constant."""


@dataclass(frozen=True)
class _Step:
    """One op, ready to run: where its operands lie, where its result goes, and which values nobody needs afterwards."""

    op: GraphOp
    kernel: Kernel
    arguments: Arguments
    operands: tuple[int, ...]
    result: int
    rounds_to: Attribute | None
    last_uses: tuple[int, ...]


@dataclass(frozen=True)
class _Send:
    channel: ChannelAttr
    value: int


@dataclass(frozen=True)
class _Receive:
    channel: ChannelAttr
    result: int


class GraphRunner:
    """A module made ready to run many times: constants are read once, order and lifetimes are fixed."""

    def __init__(self, module: ModuleOp):
        """Raises AicError when the module has no `@main`, an op of another dialect, or a constant that is not there."""
        function = main_of(module)
        self.inputs = input_ports(function)
        self.outputs = output_ports(function)
        self._constants: dict[int, Array] = {}
        self._constant_ops: dict[int, ConstantOp] = {}
        self._slots: dict[SSAValue, int] = {}
        self._steps: list[_Step | _Send | _Receive] = []
        self._results: tuple[int, ...] = ()
        for argument in function.body.block.args:
            self._slot(argument)
        store = store_of(module)
        operations = list(function.body.block.ops)
        ends = _last_uses(operations)
        for op in operations:
            self._plan(op, store, ends)

    @property
    def constants(self) -> dict[SSAValue, Array]:
        """The constants as kernels take them."""
        return {op.output: self._constants[slot] for slot, op in self._constant_ops.items()}

    def _slot(self, value: SSAValue) -> int:
        return self._slots.setdefault(value, len(self._slots))

    def _plan(self, op: Operation, store: WeightStore, ends: Mapping[SSAValue, Operation]) -> None:
        match op:
            case ConstantOp():
                self._constant_ops[self._slot(op.output)] = op
                self._constants[self._slot(op.output)] = np.require(store.held(op.value), requirements=("C", "ALIGNED"))
            case GraphOp():
                done = tuple(
                    {self._slots[value] for value in op.operands if ends[value] is op} - self._constants.keys()
                )
                operands = tuple(self._slots[value] for value in op.operands)
                rounds_to = None if op.EXACT else op.result_type.element_type
                arguments = kernel_arguments(op)
                self._steps.append(_Step(op, op.kernel(), arguments, operands, self._slot(op.output), rounds_to, done))
            case ReceiveOp():
                self._steps.append(_Receive(op.channel, self._slot(op.output)))
            case SendOp():
                self._steps.append(_Send(op.channel, self._slots[op.input]))
            case ReturnOp():
                self._results = tuple(self._slots[value] for value in op.operands)
            case _:
                raise AicError(f"{op.name} is not an op of the graph dialect; the graph interpreter cannot run it")

    def run(
        self,
        inputs: Mapping[str, npt.NDArray[Any]],
        observe: Observer | None = None,
        alter: Alteration | None = None,
    ) -> dict[str, npt.NDArray[Any]]:
        """Outputs by name, in their stored dtype. `alter` alters every constant and every result before it is used.

        Raises AicError for an input that is missing, unknown, or of another shape or dtype, where data makes an op
        fail, and for a part of a network that waits for another one.
        """
        mail = Mail()
        return run_parts({"": self.start(inputs, mail, observe, alter)}, mail)

    def start(
        self,
        inputs: Mapping[str, npt.NDArray[Any]],
        mail: Mail,
        observe: Observer | None = None,
        alter: Alteration | None = None,
    ) -> Running:
        """The same as a part of a network, which waits for what others send."""
        check_inputs(self.inputs, inputs)
        values = dict(self._constants)
        if alter is not None:
            values = {slot: alter(self._constant_ops[slot], array) for slot, array in values.items()}
        for slot, port in enumerate(self.inputs):
            values[slot] = np.asarray(inputs[port.name]).astype(held_dtype(port.type.element_type), copy=False)
        for step in self._steps:
            if isinstance(step, _Send):
                mail.put(step.channel, values[step.value])
                continue
            if isinstance(step, _Receive):
                values[step.result] = yield from mail.awaited(step.channel)
                continue
            result = np.asarray(step.kernel(*[values[slot] for slot in step.operands], **step.arguments))
            if step.rounds_to is not None:
                result = round_to(result, step.rounds_to)
            if alter is not None:
                result = alter(step.op, result)
            values[step.result] = result
            if observe is not None:
                observe(step.op, result)
            for slot in step.last_uses:
                del values[slot]
        with np.errstate(over="ignore"):
            return {
                port.name: values[slot].astype(port.dtype)
                for port, slot in zip(self.outputs, self._results, strict=True)
            }


def _last_uses(operations: Sequence[Operation]) -> dict[SSAValue, Operation]:
    """The op that uses each value last."""
    return {value: op for op in operations for value in op.operands}


def check_inputs(ports: Sequence[Port], inputs: Mapping[str, npt.NDArray[Any]]) -> None:
    """Raises AicError, naming everything that is wrong, unless the inputs are what the ports say."""
    names = [port.name for port in ports]
    problems = [f"missing input {port.name!r} ({port.type})" for port in ports if port.name not in inputs]
    problems += [f"no input is named {name!r}{_nearest(name, names)}" for name in inputs if name not in names]
    for port in ports:
        if port.name not in inputs:
            continue
        array = np.asarray(inputs[port.name])
        if array.shape != port.type.get_shape() or array.dtype != port.dtype:
            problems.append(
                f"input {port.name!r} is {array.dtype} {list(array.shape)}; the model takes "
                f"{port.dtype} {list(port.type.get_shape())}"
            )
    if problems:
        raise AicError("; ".join(problems))


def _nearest(name: str, names: Sequence[str]) -> str:
    near = get_close_matches(name, names, n=3)
    return f", did you mean {' or '.join(map(repr, near))}?" if near else f"; there are {', '.join(names)}"


def run_graph(
    module: ModuleOp, inputs: Mapping[str, npt.NDArray[Any]], observe: Observer | None = None
) -> dict[str, npt.NDArray[Any]]:
    """Runs a module once; see `GraphRunner.run`."""
    return GraphRunner(module).run(inputs, observe)
