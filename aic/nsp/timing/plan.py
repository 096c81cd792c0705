"""From a scheduled tile module to a plan: boxes evaluated, loops unrolled, no xDSL object left but element types."""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import prod

import numpy as np
from xdsl.dialects.builtin import ModuleOp, NameLoc
from xdsl.ir import Attribute, Block, Operation, SSAValue

from aic.emission.memory import lay_out_shared_ddr
from aic.nsp.timing.geometry import Geometry, between_cores, distinct_shapes, groups_of_equals, multicast, received
from aic.nsp.timing.records import (
    Arriving,
    Flow,
    Idle,
    Instruction,
    Kernel,
    Moves,
    Need,
    Padding,
    Plan,
    Sending,
    Step,
    Use,
    Work,
)
from dialects.costs import data_element
from dialects.element_types import element_bytes
from dialects.errors import AicError
from dialects.graph.properties import from_dictionary
from dialects.module import cores_of, main_of, target_of
from dialects.tile.boxes import Integers
from dialects.tile.buffers import bytes_of, space_of, type_of
from dialects.tile.channels import ReceiveOp, SendOp
from dialects.tile.descriptors import Limits, Route, descriptor_counts
from dialects.tile.instructions import ComputeOp, FillOp, InstructionOp
from dialects.tile.program_order import issue_order
from dialects.tile.senders import exchange_parts, storing
from dialects.tile.transfers import ExchangeOp, LoadOp, MulticastOp, StoreOp, TransferOp


def make_plan(module: ModuleOp) -> Plan:
    """Plan of the function @main of a scheduled tile module.

    Raises AicError when the module is no scheduled tile program: no @main, or no signals.
    """
    body = main_of(module).body.block
    found = [op for op in body.walk() if isinstance(op, InstructionOp)]
    if found and all(op.signal is None for op in found):
        raise AicError(
            f"timing: none of the {len(found)} instructions of @main raises a signal; the program has no schedule: "
            "run the phase `schedule` first"
        )
    cores = cores_of(module)
    steps = tuple(_Planner(cores, Limits.of(target_of(module).hardware)).steps(body))
    ddr = lay_out_shared_ddr(module)
    from_host = tuple(buffer.size for buffer in ddr.inputs)
    to_host = tuple(buffer.size for buffer in ddr.outputs)
    return Plan(cores, steps, from_host, to_host)


def node_name(op: Operation) -> str:
    """Name of the ONNX node that an op comes from; empty when its location has none."""
    return op.location.desc.data if isinstance(op.location, NameLoc) else ""


_IDLE = Idle()


class _Planner:
    """Walks the program in its order."""

    def __init__(self, cores: int, limits: Limits) -> None:
        self.geometry = Geometry(cores)
        self._cores, self._limits = cores, limits
        self._runs: Counter[Operation] = Counter()
        self._instructions: dict[Operation, Instruction] = {}
        self._works: dict[tuple[Operation, tuple[int, ...]], Work] = {}

    def steps(self, block: Block) -> Iterator[Step]:
        """Steps of a block, loops unrolled."""
        for op, at, iteration in issue_order(block):
            instruction = self._instructions.get(op)
            if instruction is None:
                instruction = self._instructions[op] = _instruction(op)
            needs = tuple(
                Need(wait.signal, count, wait.everywhere) for wait in op.waited if (count := wait.count.at(at)) > 0
            )
            run = self._runs[op]
            self._runs[op] = run + 1
            if iteration is None:
                yield Step(instruction, at, needs, run, _IDLE)
            else:
                yield Step(instruction, iteration, needs, run, self._work(op, iteration))

    def _work(self, op: InstructionOp, iteration: tuple[int, ...]) -> Work:
        """What the op does, evaluated once for all iterations of loops that none of its boxes depends on."""
        boxes = [box for _, box in op.accesses()]
        if isinstance(op, ExchangeOp):
            boxes.append(op.own.data)
        depth = max(box.loop_depth for box in boxes)
        key = (op, iteration[:depth])
        work = self._works.get(key)
        if work is None:
            work = self._works[key] = self._evaluated(op, iteration[:depth])
        return work

    def _evaluated(self, op: InstructionOp, iteration: tuple[int, ...]) -> Work:
        match op:
            case LoadOp() | StoreOp():
                return self._transfer(op, iteration)
            case MulticastOp():
                return self._multicast(op, iteration)
            case ExchangeOp():
                return self._exchange(op, iteration)
            case FillOp():
                return self._fill(op, iteration)
            case SendOp():
                return Sending(op.channel.number.data, op.channel.kind, bytes_of(op.tensor))
            case ReceiveOp():
                return Arriving(op.channel.number.data)
            case ComputeOp():
                return self._kernel(op, iteration)
            case _:
                raise AicError(f"timing: {op.name} ({node_name(op)}) is an instruction that no engine takes")

    def _transfer(self, op: LoadOp | StoreOp, iteration: tuple[int, ...]) -> Moves:
        port = "ddr read port" if isinstance(op, LoadOp) else "ddr write port"
        size = element_bytes(type_of(op.source).element_type)
        volumes = self.geometry.volumes(op.box.data, iteration)
        moves = [True] * len(volumes)
        if isinstance(op, StoreOp):
            moves = storing(self.geometry.bounds(op.box.data, iteration)).tolist()
        flows = tuple(
            (Flow(volume * size, (Use("ddr", 0), Use(port, core))),) if volume and moves[core] else ()
            for core, volume in enumerate(volumes)
        )
        return Moves(flows, self._issued(op, iteration, flows), ((),) * len(flows))

    def _multicast(self, op: MulticastOp, iteration: tuple[int, ...]) -> Moves:
        size = element_bytes(type_of(op.source).element_type)
        volumes = self.geometry.volumes(op.box.data, iteration)
        flows: list[tuple[Flow, ...]] = [()] * len(volumes)
        receivers: list[tuple[int, ...]] = [()] * len(volumes)
        for members in groups_of_equals(self.geometry.bounds(op.box.data, iteration)):
            reader = members[0]
            flows[reader] = (multicast(reader, members, volumes[reader] * size),)
            receivers[reader] = tuple(members[1:])
        return Moves(tuple(flows), self._issued(op, iteration, flows), tuple(receivers))

    def _issued(self, op: TransferOp, iteration: tuple[int, ...], flows: Sequence[Sequence[Flow]]) -> tuple[int, ...]:
        """Descriptors of each core that moves its box."""
        counts = self._descriptors(op, self.geometry.extents(op.box.data, iteration))
        return tuple(count if flows[core] else 0 for core, count in enumerate(counts))

    def _descriptors(self, op: TransferOp, extents: Integers) -> list[int]:
        return descriptor_counts(extents.tolist(), Route.of(op), self._limits)

    def _exchange(self, op: ExchangeOp, iteration: tuple[int, ...]) -> Moves:
        size = element_bytes(type_of(op.source).element_type)
        own = self.geometry.bounds(op.own.data, iteration)
        need = self.geometry.bounds(op.box.data, iteration)
        parts = exchange_parts(own, need, in_place=op.source is op.destination)
        positions = received(parts, self._cores)
        flows = tuple(between_cores(core, positions[core], size) for core in range(self._cores))
        descriptors = [0] * self._cores
        for core, count in zip(parts.receiver.tolist(), self._descriptors(op, parts.high - parts.low), strict=True):
            descriptors[core] += count
        return Moves(flows, tuple(descriptors), ((),) * len(flows))

    def _fill(self, op: FillOp, iteration: tuple[int, ...]) -> Padding:
        ((_, window),) = op.accesses()
        whole = self.geometry.extents(window, iteration).prod(axis=1)
        low, high = self.geometry.bounds(window, iteration)
        inside = np.maximum(np.minimum(high, op.extents) - np.maximum(low, 0), 0).prod(axis=1)
        return Padding(tuple((whole - inside).tolist()))

    def _kernel(self, op: ComputeOp, iteration: tuple[int, ...]) -> Kernel:
        accesses = op.accesses()
        shapes, which = distinct_shapes([self.geometry.extents(box, iteration) for _, box in accesses])
        in_ddr = [(k, value) for k, (value, _) in enumerate(accesses) if space_of(value) == "ddr"]
        amounts = [sum(_read_in_place(op, k, value, s) for k, value in in_ddr) for s in shapes]
        return Kernel(shapes, which, tuple(amounts[k] if k >= 0 else 0 for k in which))


def _read_in_place(op: ComputeOp, operand: int, value: SSAValue, shapes: tuple[tuple[int, ...], ...]) -> int:
    """Bytes that a kernel reads of an operand in DDR: of a gather's table no more than the result holds."""
    size = element_bytes(type_of(value).element_type)
    gathers = operand == 0 and op.kernel.data.startswith("gather")
    return size * (min(prod(shapes[operand]), prod(shapes[-1])) if gathers else prod(shapes[operand]))


def _instruction(op: InstructionOp) -> Instruction:
    compute = isinstance(op, ComputeOp)
    return Instruction(
        node=node_name(op),
        operation=op.kernel.data if compute else op.name.partition(".")[2],
        queue=op.engine,
        element=_data_element(op),
        arguments=from_dictionary(op.arguments) if compute else {},
        signal=None if op.signal is None else op.signal.value.data,
        result_element_bytes=element_bytes(type_of(op.target).element_type),
    )


def _data_element(op: InstructionOp) -> Attribute:
    """Element type that decides the speed of a kernel or a transfer."""
    *read, written = (type_of(value).element_type for value in op.operands)
    return data_element(op.kernel.data if isinstance(op, ComputeOp) else "", read, written)
