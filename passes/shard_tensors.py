"""`shard-tensors`: from whole tensors to tensors sharded over the cores of the module.

Every op keeps its name and gets a result type with a sharding; what an operand must be is derived from the op's
indexing table, and where a value is not already held so, a `tile.reshard` says so. Activations stay in VTCM from op to
op; inputs, constants and outputs lie in DDR, and so do activations that do not fit.

Tuning (`set-tuning`): `mos`; and where weights are not multicast, every core's own reading of them is priced.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from xdsl.context import Context
from xdsl.dialects.builtin import FunctionType, ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.utils.exceptions import PassFailedException

from dialects.errors import AicError
from dialects.graph.base import GraphOp, Tensor, tensor_type
from dialects.graph.channels import ReceiveOp, SendOp
from dialects.graph.constant import ConstantOp
from dialects.module import cores_of, main_of, target_of
from dialects.tile.reshard import ReshardOp, sharded, sharding_of
from dialects.tile.sharding import DDR, WHOLE, Sharding
from dialects.tuning import tuning_of
from passes.rewriting.program_pass import ProgramPass
from passes.sharding.plans import Plan, plans_of


@dataclass(frozen=True)
class ShardTensorsPass(ProgramPass):
    """Splits every tensor over the cores and makes each change of place explicit."""

    name = "shard-tensors"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        hardware, cores, main = target_of(op).hardware, cores_of(op), main_of(op)
        tuning = tuning_of(op)
        if tuning.mos is not None and tuning.mos > cores:
            raise AicError(f"shard-tensors: mos is {tuning.mos}, but there are {cores} cores to split channels over")
        ops = [o for o in main.body.block.ops if isinstance(o, GraphOp) and not isinstance(o, ConstantOp)]
        if any(sharding_of(value) is not None for o in ops for value in o.results):
            raise PassFailedException("shard-tensors: the module is already sharded")
        plans = plans_of(ops, cores, hardware, tuning)
        _Rewrite(main).run(dict(zip(ops, plans, strict=True)))


class _Rewrite:
    """Rebuilds the body of `main` with shardings as encodings and reshards between."""

    def __init__(self, main: FuncOp):
        self.main = main
        self.values: dict[SSAValue, SSAValue] = {}
        self.placed: dict[tuple[SSAValue, Sharding, float | None], SSAValue] = {}
        leaving = [op for op in main.body.block.ops if isinstance(op, SendOp | ReturnOp)]
        self.returned = {value for op in leaving for value in op.operands}
        self.stored: dict[SSAValue, SSAValue] = {}
        """What is returned or sent, and may be read by ops too: where it lies in DDR."""
        self.body = Block(arg_types=[sharded(cast(Tensor, t), DDR) for t in main.function_type.inputs])

    def run(self, plans: Mapping[GraphOp, Plan]) -> None:
        """Replaces the body."""
        old = self.main.body.block
        for before, after in zip(old.args, self.body.args, strict=True):
            after.name_hint, after.location = before.name_hint, before.location
            self.values[before] = after
        for op in old.ops:
            match op:
                case ConstantOp():
                    self._constant(op)
                case GraphOp():
                    self._op(op, plans[op])
                case ReceiveOp():
                    self.values[op.output] = self._add(
                        ReceiveOp.on(op.channel, sharded(tensor_type(op.output), DDR)), op
                    ).results[0]
                case SendOp():
                    self._add(SendOp.on(op.channel, self._stored(op.input, op)), op)
                case ReturnOp():
                    self._return(op)
                case _:
                    raise PassFailedException(
                        f"shard-tensors: {op.name} is not an op of the graph dialect ({op.location})"
                    )
        self.main.body.detach_block(old)
        self.main.body.add_block(self.body)
        old.erase(safe_erase=False)
        types = [value.type for value in cast(Operation, self.body.last_op).operands]
        self.main.properties["function_type"] = FunctionType.from_lists(self.body.arg_types, types)

    def _add(self, op: Operation, like: Operation) -> Operation:
        op.location = like.location
        self.body.add_op(op)
        return op

    def _constant(self, op: ConstantOp) -> None:
        new = ConstantOp.create(properties=op.properties, result_types=[sharded(op.value.type, DDR)])
        self.values[op.output] = self._add(new, op).results[0]

    def _op(self, op: GraphOp, plan: Plan) -> None:
        operands = [
            self._held(op, value, plan.node.requires(index, plan.sharding), fill)
            for index, (value, fill) in enumerate(zip(op.operands, plan.fills, strict=True))
        ]
        new = type(op).create(
            operands=operands,
            result_types=[sharded(op.result_type, plan.sharding)],
            properties=op.properties,
            attributes=op.attributes,
        )
        result = self._add(new, op).results[0]
        result.name_hint = op.output.name_hint
        if plan.spilled:
            result = self._reshard(op, result, DDR)
        elif op.output in self.returned:
            self.stored[op.output] = self._reshard(op, result, DDR)
        self.values[op.output] = result

    def _held(self, op: Operation, value: SSAValue, need: Sharding, fill: float | None) -> SSAValue:
        """The value as `need` says, with its padding, by a reshard unless it is so already or one exists."""
        source = self.values[value]
        held = sharding_of(source)
        if held == need and fill is None:
            return source
        key = (source, need, fill)
        if key in self.placed:
            return self.placed[key]
        result = self._reshard(op, source, need, fill)
        if held is not None and held.home == "vtcm":
            self.placed[key] = result
        return result

    def _return(self, op: ReturnOp) -> None:
        results: list[SSAValue] = []
        for value in op.operands:
            source, maker = self.stored.get(value, self.values[value]), value.owner
            like = maker if isinstance(maker, Operation) else op
            if not isinstance(source.owner, ReshardOp) or source in results:
                source = self._copied(like, source)
            results.append(source)
        self._add(ReturnOp(*results), op)

    def _stored(self, value: SSAValue, like: Operation) -> SSAValue:
        """Where a value that is sent lies in DDR: in a tensor that the program makes, which no one else writes."""
        source = self.stored.get(value, self.values[value])
        return source if isinstance(source.owner, ReshardOp) else self._copied(like, source)

    def _copied(self, like: Operation, source: SSAValue) -> SSAValue:
        """A copy of a value in DDR, by way of VTCM."""
        replicas = Sharding("vtcm", (1,), (WHOLE,) * tensor_type(source).get_num_dims())
        return self._reshard(like, self._reshard(like, source, replicas), DDR)

    def _reshard(self, like: Operation, source: SSAValue, target: Sharding, fill: float | None = None) -> SSAValue:
        return self._add(ReshardOp.of(source, target, fill), like).results[0]
