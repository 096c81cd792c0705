"""The round trip that `--verify-roundtrip` checks."""

import pytest
from xdsl.context import Context
from xdsl.dialects.arith import Arith, ConstantOp
from xdsl.dialects.builtin import (
    Builtin,
    DenseIntOrFPElementsAttr,
    ModuleOp,
    NameLoc,
    NoneAttr,
    StringAttr,
    TensorType,
    f32,
)

from dialects.errors import AicError
from dialects.text import print_module
from tools.roundtrip import check_roundtrip


@pytest.fixture
def context() -> Context:
    context = Context()
    context.load_dialect(Builtin)
    context.load_dialect(Arith)
    return context


def constant(*values: float) -> ConstantOp:
    return ConstantOp(DenseIntOrFPElementsAttr.from_list(TensorType(f32, [len(values)]), values))


def test_locations_are_printed_and_come_back(context: Context) -> None:
    op = constant(1.0, 2.0)
    op.location = NameLoc(StringAttr("bias"), NoneAttr())
    module = ModuleOp([op])
    assert 'loc("bias")' in print_module(module)
    check_roundtrip(module, context)


def test_a_changed_value_is_found(context: Context) -> None:
    # xDSL reads the infinities that it prints as integers.
    with pytest.raises(AicError, match="changes when it is parsed back from its pretty form"):
        check_roundtrip(ModuleOp([constant(1.0, float("inf"))]), context)


def test_what_does_not_parse_is_found() -> None:
    with pytest.raises(AicError, match="does not parse back"):
        check_roundtrip(ModuleOp([constant(1.0)]), Context())
