"""`tile-operations`: from sharded tensors to one program of buffers, transfers and computations that every core runs.

A value that is held in VTCM becomes one buffer, wide enough for the halos of all its consumers. A reshard becomes the
transfers that it means: nothing, an exchange, a load or multicast, a store. An op whose operands or result do not fit,
or are too large to be brought while others are used, is cut into chunks: a loop that loads, computes and stores, or a
nest of them, with the least traffic, or the least time where that makes a kernel slow. A kernel is split further where
engines overlap by that.

Tuning (`set-tuning`): `size-split-granularity` and `vtcm-working-set-limit-ratio` limit chunks; `multicast-weights`;
`ols` is the number of parts of every kernel, as far as they are worth their starts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from xdsl.context import Context
from xdsl.dialects.builtin import FunctionType, IntegerAttr, ModuleOp, f32, i64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, SSAValue

from dialects.errors import AicError, DoesNotFit
from dialects.graph.base import GraphOp, tensor_type
from dialects.graph.channels import ReceiveOp, SendOp
from dialects.graph.constant import ConstantOp
from dialects.graph.ports import input_ports, output_ports
from dialects.graph.properties import to_attribute
from dialects.hardware import Hardware
from dialects.module import cores_of, main_of, target_of
from dialects.text import place
from dialects.tile import channels
from dialects.tile.boxes import Box
from dialects.tile.buffers import AllocOp, Buffer, TensorOp, buffer_type
from dialects.tile.instructions import ComputeOp, FillOp, ForOp
from dialects.tile.reshard import ReshardOp
from dialects.tile.sharding import WHOLE, Sharding
from dialects.tile.transfers import ExchangeOp, LoadOp, MulticastOp, StoreOp
from dialects.tuning import Tuning, tuning_of
from passes.rewriting.program_pass import ProgramPass
from passes.sharding.costs import window_shape
from passes.sharding.requirements import required_box
from passes.tiling.carrying import its_place, last_position
from passes.tiling.chunks import Cut, Limits, kept_cuts
from passes.tiling.demand import KIB, does_not_fit
from passes.tiling.layers import Layer, Part, first_replica, part_of, placed
from passes.tiling.lifetimes import Lifetimes
from passes.tiling.overlap import Overlaps, Split, split_kernel
from passes.tiling.quickest import quickest_loops
from passes.tiling.remedies import remedies

FILL_FACTOR = 0.9
"""Share of VTCM that live buffers may fill; the rest is for what placing buffers at addresses costs."""


_PART_FACTOR = 1 / 4
"""Share of VTCM that a part of a tensor takes that comes from DDR at once. Two of them are there at a time, so that one
is brought while the other is used; smaller parts leave room to fetch more of them ahead.
"""


@dataclass(frozen=True)
class TileOperationsPass(ProgramPass):
    """Lowers sharded tensor ops to buffers, transfers and computations."""

    name = "tile-operations"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        _Lowering(main_of(op), cores_of(op), target_of(op).hardware, tuning_of(op)).run()


@dataclass
class _Lowering:
    main: FuncOp
    cores: int
    hardware: Hardware
    tuning: Tuning
    program: Block = field(default_factory=Block)
    held: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    """Buffer or DDR tensor of every value that is there."""
    pending: dict[SSAValue, ReshardOp] = field(default_factory=dict[SSAValue, ReshardOp])
    """Values that are fetched from DDR by the op that uses them."""

    def run(self) -> None:
        """Replaces the body of `main` by a program."""
        old = self.main.body.block
        self.lifetimes = Lifetimes(old)
        self.overlaps = Overlaps(self.hardware, self._moves_nothing)
        self._declare(old)
        for time, op in enumerate(old.ops):
            match op:
                case ConstantOp():
                    constant = TensorOp.of(_ddr_type(op.output), "constant", value=op.value)
                    self.held[op.output] = self._add(self.program, constant, op).results[0]
                case ReshardOp():
                    self._reshard(op)
                case GraphOp():
                    self._operation(op, time)
                case ReceiveOp():
                    self._receive(op)
                case SendOp():
                    self._send(op)
                case ReturnOp():
                    pass
                case _:
                    raise AicError(f"tile-operations: {op.name} at {op.location} is neither a graph op nor a reshard")
        self._add(self.program, ReturnOp(), cast(Operation, old.last_op))
        self._replace_body(old)

    def _replace_body(self, old: Block) -> None:
        self.main.body.detach_block(old)
        self.main.body.add_block(self.program)
        old.erase(safe_erase=False)
        self.main.properties["function_type"] = FunctionType.from_lists([], [])
        for names in ("arg_attrs", "res_attrs"):
            self.main.properties.pop(names, None)

    def _add(self, block: Block, op: Operation, like: Operation) -> Operation:
        op.location = like.location
        block.add_op(op)
        return op

    # ---- values in DDR

    def _declare(self, old: Block) -> None:
        """Declares the network's inputs and outputs, in their order, and what is sent to other parts of it."""
        for argument, port in zip(old.args, input_ports(self.main), strict=True):
            tensor = TensorOp.of(_ddr_type(argument), "input", label=port.name)
            tensor.location = argument.location
            self.program.add_op(tensor)
            self.held[argument] = tensor.result
        results = cast(Operation, old.last_op).operands
        for value, port in zip(results, output_ports(self.main), strict=True):
            tensor = TensorOp.of(_ddr_type(value), "output", label=port.name)
            self._add(self.program, tensor, cast(Operation, value.owner))
            self.held[value] = tensor.result
        for send in old.ops:
            if isinstance(send, SendOp) and send.input not in self.held:
                tensor = TensorOp.of(_ddr_type(send.input), "send")
                self.held[send.input] = self._add(self.program, tensor, send).results[0]

    def _in_ddr(self, value: SSAValue, like: Operation) -> SSAValue:
        """The DDR tensor of a value; a scratch one when it has no other role."""
        if value not in self.held:
            self.held[value] = self._add(self.program, TensorOp.of(_ddr_type(value), "scratch"), like).results[0]
        return self.held[value]

    def _receive(self, op: ReceiveOp) -> None:
        tensor = self._add(self.program, TensorOp.of(_ddr_type(op.output), "receive"), op).results[0]
        self._add(self.program, channels.ReceiveOp.of(op.channel, tensor, self._of_first_core(op.output)), op)
        self.held[op.output] = tensor

    def _send(self, op: SendOp) -> None:
        self._add(self.program, channels.SendOp.of(op.channel, self.held[op.input], self._of_first_core(op.input)), op)

    def _of_first_core(self, value: SSAValue) -> Box:
        """The box of which the first core has the whole tensor and the others have nothing."""
        shape = tensor_type(value).get_shape()
        replicas = Sharding("vtcm", (self.cores,), (WHOLE,) * len(shape))
        return first_replica(replicas, shape).owned(shape)

    # ---- reshards

    def _reshard(self, op: ReshardOp) -> None:
        source, target = placed(op.input), placed(op.output)
        if target.home == "ddr":
            if op.input in self.held or op.input in self.pending:
                self._store(op, op.input, self._in_ddr(op.output, op))
            return
        if source.home == "ddr":
            self.pending[op.output] = op
            return
        shape = tensor_type(op.output).get_shape()
        need = target.window(shape).clamped(shape)
        buffer = self.held[op.input] if self.lifetimes.shared(op) else self._allocate(op, op.output)
        self.held[op.output] = buffer
        if not self._moves_nothing(op):
            own = source.owned(shape)
            self._add(self.program, ExchangeOp.between(self.held[op.input], buffer, own, need), op)

    def _moves_nothing(self, op: ReshardOp) -> bool:
        """True when a reshard's result is there where its input is, within VTCM."""
        return self.lifetimes.shared(op) and not _reaches_others(placed(op.input), placed(op.output))

    def _store(self, op: Operation, value: SSAValue, tensor: SSAValue) -> None:
        """Stores a value that is in VTCM; of replicas, the first core's."""
        if value in self.pending:
            self._fetch_whole(self.pending[value])
        shape = tensor_type(value).get_shape()
        box = first_replica(placed(value), shape).owned(shape)
        self._add(self.program, StoreOp.of(self.held[value], tensor, box), op)

    def _allocate(self, op: Operation, value: SSAValue) -> SSAValue:
        """Buffer that holds a value until its last use, its padding filled."""
        sharding, fill = self.lifetimes.held(value)
        tensor = tensor_type(value)
        shape = tensor.get_shape()
        alloc = AllocOp.of(tensor.element_type, sharding.window(shape), window_shape(shape, sharding))
        alloc.result.name_hint = value.name_hint
        self._add(self.program, alloc, op)
        if fill is not None:
            self._add(self.program, FillOp.of(alloc.result, shape, fill), op)
        return alloc.result

    # ---- ops

    def _operation(self, op: GraphOp, time: int) -> None:
        layer = Layer.of(op, self.pending, self.hardware.hmx_columns)
        live = self.lifetimes.live_bytes(time)
        limits = self._limits(live)
        loops = quickest_loops(layer.work, limits, layer.pace(self.hardware))
        if loops is None:
            single = any(t.element_type == f32 for t in (*op.operand_types, op.result_type))
            help = remedies(self.hardware, self.cores, self.tuning, single_precision=single)
            demand = does_not_fit(layer.work, replace(limits, slots=1), live, self.hardware.vtcm_usable_bytes, help)
            raise DoesNotFit(f"{place(op)} does not fit into VTCM: {demand}")
        split = self.overlaps.split(op) if self.tuning.ols is None else Split(self.tuning.ols)
        finer = split_kernel(layer, loops.cuts, split, self.hardware)
        self._emit(layer, loops.cuts, () if finer is None else (finer,), loops.slots)

    def _limits(self, live: int) -> Limits:
        """What the chunks of an op must keep to beside `live` bytes of values."""
        ratio, part = self.tuning.vtcm_working_set_limit_ratio, self.tuning.size_split_granularity
        usable = self.hardware.vtcm_usable_bytes
        return Limits(
            room=int(usable * FILL_FACTOR) - live,
            touched=None if ratio is None else int(usable * ratio),
            part=None if part is None else part * KIB,
            wished_part=int(usable * _PART_FACTOR) if part is None else None,
        )

    def _emit(self, layer: Layer, cuts: Sequence[Cut], finer: Sequence[Cut], slots: int) -> None:
        """An op in loops: operands come by the chunks of `cuts`, the kernel works through them by those of `finer`."""
        op, loops = layer.op, [*cuts, *finer]
        levels = [self.program, *(Block() for _ in loops)]
        fetched: dict[SSAValue, SSAValue] = {}
        for index, value in enumerate(op.operands):
            if value in self.pending and value not in fetched:
                part = layer.part(cuts, slots)
                fetched[value] = self._fetch(layer, index, part, levels[layer.level(index, cuts)])
        part, kept = layer.part(loops, slots), kept_cuts(layer.work, loops)
        target = self._target(layer, layer.part(kept, slots))
        buffers = [fetched[value] if value in fetched else self._in_ddr_or_vtcm(value, op) for value in op.operands]
        carried, within = layer.carried(cuts), levels[len(kept)]
        states: dict[SSAValue, SSAValue] = {}
        for index in carried.operands if carried is not None else ():
            value = op.operands[index]
            if value not in fetched and value not in states:
                states[value] = self._state(layer, index, part, levels[len(kept) - 1])
            buffers[index] = states.get(value, buffers[index])
        self._add(levels[-1], self._compute(layer, [*buffers, target], part), op)
        self._close(loops[len(kept) :], levels[len(kept) :], op)
        if carried is not None:
            self._hand_on(layer, target, {buffers[index]: index for index in carried.operands}, kept, within)
        if layer.store is not None:
            box = part_of(first_replica(layer.sharding, layer.shape).owned(layer.shape), kept)
            tensor = self._in_ddr(layer.store.output, layer.store)
            self._add(within, StoreOp.of(target, tensor, box), op)
        self._close(kept, levels[: len(kept) + 1], op)

    def _close(self, cuts: Sequence[Cut], levels: Sequence[Block], like: Operation) -> None:
        """Puts loops around blocks, each into the one before it."""
        for cut, inner, outer in reversed(list(zip(cuts, levels[1:], levels[:-1], strict=True))):
            self._add(outer, ForOp.around(cut.trips, inner), like)

    def _state(self, layer: Layer, index: int, part: Part, block: Block) -> SSAValue:
        """Buffer of an operand that every part but the first gets from the part before; filled for the first."""
        op, tensor = layer.op, layer.op.operand_types[index]
        accesses, shape = layer.streams[index].accesses, tensor.get_shape()
        window = required_box(accesses, shape, part.nominal)
        alloc = AllocOp.of(tensor.element_type, window, layer.streams[index].part(part.extents))
        self._add(self.program, alloc, op)
        box = required_box(accesses, shape, part.chunk)
        self._add(block, _copy(self.held[op.operands[index]], alloc.result, box, box), op)
        return alloc.result

    def _hand_on(
        self, layer: Layer, made: SSAValue, states: Mapping[SSAValue, int], cuts: Sequence[Cut], block: Block
    ) -> None:
        """The end of what a part has made, which the last of `cuts` made, becomes the states of the next: buffers with
        the numbers of operands.
        """
        cut, loop = cuts[-1], len(cuts) - 1
        chunk = part_of(layer.sharding.owned(layer.shape), cuts)
        for state, index in states.items():
            accesses, shape = layer.streams[index].accesses, layer.op.operand_types[index].get_shape()
            box = required_box(accesses, shape, chunk)
            end = last_position(chunk, cut, loop, accesses, shape)
            self._add(block, _copy(made, state, end, its_place(box, cut, loop, layer.work.extents[cut.dim])), layer.op)

    def _in_ddr_or_vtcm(self, value: SSAValue, like: Operation) -> SSAValue:
        return self._in_ddr(value, like) if placed(value).home == "ddr" else self.held[value]

    def _fetch(self, layer: Layer, index: int, part: Part, block: Block) -> SSAValue:
        """Buffer of an operand that comes from DDR, and the transfer that brings what a chunk needs."""
        op, value = layer.op, layer.op.operands[index]
        accesses, reshard, shape = layer.streams[index].accesses, self.pending[value], tensor_type(value).get_shape()
        window = required_box(accesses, shape, part.nominal)
        held = layer.streams[index].part(part.extents)
        alloc = _buffer_of(tensor_type(value).element_type, window, held, part.slots)
        alloc.result.name_hint = reshard.input.name_hint
        self._add(self.program, alloc, op)
        if reshard.fill is not None:
            self._add(block, FillOp.of(alloc.result, shape, reshard.fill.value.data), op)
        box = required_box(accesses, shape, part.chunk).clamped(shape)
        self._bring(self._in_ddr(reshard.input, reshard), alloc.result, box, block, op)
        return alloc.result

    def _fetch_whole(self, reshard: ReshardOp) -> None:
        """Brings a value from DDR as its sharding says, outside of any op."""
        tensor, target = tensor_type(reshard.output), placed(reshard.output)
        shape = tensor.get_shape()
        alloc = AllocOp.of(tensor.element_type, target.window(shape), window_shape(shape, target))
        self._add(self.program, alloc, reshard)
        box = target.window(shape).clamped(shape)
        self._bring(self._in_ddr(reshard.input, reshard), alloc.result, box, self.program, reshard)
        self.held[reshard.output] = alloc.result

    def _bring(self, source: SSAValue, buffer: SSAValue, box: Box, block: Block, like: Operation) -> None:
        """A load, or one read for all cores that need the same."""
        axes = [
            axis for axis in range(len(box.mesh)) if not any(axis < len(f.mesh) and f.mesh[axis] for f in box.forms())
        ]
        if self.cores > 1 and axes and self._may_multicast(source):
            self._add(block, MulticastOp.over(source, buffer, box, axes), like)
        else:
            self._add(block, LoadOp.of(source, buffer, box), like)

    def _may_multicast(self, source: SSAValue) -> bool:
        """False for weights that each core is to read by itself. Of itself multicast never costs more."""
        constant = isinstance(source.owner, TensorOp) and source.owner.value is not None
        return self.tuning.multicast_weights is not False or not constant

    def _target(self, layer: Layer, part: Part) -> SSAValue:
        """Buffer of the result: resident, or of one chunk when it is stored at once."""
        op = layer.op
        if layer.store is None:
            self.held[op.output] = self._allocate(op, op.output)
            return self.held[op.output]
        alloc = _buffer_of(op.result_type.element_type, part.nominal, part.extents, part.slots)
        alloc.result.name_hint = op.output.name_hint
        return self._add(self.program, alloc, op).results[0]

    def _compute(self, layer: Layer, buffers: Sequence[SSAValue], part: Part) -> ComputeOp:
        op = layer.op
        boxes = [required_box(layer.accesses(i), t.get_shape(), part.chunk) for i, t in enumerate(op.operand_types)]
        attributes = {name: to_attribute(value) for name, value in sorted(op.local_arguments().items())}
        engine = layer.price(part.extents, self.hardware).engine
        return ComputeOp.of(op.kernel_name(), engine, buffers, [*boxes, part.chunk], attributes)


def _buffer_of(element: Attribute, window: Box, extents: Sequence[int], slots: int) -> AllocOp:
    """Buffer for one part after the other; one that is to stay the only one says so."""
    alloc = AllocOp.of(element, window, extents)
    if slots == 1 and window.loop_depth:
        alloc.properties["depth"] = IntegerAttr(1, i64)
    return alloc


def _copy(source: SSAValue, target: SSAValue, box: Box, place: Box) -> ComputeOp:
    """A box of a buffer written to a place in another one."""
    rank = to_attribute(len(box.dims))
    return ComputeOp.of("reshape", "hvx", [source, target], [box, place], {"rank": rank})


def _reaches_others(source: Sharding, target: Sharding) -> bool:
    """True when the target's halo lies with other cores."""
    pairs = zip(source.splits, target.splits, strict=True)
    return any(s.axis is not None and (t.before > 0 or t.after > 0) for s, t in pairs)


def _ddr_type(value: SSAValue) -> Buffer:
    tensor = tensor_type(value)
    return buffer_type(tensor.element_type, tensor.get_shape(), "ddr")
