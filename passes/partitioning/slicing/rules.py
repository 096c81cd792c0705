"""From the ops of a program to the nodes that the search for rules works on."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import TypeAlias

from xdsl.dialects.builtin import TensorType
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Attribute, Block, BlockArgument, SSAValue
from xdsl.utils.exceptions import VerifyException

from dialects.aic import WeightAttr
from dialects.element_types import element_bytes, storage_type
from dialects.graph.attention import HeadsOp
from dialects.graph.base import GraphOp, Tensor, tensor_type
from dialects.graph.channels import ReceiveOp, SendOp
from dialects.graph.constant import ConstantOp
from dialects.graph.contraction import ConvOp, MatmulOp
from dialects.hardware import Hardware
from dialects.indexing import Anywhere, Indexing
from dialects.quantized.types import UniformType
from passes.partitioning.retained import NO_STATE, ProgramState
from passes.partitioning.slicing.candidates import Sliceable, candidates_of, sums_of
from passes.partitioning.slicing.local import WINDOWED, local_op
from passes.partitioning.slicing.search import Node, Rule, Shared
from passes.partitioning.slicing.states import Held, Slices, State, box_of, extents
from passes.rewriting.constants import constant_of
from passes.sharding.candidates import candidates
from passes.sharding.nodes import core_cycles

Made: TypeAlias = GraphOp | ReceiveOp | BlockArgument
"""What the devices have of a value is decided by how it is made: by an op, or as state that stays on them."""


def nodes_of(
    made: Sequence[Made], devices: int, cores: int, hardware: Hardware, state: ProgramState = NO_STATE
) -> list[Node]:
    """What makes the values of a program, in its order, with all rules by which devices of so many cores may do so.
    Arguments that are state are among what is made; others every device has.
    """
    numbers: dict[SSAValue, int] = {made_value(each): n for n, each in enumerate(made)}
    sliceables = [_sliceable(each, numbers) for each in made]
    found = candidates_of(sliceables, devices)
    prices = _Prices(devices, cores, hardware, frozenset(state.becomes.values()))
    nodes: list[Node] = []
    for each, sliceable, slices in zip(made, sliceables, found, strict=True):
        value = made_value(each)
        uses = [(use.operation, use.index) for use in value.uses]
        becomes = [state.becomes.get(index) for op, index in uses if isinstance(op, ReturnOp)]
        leaves = None in becomes or any(isinstance(op, SendOp) for op, _ in uses)
        nodes.append(
            Node(
                sliceable.producers,
                sliceable.shape,
                element_bytes(tensor_type(value).element_type),
                _rules(each, sliceable, slices, sums_of(sliceable, found, devices), prices),
                leaves,
                tuple(sorted({numbers[argument] for argument in becomes if argument is not None})),
                tuple(map(_weight, each.operands)) if isinstance(each, GraphOp) else (),
                state.names[each] if isinstance(each, BlockArgument) else None,
            )
        )
    return nodes


def _weight(operand: SSAValue) -> Shared | None:
    """An operand that is a constant of more than one dimension: such are the large ones."""
    value = constant_of(operand)
    if not isinstance(value, WeightAttr) or sum(size > 1 for size in value.type.get_shape()) < _MATRIX:
        return None
    return Shared(value, value.type.get_shape())


_MATRIX = 2


def made_value(made: Made) -> SSAValue:
    """The value that is made."""
    return made if isinstance(made, BlockArgument) else made.output


def _rules(
    made: Made,
    sliceable: Sliceable,
    slices: Sequence[Slices],
    sums: Sequence[Sequence[Slices | None]],
    prices: "_Prices",
) -> tuple[Rule, ...]:
    match made:
        case GraphOp():
            ways = _ways(sliceable, slices, sums)
            return tuple(rule for needs, state in ways if (rule := prices.rule(made, needs, state)) is not None)
        case ReceiveOp():
            return (Rule((), Held.FIRST, 0.0),)
        case BlockArgument():
            return tuple(Rule((), state, 0.0) for state in (Held.FIRST, Held.WHOLE, *slices))


def _sliceable(made: Made, numbers: Mapping[SSAValue, int]) -> Sliceable:
    tensor = tensor_type(made_value(made))
    if isinstance(made, ReceiveOp):
        return Sliceable((), (), tensor.get_shape(), Indexing((0,) * tensor.get_num_dims(), ()))
    if isinstance(made, BlockArgument):
        return Sliceable((), (), tensor.get_shape(), Indexing((1,) * tensor.get_num_dims(), ()))
    return Sliceable(
        tuple(numbers.get(operand) for operand in made.operands),
        tuple(operand.get_shape() for operand in made.operand_types),
        tensor.get_shape(),
        made.indexing(),
        windows=isinstance(made, WINDOWED),
        within=made.value_dim if isinstance(made, HeadsOp) else 0,
        shared=frozenset((1, 2) if isinstance(made, HeadsOp) else ()),  # keys and values
        summed=_summed(made),
    )


def _summed(op: GraphOp) -> Mapping[int, int] | None:
    """The summed dimension of the operands of a contraction whose sums nothing is done to but adding a bias."""
    if isinstance(op, MatmulOp) and op.activation is None:
        left, right, *_ = op.operand_types
        return {0: left.get_num_dims() - 1, 1: right.get_num_dims() - 2}
    if isinstance(op, ConvOp) and op.activation is None and op.groups == 1:
        return {0: 3, 1: 2}
    return None


def _ways(
    op: Sliceable, slices: Sequence[Slices], sums: Sequence[Sequence[Slices | None]]
) -> list[tuple[tuple[State, ...], State]]:
    """What an op may need, and what it makes of that: the first device alone, then all of them. A bias is added once,
    by the first device.
    """
    count = len(op.operands)
    ways: list[tuple[tuple[State, ...], State]] = [((held,) * count, held) for held in (Held.FIRST, Held.WHOLE)]
    ways += [(tuple(op.need(operand, each) or Held.WHOLE for operand in range(count)), each) for each in slices]
    ways += [(tuple(each or Held.FIRST for each in needs), Held.PARTIAL) for needs in sums]
    return ways


class _Prices:
    """Rules with their times; ops that look alike are priced once."""

    def __init__(self, devices: int, cores: int, hardware: Hardware, state: frozenset[BlockArgument]) -> None:
        self._devices, self._cores, self._hardware, self._state = devices, cores, hardware, state
        self._known: dict[tuple[object, ...], Rule | None] = {}

    def rule(self, op: GraphOp, needs: tuple[State, ...], state: State) -> Rule | None:
        """The rule with what it takes; None when it cannot be: a slice of an operand that makes no op of that kind."""
        constant = tuple(isinstance(operand.owner, ConstantOp) or operand in self._state for operand in op.operands)
        key = (op.name, tuple(op.properties.items()), op.operand_types, op.result_type, constant, needs, state)
        if key not in self._known:
            self._known[key] = self._rule(op, needs, state, constant)
        return self._known[key]

    def _rule(self, op: GraphOp, needs: tuple[State, ...], state: State, constant: Sequence[bool]) -> Rule | None:
        sliced = [each for each in (state, *needs) if isinstance(each, Slices)]
        busiest = sliced[0].largest if sliced else 0
        for device in range(self._devices if sliced else 1):
            if not _is_valid(op, needs, state, device):
                return None
        local = [
            (kind, extents(box))
            for kind, need in zip(op.operand_types, needs, strict=True)
            if (box := box_of(need, kind.get_shape(), 0 if need is Held.FIRST else busiest)) is not None
        ]
        made = box_of(state, op.result_type.get_shape(), busiest)
        assert made is not None
        read = 0
        for (kind, shape), fixed, accesses in zip(local, constant, op.indexing().operands, strict=True):
            picked = any(isinstance(access, Anywhere) for access in accesses)
            read += fixed * (prod(extents(made)) if picked else prod(shape)) * element_bytes(kind.element_type)
        seconds = self._compute(op, [shape for _, shape in local], extents(made))
        return Rule(needs, state, max(seconds, read / self._hardware.ddr_bytes_per_second))

    def _compute(self, op: GraphOp, operands: Sequence[tuple[int, ...]], shape: tuple[int, ...]) -> float:
        """Seconds on the cores of a device."""
        hardware, indexing = self._hardware, op.indexing()
        cycles = core_cycles(op, operands, shape, hardware)
        shardings = candidates(shape, indexing.granularity, self._cores, hardware.hmx_columns)
        return min(map(cycles, shardings)) / hardware.core_clock_hertz


def _is_valid(op: GraphOp, needs: Sequence[State], state: State, device: int) -> bool:
    """Whether the op that a device is to run passes its own checks."""
    kinds = [
        _probe(kind, extents(box))
        for kind, need in zip(op.operand_types, needs, strict=True)
        if (box := box_of(need, kind.get_shape(), device)) is not None
    ]
    if box_of(state, op.result_type.get_shape(), device) is None:
        return True
    new = local_op(op, Block(arg_types=kinds).args, state, device)
    try:
        new.verify_()
    except VerifyException:
        return False
    return True


def _probe(kind: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A type to check with: scales of channels are sliced with the constants that have them."""
    element: Attribute = kind.element_type
    per_channel = isinstance(element, UniformType) and element.channel_axis is not None
    return TensorType(storage_type(element) if per_channel else element, shape)
