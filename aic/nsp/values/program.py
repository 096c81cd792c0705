"""A tile program, loaded and ready to run on arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from aic.emission.memory import label_of
from aic.interpreter.parts import Mail, Running, run_parts
from aic.nsp.values.memory import Constants
from aic.nsp.values.plan import Blocks, Observer, Plan, make_plan
from dialects.element_types import stored_dtype
from dialects.errors import AicError
from dialects.graph.kernels import Array
from dialects.tile.buffers import TensorOp, type_of
from dialects.weights import store_of


@dataclass(frozen=True)
class Program:
    """A program whose plan is made; `run` may be called any number of times."""

    plan: Plan
    mail: Mail

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs by name for inputs by name, in the types of the model. Raises AicError listing all inputs that do not
        fit, and for a part of a network that waits for another one.
        """
        return run_parts({"": self.start(inputs)}, self.mail)

    def start(self, inputs: Mapping[str, Array]) -> Running:
        """The same as a part of a network, which waits for what others send."""
        plan = self.plan
        check_inputs(plan.inputs, inputs)
        for tensor in plan.inputs:
            np.copyto(plan.memory[tensor.result].array, inputs[label_of(tensor)])
        done = 0
        for arrival in plan.arrivals:
            self._go(done, arrival.step)
            done = arrival.step
            np.copyto(arrival.array, (yield from self.mail.awaited(arrival.channel)))
        self._go(done, len(plan.steps))
        return {label_of(tensor): self._output(tensor) for tensor in plan.outputs}

    def _go(self, first: int, end: int) -> None:
        """Runs steps."""
        with np.errstate(all="ignore"):
            for step in self.plan.steps[first:end]:
                step()

    def _output(self, tensor: TensorOp) -> Array:
        dtype = stored_dtype(type_of(tensor.result).element_type)
        with np.errstate(over="ignore"):
            return self.plan.memory[tensor.result].array.astype(dtype)


def load_program(
    module: ModuleOp,
    constants: Constants | None = None,
    observe: Observer | None = None,
    blocks: Blocks | None = None,
    mail: Mail | None = None,
) -> Program:
    """Program of a tile module; constants come from the module's weight store unless given.

    Programs that are given the same `blocks`, and constants that are the same arrays, hold what they share once. Parts
    of one network share their mail.
    """
    mail = mail or Mail()
    return Program(make_plan(module, constants or store_of(module).stored_bytes, mail, observe, blocks), mail)


def check_inputs(tensors: Sequence[TensorOp], inputs: Mapping[str, Array]) -> None:
    """Raises AicError listing all inputs that do not fit the network's input tensors."""
    problems = [problem for tensor in tensors if (problem := _problem(tensor, inputs))]
    unknown = inputs.keys() - {label_of(tensor) for tensor in tensors}
    problems += [f"{name}: the network has no such input" for name in sorted(unknown)]
    if problems:
        raise AicError("inputs do not fit: " + "; ".join(problems))


def _problem(tensor: TensorOp, inputs: Mapping[str, Array]) -> str | None:
    label, buffer = label_of(tensor), type_of(tensor.result)
    if label not in inputs:
        return f"{label}: missing"
    array, dtype = inputs[label], stored_dtype(buffer.element_type)
    if array.shape != buffer.get_shape() or array.dtype != dtype:
        return f"{label}: {array.dtype} {list(array.shape)} given, {dtype} {list(buffer.get_shape())} expected"
    return None
