"""A tile program, loaded and ready to run on arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from aic.nsp.values.memory import Constants
from aic.nsp.values.plan import Observer, Plan, make_plan
from dialects.element_types import stored_dtype
from dialects.errors import AicError
from dialects.graph.kernels import Array
from dialects.tile.ops import TensorOp, type_of
from dialects.weights import store_of


@dataclass(frozen=True)
class Program:
    """A program whose plan is made; `run` may be called any number of times."""

    plan: Plan

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs by name for inputs by name, in the types of the model. Raises AicError listing all inputs that do not
        fit.
        """
        check_inputs(self.plan.inputs, inputs)
        for tensor in self.plan.inputs:
            np.copyto(self.plan.memory[tensor.result].array, inputs[label_of(tensor)])
        with np.errstate(all="ignore"):
            for step in self.plan.steps:
                step()
        return {label_of(tensor): self._output(tensor) for tensor in self.plan.outputs}

    def _output(self, tensor: TensorOp) -> Array:
        dtype = stored_dtype(type_of(tensor.result).element_type)
        with np.errstate(over="ignore"):
            return self.plan.memory[tensor.result].array.astype(dtype)


def load_program(module: ModuleOp, constants: Constants | None = None, observe: Observer | None = None) -> Program:
    """Program of a tile module; constants come from the module's weight store unless given."""
    return Program(make_plan(module, constants or store_of(module).stored_bytes, observe))


def check_inputs(tensors: Sequence[TensorOp], inputs: Mapping[str, Array]) -> None:
    """Raises AicError listing all inputs that do not fit the network's input tensors."""
    problems = [problem for tensor in tensors if (problem := _problem(tensor, inputs))]
    unknown = inputs.keys() - {label_of(tensor) for tensor in tensors}
    problems += [f"{name}: the network has no such input" for name in sorted(unknown)]
    if problems:
        raise AicError("inputs do not fit: " + "; ".join(problems))


def label_of(tensor: TensorOp) -> str:
    """Name of the model's input or output that a tensor is."""
    return tensor.label.data if tensor.label is not None else ""


def _problem(tensor: TensorOp, inputs: Mapping[str, Array]) -> str | None:
    label, buffer = label_of(tensor), type_of(tensor.result)
    if label not in inputs:
        return f"{label}: missing"
    array, dtype = inputs[label], stored_dtype(buffer.element_type)
    if array.shape != buffer.get_shape() or array.dtype != dtype:
        return f"{label}: {array.dtype} {list(array.shape)} given, {dtype} {list(buffer.get_shape())} expected"
    return None
