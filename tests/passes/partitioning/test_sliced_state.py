"""State that devices keep between inferences, and weights that several programs share: how they are held."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from aic.interpreter.graph import GraphRunner
from aic.interpreter.parts import Mail
from aic.partitions.ports import NetworkPorts, PartPorts
from aic.tensors import Array, TensorInfo
from dialects import create_context
from dialects.errors import AicError
from dialects.graph.base import GraphOp
from dialects.graph.ports import Port
from dialects.hardware import load_hardware
from dialects.module import main_of, set_port_names
from dialects.retained import StateSlice, set_retained, set_state_slices
from dialects.text import SourceMap, parse_module
from dialects.weights import WeightStore
from passes.partitioning.retained import ProgramState
from passes.partitioning.slicing.exchanges import Exchanges
from passes.partitioning.slicing.program import Connection, slice_program
from passes.partitioning.slicing.rules import Made, nodes_of
from passes.partitioning.slicing.search import Node, Rule, Shared, choose_rules
from passes.partitioning.slicing.states import Held, Slices, State
from passes.partitioning.slicing.together import choose_together
from tests.passes.partitioning.test_slicing import FIRST, HALVES, WHOLE, free

PRO = load_hardware("pro")
SHAPE = (4, 6)
GROWING = """
builtin.module attributes {aic.retained = ["s"]} {
  func.func @main(%x: tensor<6xf32> {aic.name = "x"}, %s: tensor<4x6xf32> {aic.name = "s"})
      -> (tensor<4x6xf32> {aic.name = "s_RetainedState"}, tensor<4x6xf32> {aic.name = "y"}) {
    %0 = graph.add %s, %x : (tensor<4x6xf32>, tensor<6xf32>) -> tensor<4x6xf32>
    %1 = graph.relu %0 : (tensor<4x6xf32>) -> tensor<4x6xf32>
    func.return %0, %1 : tensor<4x6xf32>, tensor<4x6xf32>
  }
}
"""
STATES: tuple[State, ...] = (
    FIRST,
    WHOLE,
    Slices(0, ((0, 1), (1, 3), (3, 4))),
    Slices(1, ((0, 2), (2, 4), (4, 6))),
    Slices(1, ((0, 4), (0, 4), (3, 6))),  # as heads are that devices share
)


@pytest.mark.parametrize("held", STATES, ids=str)
@pytest.mark.parametrize("made", [FIRST, WHOLE, *STATES[2:4]], ids=str)
def test_state_is_the_same_however_it_is_held(held: State, made: State) -> None:
    """And however the op computes it that makes the next one."""
    module = parse_module(create_context(), SourceMap("test", GROWING))
    main, state, devices = main_of(module), ProgramState.of(module), 3
    ops = [op for op in main.body.block.ops if isinstance(op, GraphOp)]
    row = Slices(0, made.parts) if isinstance(made, Slices) and made.dim else WHOLE
    needs = {FIRST: (FIRST, FIRST), WHOLE: (WHOLE, WHOLE)}.get(made, (made, row))  # pyright: ignore
    of: dict[Made, Rule] = {
        main.body.block.args[1]: Rule((), held, 0.0),
        ops[0]: Rule(needs, made, 0.0),
        ops[1]: Rule((made,), made, 0.0),
    }
    names = [f"device{number}" for number in range(devices)]
    exchanges = Exchanges(devices, "p2p", 1, PRO)
    programs = slice_program(main, of, exchanges, Connection(names, "p2p", 0), WeightStore(""), state.becomes)
    runners: dict[str, GraphRunner] = {}
    parts: dict[str, PartPorts] = {}
    for number, (name, program) in enumerate(zip(names, programs, strict=True)):
        part = ModuleOp([program])
        part.verify()
        runner = runners[name] = GraphRunner(part)
        keeps = not number or held is not FIRST
        set_retained(part, ["s"] if keeps else [])
        if isinstance(held, Slices):
            set_state_slices(part, {"s": StateSlice(held.dim, held.parts[number][0], SHAPE[held.dim])})
        parts[name] = PartPorts.of(part, infos(runner.inputs), infos(runner.outputs))
        assert keeps == ("s" in [port.name for port in runner.inputs])
    set_port_names(module, "input", ["x", "s"])
    set_port_names(module, "output", ["s_RetainedState", "y"])
    ports = NetworkPorts.of(module, parts)
    inputs: dict[str, Array] = {"x": np.arange(6, dtype="f") - 3, "s": np.arange(24, dtype="f").reshape(SHAPE) - 12}
    mail = Mail()
    outputs = ports.run(inputs, lambda name, given: runners[name].start(given, mail), mail)
    np.testing.assert_array_equal(outputs["s_RetainedState"], inputs["s"] + inputs["x"])
    np.testing.assert_array_equal(outputs["y"], np.maximum(inputs["s"] + inputs["x"], 0))
    with pytest.raises(AicError, match=r"x: float32 \[2\] given, float32 \[6\] expected; s: missing; z: the network"):
        ports.run({"x": inputs["x"][:2], "z": inputs["x"]}, lambda name, given: runners[name].start(given, mail), mail)


def infos(ports: Sequence[Port]) -> list[TensorInfo]:
    return [TensorInfo(port.name, port.dtype, port.type.get_shape()) for port in ports]


def test_state_is_a_node_that_the_next_one_becomes() -> None:
    module = parse_module(create_context(), SourceMap("test", GROWING))
    block, state = main_of(module).body.block, ProgramState.of(module)
    made: list[Made] = [block.args[1], *(op for op in block.ops if isinstance(op, GraphOp))]
    keys, new, answer = nodes_of(made, 2, 1, PRO, state)
    assert (keys.state, keys.producers, new.becomes, new.leaves) == ("s", (), (0,), False)
    assert (answer.becomes, answer.leaves) == ((), True)
    assert [rule.state for rule in keys.rules[:2]] == [FIRST, WHOLE]
    assert all(rule.seconds == 0.0 for rule in keys.rules)


# ------------------------------------------------------------------------------------------------------- the choice


def growing(seconds: float) -> list[Node]:
    """State, and an op that makes the next one of it, for whom slices take half of the time."""
    held = (FIRST, WHOLE, HALVES, Slices(0, ((0, 3), (3, 7))))
    state = Node((), (7, 9), 2, tuple(Rule((), each, 0.0) for each in held), state="s")
    rules = [Rule((each,), each, seconds / 2 if isinstance(each, Slices) else seconds) for each in held]
    return [state, Node((0,), (7, 9), 2, tuple(rules), becomes=(0,), weights=(None,))]


def test_state_stays_where_its_next_one_is_made() -> None:
    choice = choose_rules(growing(8.0), 2, free)
    assert [rule.state for rule in choice.rules] == [HALVES, HALVES]
    assert choice.seconds == 4.0


def with_weight(seconds: Mapping[State, float], *, leaves: bool = True) -> list[Node]:
    """An op that reads a weight by its columns or as a whole, in so much time each."""
    weight = Shared("w", (5, 9))
    rules = [Rule((each,), FIRST if each is FIRST else HALVES, time) for each, time in seconds.items()]
    return [Node((None,), (7, 9), 2, tuple(rules), leaves, weights=(weight,))]


def test_programs_take_a_weight_from_the_same_slices() -> None:
    """The second would rather have all of the weight on the first device: it gets it as the first program has it."""
    rows = Slices(0, ((0, 2), (2, 5)))
    first = with_weight({FIRST: 100.0, HALVES: 10.0, rows: 11.0})
    second = with_weight({FIRST: 12.0, rows: 1.0, HALVES: 3.0})
    assert choose_rules(first, 2, free).rules[0].needs == (HALVES,)
    assert choose_rules(second, 2, free).rules[0].needs == (rows,)
    choices = choose_together([first, second], 2, free)
    assert [choice.rules[0].needs for choice in choices] == [(rows,), (rows,)]
    alike = choose_together([first, with_weight({FIRST: 12.0, rows: 12.0, HALVES: 3.0})], 2, free)
    assert [choice.rules[0].needs for choice in alike] == [(HALVES,), (HALVES,)]


def test_a_program_for_which_no_slices_fit_is_free() -> None:
    only_whole = with_weight({FIRST: 5.0})
    choices = choose_together([with_weight({FIRST: 100.0, HALVES: 10.0}), only_whole], 2, free)
    assert [choice.rules[0].needs for choice in choices] == [(HALVES,), (FIRST,)]


@pytest.mark.parametrize(("first", "second"), list(product((1.0, 8.0, 50.0), repeat=2)))
def test_programs_hold_state_alike(first: float, second: float) -> None:
    choices = choose_together([growing(first), growing(second)], 2, free)
    assert len({choice.rules[0].state for choice in choices}) == 1
    for choice in choices:
        assert choice.rules[1].state == choice.rules[0].state


def test_state_of_other_shapes_is_cut_along_the_same_dimension() -> None:
    longer = Slices(1, ((0, 8), (8, 16)))
    rules: list[Any] = [Rule((), each, 0.0) for each in (FIRST, WHOLE, Slices(0, ((0, 4), (4, 7))), longer)]
    other = [
        Node((), (7, 16), 2, tuple(rules), state="s"),
        Node((0,), (7, 16), 2, tuple(Rule((r.state,), r.state, 0.5) for r in rules), becomes=(0,), weights=(None,)),
    ]
    held = [choice.rules[0].state for choice in choose_together([growing(8.0), other], 2, free)]
    assert held == [HALVES, longer]
    assert not isinstance(held[1], Held)


def test_state_may_stay_as_it_is_or_change_places() -> None:
    """Two that become each other, and one that becomes itself."""
    held = tuple(Rule((), each, 0.0) for each in (FIRST, WHOLE, HALVES))
    nodes = [Node((), (7, 9), 2, held, becomes=(next_one,), state=str(next_one)) for next_one in (1, 0, 2)]
    choice = choose_rules(nodes, 2, free)
    assert choice.seconds == 0.0
    assert choice.rules[0].state == choice.rules[1].state
