"""Passes that change what a network computes, one by one small mistake each."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, ModuleOp
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass

import aic.phases
from aic.phases import PHASES
from dialects.graph.constant import ConstantOp
from dialects.graph.contraction import MatmulOp
from dialects.graph.elementwise import SubOp
from dialects.graph.locations import node_name
from dialects.graph.movement import TransposeOp
from dialects.graph.unary import ReluOp
from dialects.module import main_of
from dialects.tile.attributes import BoxAttr
from dialects.tile.boxes import Box, Interval
from dialects.tile.instructions import ComputeOp
from dialects.tile.reshard import ReshardOp
from dialects.tile.transfers import ExchangeOp, StoreOp
from dialects.weights import store_of
from passes import get_all_passes

Change = Callable[[ModuleOp], None]


def wrong_pass(change: Change, **promise: object) -> type[ModulePass]:
    """The pass `plant-mistake`, which makes the change."""

    @dataclass(frozen=True)
    class PlantMistakePass(ModulePass):
        name = "plant-mistake"

        def apply(self, ctx: Context, op: ModuleOp) -> None:
            change(op)

    for name, value in promise.items():
        setattr(PlantMistakePass, name, value)
    return PlantMistakePass


def first(module: ModuleOp, kind: type[Operation]) -> Operation:
    return next(op for op in module.walk() if isinstance(op, kind))


def perturb_constant(module: ModuleOp, by: float = 0.1) -> None:
    """One weight of the second convolution."""
    constants = [op for op in module.walk() if isinstance(op, ConstantOp) and op.location.desc.data == "w2"]
    (constant,) = constants
    store = store_of(module)
    values = np.array(store.held(constant.value))
    values.flat[5] *= 1 + by
    constant.value = store.constant(values)


def scale_columns(module: ModuleOp) -> None:
    """The first columns of the first matrix of weights, by half: those of a head of attention."""
    constant = next(op.rhs.owner for op in module.walk() if isinstance(op, MatmulOp))
    assert isinstance(constant, ConstantOp)
    store = store_of(module)
    values = np.array(store.held(constant.value))
    values[..., :64] *= 1.5
    constant.value = store.constant(values, constant.value.type)


def swap_operands(module: ModuleOp) -> None:
    sub = first(module, SubOp)
    sub.operands = [sub.operands[1], sub.operands[0]]


def drop_relu(module: ModuleOp) -> None:
    relu = first(module, ReluOp)
    relu.output.replace_all_uses_with(relu.input)
    relu.detach()
    relu.erase()


def turn_image(module: ModuleOp) -> None:
    """Rows and columns of the input, changed about."""
    transpose = first(module, TransposeOp)
    new = TransposeOp.of([transpose.operands[0]], {"permutation": (0, 3, 2, 1)})
    new.location = transpose.location
    transpose.parent.insert_op_before(new, transpose)
    transpose.output.replace_all_uses_with(new.output)
    transpose.detach()
    transpose.erase()


def swap_outputs(module: ModuleOp) -> None:
    returned = main_of(module).body.block.last_op
    assert isinstance(returned, ReturnOp)
    returned.operands = list(reversed(returned.operands))


def narrow_halo(module: ModuleOp) -> None:
    """A core is given its block without the rows around it."""
    reshard = next(
        op
        for op in module.walk()
        if isinstance(op, ReshardOp) and any(split.before for split in op.output.type.encoding.data.splits)
    )
    sharding = reshard.output.type.encoding.data
    splits = tuple(replace(split, before=0) for split in sharding.splits)
    encoding = type(reshard.output.type.encoding)(replace(sharding, splits=splits))
    narrow = type(reshard.output.type)(reshard.output.type.element_type, reshard.output.type.shape, encoding)
    reshard.output._type = narrow


def shifted(box: Box, dim: int, by: int) -> Box:
    dims = list(box.dims)
    low, high = dims[dim].low, dims[dim].high
    dims[dim] = Interval(tuple(form + by for form in low), tuple(form + by for form in high))
    return Box(box.mesh, tuple(dims))


def computing(module: ModuleOp, node: str) -> ComputeOp:
    return next(op for op in module.walk() if isinstance(op, ComputeOp) and node_name(op) == node)


def shift_halo(module: ModuleOp) -> None:
    """The second convolution reads its image one row too far down, where the third one's halo lies."""
    conv = computing(module, "second")
    boxes = list(conv.boxes)
    boxes[0] = BoxAttr(shifted(boxes[0].data, 1, 1))
    conv.boxes = ArrayAttr(boxes)


def send_less(module: ModuleOp) -> None:
    """Cores get no halo from their neighbours."""
    exchange = first(module, ExchangeOp)
    exchange.box = exchange.own


def store_early(module: ModuleOp) -> None:
    """A result is stored before it is computed."""
    store = first(module, StoreOp)
    compute = next(op for op in module.walk() if isinstance(op, ComputeOp) and op.target is store.source)
    store.detach()
    compute.parent.insert_op_before(store, compute)


def plant(patch: pytest.MonkeyPatch, phase: str, change: Callable[[ModuleOp], None], **promise: object) -> None:
    """Registers the mistake as a pass, the first of the phase `graph`, or the last of another."""
    mistake = wrong_pass(change, **promise)
    patch.setattr(aic.phases, "get_all_passes", lambda: {**get_all_passes(), mistake.name: lambda: mistake})

    def with_mistake(pipeline: str | None) -> str | None:
        if pipeline is None:
            return None
        passes = (mistake.name, pipeline) if phase == "graph" else (pipeline, mistake.name)
        return ",".join(filter(None, passes))

    changed = [
        replace(
            each,
            pipeline=with_mistake(each.pipeline) or "",
            fp16_pipeline=with_mistake(each.fp16_pipeline),
            quantized_pipeline=with_mistake(each.quantized_pipeline),
        )
        if each.name == phase
        else each
        for each in PHASES
    ]
    patch.setattr(aic.phases, "PHASES", tuple(changed))
