"""Every rule by which devices may compute an op gives what the op gives: of all ops, with operands that come or are
constant.
"""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import FunctionType, ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region

from aic.interpreter.graph import GraphRunner
from aic.interpreter.parts import Mail, Running, run_parts
from dialects.aic import DenseAttr
from dialects.element_types import stored_dtype
from dialects.graph import GRAPH_OPS, GraphOp
from dialects.graph.base import tensor_type
from dialects.graph.constant import ConstantOp
from dialects.graph.kernels import Array
from dialects.graph.ports import named
from dialects.hardware import load_hardware
from dialects.quantized import QUANTIZED_OPS
from dialects.quantized.types import UniformType
from dialects.weights import WeightStore
from passes.partitioning.slicing.exchanges import Exchanges
from passes.partitioning.slicing.program import Connection, slice_program
from passes.partitioning.slicing.rules import nodes_of
from passes.partitioning.slicing.search import Rule
from passes.partitioning.slicing.states import Held
from tests.graph.cases import Draw, random_case
from tests.quantized.cases import random_case as random_quantized_case

PRO = load_hardware("pro")


def program_of(draw: Draw, op: GraphOp, arrays: list[Array]) -> tuple[FuncOp, dict[str, Array]]:
    """A program of one op, of whose operands some are constants, as all are that have a scale per channel; the arrays
    that it gets.
    """
    block = op.operands[0].owner
    assert isinstance(block, Block)
    inputs: dict[str, Array] = {}
    for argument, array in list(zip(block.args, arrays, strict=True)):
        element = tensor_type(argument).element_type
        if draw(st.booleans()) or (isinstance(element, UniformType) and element.channel_axis is not None):
            constant = ConstantOp(DenseAttr.of(array, tensor_type(argument)))
            block.add_op(constant)
            argument.replace_all_uses_with(constant.output)
            block.erase_arg(argument)
        else:
            stored = stored_dtype(tensor_type(argument).element_type)
            inputs[f"input{len(inputs)}"] = array.astype(stored)
    block.add_ops([op, ReturnOp(op.output)])
    kind = FunctionType.from_lists([argument.type for argument in block.args], [op.output.type])
    return FuncOp("main", kind, Region(block), arg_attrs=named(list(inputs))), inputs


def run_sliced(main: FuncOp, rule: Rule, devices: int, inputs: Mapping[str, Array]) -> Array:
    """What the devices give together, the op computed by a rule."""
    names = [f"device{number}" for number in range(devices)]
    exchanges = Exchanges(devices, "p2p", 1, PRO)
    rules: dict[Operation, Rule] = {op: rule for op in main.body.block.ops if isinstance(op, GraphOp)}
    programs = slice_program(main, rules, exchanges, Connection(names, "p2p", 0), WeightStore(""))
    mail = Mail()
    parts: dict[str, Running] = {}
    for name, program in zip(names, programs, strict=True):
        module = ModuleOp([program])
        module.verify()
        runner = GraphRunner(module)
        parts[name] = runner.start({port.name: inputs[port.name] for port in runner.inputs}, mail)
    (result,) = run_parts(parts, mail).values()
    return result


def check_rules(draw: Draw, op: GraphOp, arrays: list[Array]) -> list[Rule]:
    """Runs an op by all its rules, which are returned."""
    devices = draw(st.integers(2, 3))
    main, inputs = program_of(draw, op, arrays)
    module = ModuleOp([main])
    (whole,) = GraphRunner(module).run(inputs).values()
    (node,) = nodes_of([op], devices, 1, PRO)
    for rule in node.rules:
        result = run_sliced(main, rule, devices, inputs)
        if whole.dtype.kind == "f":  # the last bit of sums depends on where operands lie in memory
            np.testing.assert_allclose(result, whole, rtol=1e-5, atol=1e-6)
        else:
            np.testing.assert_array_equal(result, whole)
    return list(node.rules)


@pytest.mark.parametrize("kind", GRAPH_OPS, ids=lambda kind: kind.kernel_name())
@settings(max_examples=25)
@given(data=st.data())
def test_an_op_by_all_its_rules(kind: type[GraphOp], data: st.DataObject) -> None:
    check_rules(data.draw, *random_case(data.draw, kind))


@pytest.mark.parametrize("kind", QUANTIZED_OPS, ids=lambda kind: kind.name)
@settings(max_examples=25)
@given(data=st.data())
def test_an_op_on_integers_by_all_its_rules(kind: type[GraphOp], data: st.DataObject) -> None:
    rules = check_rules(data.draw, *random_quantized_case(data.draw, kind))
    assert all(rule.state is not Held.PARTIAL for rule in rules)
