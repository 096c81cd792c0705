"""`fold-batch-norm`: batch normalizations, and products with one constant per channel, go into the weights before them.

A chain of batch normalizations and of sums, products and quotients with constants is one affine function per channel.
After a convolution or matrix product with constant weights, which nobody else reads, it becomes part of weights and
bias. Elsewhere a chain that starts with a batch normalization becomes one product and one sum.
"""

from dataclasses import dataclass
from dataclasses import replace as changed

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation, SSAValue

from dialects.aic import WeightAttr
from dialects.element_types import is_float
from dialects.graph.base import GraphOp, tensor_type
from dialects.graph.contraction import ContractionOp
from dialects.graph.elementwise import AddOp, BinaryOp, DivOp, MulOp, SubOp
from dialects.graph.kernels import Array
from dialects.graph.locations import location_of_both
from dialects.graph.normalization import BatchNormOp
from dialects.weights import KeyedArray, WeightStore, store_of
from dialects.workers import in_order
from passes.quantization.scales import wanted_type
from passes.rewriting.constants import Constant, channel_vector, computed, constant_like, constant_of
from passes.rewriting.patterns import erase_dead, only_user, replace
from passes.rewriting.permutations import inverse
from passes.rewriting.program_pass import ProgramPass


@dataclass(frozen=True)
class Affine:
    """y = scale x + shift, each a float64 vector of channels; `scales` says whether scale was ever given."""

    scale: Array
    shift: Array
    scales: bool = False

    def then_scaled(self, factor: Array) -> "Affine":
        """The function followed by a product."""
        return Affine(self.scale * factor, self.shift * factor, True)

    def then_shifted(self, term: Array) -> "Affine":
        """The function followed by a sum."""
        return changed(self, shift=self.shift + term)


def extended(affine: Affine, op: Operation, value: SSAValue, axis: int, store: WeightStore) -> Affine | None:
    """The function `affine` followed by `op`, or None if op is no affine function per channel of `value`."""
    match op:
        case BatchNormOp() if op.input is value and op.axis.value.data == axis:
            return _normalized(affine, op, store)
        case AddOp() | SubOp() | MulOp() | DivOp():
            return _combined(affine, op, value, axis, store)
        case _:
            return None


def _normalized(affine: Affine, op: BatchNormOp, store: WeightStore) -> Affine | None:
    constants = [constant_of(operand) for operand in op.operands[1:]]
    known = [store.held(constant).astype(np.float64) for constant in constants if constant is not None]
    if len(known) != 4:
        return None
    scale, bias, mean, variance = known
    factor = scale / np.sqrt(variance + op.epsilon.value.data)
    return affine.then_shifted(-mean).then_scaled(factor).then_shifted(bias)


def _combined(affine: Affine, op: BinaryOp, value: SSAValue, axis: int, store: WeightStore) -> Affine | None:
    other = op.rhs if op.lhs is value else op.lhs
    constant = constant_of(other)
    if constant is None or op.output.type != value.type:
        return None
    vector = channel_vector(constant, axis, tensor_type(value), store)
    if vector is None or (other is op.lhs and isinstance(op, DivOp)):
        return None
    match op:
        case MulOp():
            return affine.then_scaled(vector)
        case DivOp():
            return affine.then_scaled(1 / vector)
        case AddOp():
            return affine.then_shifted(vector)
        case _ if other is op.rhs:
            return affine.then_shifted(-vector)
        case _:
            return affine.then_scaled(np.full_like(vector, -1.0)).then_shifted(vector)


def chain_after(value: SSAValue, axis: int, store: WeightStore) -> tuple[Affine, list[GraphOp]]:
    """The longest run of affine ops after `value`, each the only reader of what is before it, and their composition.

    What is to be integers between them ends it.
    """
    channels = tensor_type(value).get_shape()[axis]
    affine, chain = Affine(np.ones(channels), np.zeros(channels)), list[GraphOp]()
    while wanted_type(value) is None and (user := only_user(value)) is not None:
        longer = extended(affine, user, value, axis, store)
        if longer is None or not isinstance(user, GraphOp):
            break
        affine, value = longer, user.output
        chain.append(user)
    return affine, chain


@dataclass(frozen=True)
class FoldBatchNormPass(ProgramPass):
    """Batch normalizations go into the weights before them, or become a product and a sum."""

    name = "fold-batch-norm"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        store = store_of(op)
        for function in op.body.block.ops:
            if not isinstance(function, FuncOp) or not function.body.blocks:
                continue
            _fold_into_weights(function.body.block, store)
            for inner in list(function.body.block.ops):
                if isinstance(inner, BatchNormOp) and inner.output.first_use is not None:
                    _split(inner, store)
        erase_dead(op)


@dataclass(frozen=True)
class _Fold:
    """A contraction, the affine function that follows it up to the op `last`, and what becomes of its constants."""

    op: ContractionOp
    weight: Constant
    scale: Array
    shift: Array
    last: GraphOp

    def scaled_weight(self, values: Array) -> KeyedArray:
        """The weight times a factor per position of its last dimension, in the order in which the weight is stored."""
        values = np.multiply(values, self.scale.astype(np.result_type(values.dtype, np.float32)))
        return KeyedArray.of(values.transpose(inverse(self.order)) if self.order else values)

    @property
    def order(self) -> tuple[int, ...]:
        """How the dimensions of the stored weight are permuted; empty where they are not, or not only that."""
        if isinstance(self.weight, WeightAttr) and len(self.weight.order) == self.weight.type.get_num_dims():
            return self.weight.order
        return ()


def _fold_into_weights(block: Block, store: WeightStore) -> None:
    """Decides what is folded, computes the new weights on all threads, then rewrites."""
    contractions = [op for op in block.ops if isinstance(op, ContractionOp)]
    folds = [fold for op in contractions if (fold := _fold(op, store)) is not None]
    tasks = [(fold, _values(fold.weight, store)) for fold in folds]
    weights = in_order("folded weights", lambda task: task[0].scaled_weight(task[1]), tasks)
    for fold, weight in zip(folds, weights, strict=True):
        _rewrite(fold, _as_constant(fold, weight, store), store)


def _fold(op: ContractionOp, store: WeightStore) -> _Fold | None:
    """What can be folded into a contraction."""
    weight = constant_of(op.operands[1])
    bias = constant_of(op.operands[2]) if len(op.operands) > 2 else None
    if not is_float(op.result_type.element_type) or op.activation is not None:
        return None
    if weight is None or (len(op.operands) > 2 and bias is None):
        return None
    if wanted_type(op.operands[1]) is not None:  # the weight is given as integers, of which products are none
        return None
    axis = op.result_type.get_num_dims() - 1
    affine, chain = chain_after(op.output, axis, store)
    if not affine.scales or weight.type.get_shape()[-1] != affine.scale.size:
        return None
    shift = affine.shift if bias is None else affine.scale * store.held(bias).astype(np.float64) + affine.shift
    return _Fold(op, weight, affine.scale, shift, chain[-1])


def _values(weight: Constant, store: WeightStore) -> Array:
    return store.seen_as(weight) if isinstance(weight, WeightAttr) else store.held(weight)


def _as_constant(fold: _Fold, weight: KeyedArray, store: WeightStore) -> Constant:
    if not isinstance(fold.weight, WeightAttr):
        return store.constant(weight.array, fold.weight.type)
    return WeightAttr.of(store.add_keyed(weight), fold.weight.type, fold.order)


def _rewrite(fold: _Fold, weight: Constant, store: WeightStore) -> None:
    op = fold.op
    new_weight = constant_like(op.operands[1], weight)
    new_bias = computed(fold.shift, op.operands[1], store)
    new = type(op).create(
        operands=[op.operands[0], new_weight.output, new_bias.output],
        result_types=[op.output.type],
        properties=op.properties,
    )
    new.location = location_of_both(op, fold.last)
    replace(fold.last, [new_weight, new_bias, new], new.output)


def _split(op: BatchNormOp, store: WeightStore) -> None:
    """A batch normalization and what follows it as one product and one sum."""
    axis, shape = op.axis.value.data, op.result_type.get_shape()
    start = Affine(np.ones(shape[axis]), np.zeros(shape[axis]))
    affine = extended(start, op, op.input, axis, store)
    if affine is None:
        return
    rest, chain = chain_after(op.output, axis, store)
    total = affine.then_scaled(rest.scale).then_shifted(rest.shift)
    along = [size if d == axis else 1 for d, size in enumerate(shape)]
    scale, shift = (computed(v.reshape(along), op.operands[1], store) for v in (total.scale, total.shift))
    product = MulOp.of([op.input, scale])
    new = AddOp.of([product, shift])
    last = chain[-1] if chain else op
    product.location, new.location = op.location, location_of_both(op, last)
    replace(last, [scale, shift, product, new], new.output)
