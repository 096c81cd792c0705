"""Values are defined before they are used."""

import pytest
from xdsl.context import Context
from xdsl.parser import Parser

from dialects import register_dialects
from dialects.dominance import first_undominated

GOOD = [
    """func.func @loop(%n: index, %x: i32) -> i32 {
         %zero = arith.constant 0 : index
         %one = arith.constant 1 : index
         %sum = scf.for %i = %zero to %n step %one iter_args(%acc = %x) -> (i32) {
           %next = arith.addi %acc, %x : i32
           scf.yield %next : i32
         }
         func.return %sum : i32
       }""",
    """func.func @blocks(%c: i1) -> i32 {
         %x = arith.constant 0 : i32
         cf.cond_br %c, ^a, ^b
       ^a:
         %y = arith.addi %x, %x : i32
         cf.br ^b
       ^b:
         func.return %x : i32
       }""",
]
BAD = [
    """func.func @cycle() {
         %a = arith.addi %b, %b : i32
         %b = arith.addi %a, %a : i32
         func.return
       }""",
    """func.func @in_block(%c: i1) {
         cf.br ^a
       ^a:
         %a = arith.addi %b, %b : i32
         %b = arith.constant 0 : i32
         func.return
       }""",
    """func.func @nested(%c: i1) {
         scf.if %c {
           %a = arith.addi %b, %b : i32
         }
         %b = arith.constant 0 : i32
         func.return
       }""",
]


def undominated(text: str):
    context = Context()
    register_dialects(context)
    module = Parser(context, text).parse_module()
    module.verify()
    return first_undominated(module)


@pytest.mark.parametrize("text", GOOD)
def test_values_that_are_defined(text: str) -> None:
    assert undominated(text) is None


@pytest.mark.parametrize("text", BAD)
def test_values_that_are_not(text: str) -> None:
    found = undominated(text)
    assert found is not None
    op, value = found
    assert op.name == "arith.addi"
    assert value.name_hint == "b"


def test_a_value_of_an_inner_region_is_not_defined_outside() -> None:
    context = Context()
    register_dialects(context)
    text = """func.func @f(%c: i1) {
      scf.if %c {
        %a = arith.constant 0 : i32
      }
      %b = arith.constant 0 : i32
      "test.op"(%b) : (i32) -> ()
      func.return
    }"""
    module = Parser(context, text).parse_module()
    inner, _, user = (op for op in module.walk() if op.name in ("arith.constant", "test.op"))
    user.operands[0] = inner.results[0]
    assert first_undominated(module) == (user, inner.results[0])
