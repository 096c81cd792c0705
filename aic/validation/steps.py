"""Quantization, validated operation by operation, in steps between integers.

Outputs of a network before and after it was quantized say little: they differ by design, and by how much is the user's
choice. But an operation on integers stands for one on numbers, and what it must give is known: the latter's result on
the very numbers that its integers mean, rounded once. So the quantized network runs, and every operation of the network
before the pass is given what its successor has read. Their results may differ by

- half a step: the result is rounded;
- half a step of the sums of products, or of an 8-bit bias, for the rounding of biases;
- 2^-5 of a step, and some parts in 2^28 of the terms, for fp32 on the way to integers and multipliers of 31 bits.

Likewise an operation must read what it did before the pass: in integers half a step off, as far as these reach. What
lies beyond saturates, which may be meant, and is not held against a pass.

Which operation stands for which is told by source locations (`aic.successors`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Operation, SSAValue

from aic.interpreter.graph import GraphRunner
from aic.successors import Successors, first_of, operands_of
from aic.validation.comparison import NONE, Difference
from aic.validation.step_bounds import as_they_were, in_fp16, in_steps, narrows, steps_inside
from dialects.element_types import F16_MAX, is_float
from dialects.graph.base import GraphOp, tensor_type
from dialects.graph.constant import ConstantOp
from dialects.graph.evaluation import evaluate, kernel_arguments
from dialects.graph.kernels import Array
from dialects.module import main_of
from dialects.quantized.conversion import QuantizeOp, RequantizeOp
from dialects.quantized.meaning import numbers_meant
from dialects.quantized.parameters import Parameters
from dialects.quantized.types import UniformType
from dialects.weights import WeightStore, store_of
from passes.quantization.scales import wanted_type
from passes.quantization.settings import settings_of


@dataclass(frozen=True)
class Checked:
    """An operation of the network after the pass, and how far what it reads and makes is off."""

    op: Operation
    difference: Difference


def checked_operations(before: ModuleOp, after: ModuleOp, inputs: Mapping[str, Array]) -> Iterator[Checked]:
    """Every operation that stands for one of `before`, in order, and at last the return of the outputs.

    `before` is what `Marked` has kept of the module that the pass was given.
    """
    arrays: dict[SSAValue, Array] = {}
    with np.errstate(all="ignore"):
        runner = GraphRunner(after)
        runner.run(inputs, lambda op, result: arrays.__setitem__(op.results[0], result))
        ports = zip(main_of(after).body.block.args, runner.inputs, strict=True)
        arrays.update((argument, inputs[port.name]) for argument, port in ports)
        yield from _Comparison(before, after, arrays).checks()


@dataclass
class _Comparison:
    """The values of the network after the pass, and what they stand for."""

    before: ModuleOp
    after: ModuleOp
    arrays: Mapping[SSAValue, Array]
    """Values after the pass, as they were computed."""
    store: WeightStore = field(init=False)
    bias_bits: int = field(init=False)
    successors: Successors = field(init=False)
    numbers: dict[SSAValue, Array] = field(init=False, default_factory=dict[SSAValue, Array])
    """What the values before the pass have become."""

    def __post_init__(self) -> None:
        self.store, self.bias_bits = store_of(self.after), settings_of(self.before).bias_bits
        self.successors = Successors(self.after)

    def checks(self) -> Iterator[Checked]:
        """All of them."""
        block, own_block = (main_of(module).body.block for module in (self.before, self.after))
        self.numbers.update((value, self.arrays[own]) for value, own in zip(block.args, own_block.args, strict=True))
        for op in block.ops:
            if isinstance(op, ConstantOp):
                self.numbers[op.output] = _laid_out(self.store.held(op.value))
            elif isinstance(op, GraphOp):
                successor = self.successors.of(op)
                if successor is None:  # another one does its work
                    self.numbers[op.output] = _computed(op, [self.numbers[value] for value in op.operands])
                    continue
                yield Checked(successor, self._difference(op, successor))
                self.numbers[op.output] = self._standing_for(op.output, successor.output)
        returned, own_returned = block.last_op, own_block.last_op
        assert isinstance(returned, ReturnOp)
        assert isinstance(own_returned, ReturnOp)
        for value, own in zip(returned.operands, own_returned.operands, strict=True):
            yield Checked(own_returned, as_they_were(self.numbers[value], self._standing_for(value, own)))

    def _difference(self, op: GraphOp, successor: GraphOp) -> Difference:
        """How far what a successor reads and makes is off."""
        first = first_of(op, successor)
        operands, worst = [self.numbers[value] for value in first.operands], NONE
        for place, (value, own) in enumerate(zip(first.operands, operands_of(successor), strict=False)):
            found = self._standing_for(value, own)
            worst = worst.worse(self._of_operand(operands[place], found, value, own))
            operands[place] = _unclamped(operands[place], found)
        return worst.worse(self._of_result(first, op, successor, operands))

    def _of_operand(self, before: Array, found: Array, value: SSAValue, own: SSAValue) -> Difference:
        """How far an operand is off."""
        given, element = tensor_type(value).element_type, tensor_type(own).element_type
        if isinstance(element, UniformType) and is_float(given):
            return in_steps(before, found, element, self.store)
        wanted = wanted_type(own)
        if wanted is not None and isinstance(own.owner, ConstantOp):  # maybe limited to what it will be
            return in_steps(before, found, wanted, self.store, more=1.0)
        return in_fp16(before, found) if narrows(given, element) else as_they_were(before, found)

    def _of_result(self, first: GraphOp, last: GraphOp, successor: GraphOp, operands: Sequence[Array]) -> Difference:
        """How far a result is off that of `last`, which may read that of `first`, on what the successor has read."""
        found = self._standing_for(last.output, successor.output)
        given, element = last.result_type.element_type, tensor_type(successor.output).element_type
        if isinstance(element, UniformType) and is_float(given):
            result = _computed(first, operands)
            if first is not last:
                result = _computed(last, [result])
            more = steps_inside(successor, operands, element, self.store, self.bias_bits)
            return in_steps(result, found, element, self.store, more)
        if narrows(given, element):
            # As kernels do for fp16: near zero their own approximations count for more than the rounding.
            return in_fp16(_computed(last, operands, np.float32), found, successor)
        if isinstance(last, QuantizeOp) and isinstance(successor, RequantizeOp):  # it has read no numbers
            scaling = Parameters(last.scale.value.data, last.offset.value.data)
            port = UniformType.of(scaling, 8 * found.itemsize)
            return in_steps(operands[0], numbers_meant(found, port, self.store), port, self.store)
        return as_they_were(evaluate(last, operands), found)

    def _standing_for(self, value: SSAValue, own: SSAValue) -> Array:
        """A value after the pass as one from before it: where that was numbers, what integers mean."""
        element = tensor_type(own).element_type
        array = self.store.held(own.owner.value) if isinstance(own.owner, ConstantOp) else self.arrays[own]
        if isinstance(element, UniformType) and is_float(tensor_type(value).element_type):
            array = numbers_meant(array, element, self.store)
        return _laid_out(array)


def _unclamped(before: Array, found: Array) -> Array:
    """What an operation has read. Numbers beyond fp16, as those of masks of attention, count as what they were."""
    clamped = (np.abs(before) > F16_MAX) & (np.abs(found) >= F16_MAX)
    return np.where(clamped, before, found) if clamped.any() else found


def _laid_out(array: Array) -> Array:
    """As interpreters lay out constants: sums have the same bits then."""
    return np.require(array, requirements=("C", "ALIGNED"))


def _computed(op: GraphOp, operands: Sequence[Array], dtype: npt.DTypeLike = np.float64) -> Array:
    """The result of an operation, computed in floating point of one width and not rounded to another."""
    wide = [operand.astype(dtype, copy=False) if operand.dtype.kind == "f" else operand for operand in operands]
    return np.asarray(op.kernel()(*wide, **kernel_arguments(op)))
