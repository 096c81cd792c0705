"""Scheduled programs with something changed, as operations and as the words of their encoding."""

from random import Random

from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    IntegerAttr,
    ModuleOp,
    NoneAttr,
    StringAttr,
    UnitAttr,
    f32,
    i64,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation
from xdsl.rewriter import Rewriter

from aic.qpc.program_format import ProgramLimits, pack_program, unpack_program
from aic.qpc.words import MAX_WORD, pack_words, unpack_words
from dialects.tile.instructions import ForOp
from tests.qpc.fuzz.values import attribute, damaged

_MOST = (1 << 32) - 1
"""Operations that the header of an encoded program can tell."""
_TRIPS = [1, 2, 3, 100, 1000, 1 << 17, 1 << 40]
_MISFITS = [
    UnitAttr(),
    StringAttr("x"),
    IntegerAttr(-1, i64),
    DenseArrayBase.from_list(i64, []),
    f32,
    NoneAttr(),
    ArrayAttr([]),
]


def change_program(random: Random, module: ModuleOp) -> None:
    """Changes one to three things about a program, which need not verify afterwards."""
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        changed = False
        while not changed:
            operation = random.choice([op for op in module.walk() if not isinstance(op, ModuleOp)])
            changed = random.choice(_CHANGES)(random, module, operation)


def change_words(random: Random, program: bytes) -> bytes:
    """An encoded program with some of the numbers that it consists of changed."""
    header, numbers, strings = unpack_program(program, ProgramLimits())
    words, text, operations = unpack_words(numbers), bytes(strings), header.operations
    for _ in range(random.choice([1, 1, 1, 2, 5])):
        at = random.randrange(len(words))
        match random.randrange(10):
            case 0:
                del words[at : at + random.choice([1, 1, 2, 10])]
            case 1:
                words.insert(at, random.choice(words))
            case 2:
                text = damaged(random, text)
            case 3:
                operations = random.choice([0, 1, min(operations + 1, _MOST), max(operations - 1, 0), _MOST])
            case _:
                near = [words[at] + 1, max(words[at] - 1, 0), 2 * words[at], words[at] ^ 1, words[at] ^ 2]
                words[at] = min(random.choice([0, 1, 2, MAX_WORD, random.choice(words), *near]), MAX_WORD)
        words = words or [0]
    return pack_program(operations, pack_words(words), text)


def _pool(module: ModuleOp) -> list[Attribute]:
    """All attributes of a program, and some that fit nowhere."""
    found: list[Attribute] = [*_MISFITS]
    for op in module.walk():
        found += [*op.properties.values(), *op.attributes.values(), *(result.type for result in op.results)]
    return found


def _property(random: Random, module: ModuleOp, op: Operation) -> bool:
    if not op.properties:
        return False
    name = random.choice(sorted(op.properties))
    op.properties[name] = attribute(random, op.properties[name], _pool(module))
    return True


def _absent_property(random: Random, module: ModuleOp, op: Operation) -> bool:
    names = sorted(type(op).get_irdl_definition().properties)
    if not names:
        return False
    name = random.choice(names)
    if op.properties.pop(name, None) is None:
        op.properties[name] = random.choice(_pool(module))
    return True


def _result_type(random: Random, module: ModuleOp, op: Operation) -> bool:
    for value in op.results[:1]:
        Rewriter.replace_value_with_new_type(value, attribute(random, value.type, _pool(module)))
    return bool(op.results)


def _module_attribute(random: Random, module: ModuleOp, op: Operation) -> bool:
    changed = random.choice([op for op in module.walk() if isinstance(op, ModuleOp) and op.attributes])
    name = random.choice(sorted(changed.attributes))
    changed.attributes[name] = attribute(random, changed.attributes[name], _pool(module))
    return True


def _operand(random: Random, module: ModuleOp, op: Operation) -> bool:
    if not op.operands:
        return False
    op.operands[random.randrange(len(op.operands))] = random.choice(
        [v for other in module.walk() for v in other.results]
    )
    return True


def _is_statement(op: Operation) -> bool:
    return op.parent is not None and not op.results and not isinstance(op, FuncOp | ReturnOp)


def _left_out(random: Random, module: ModuleOp, op: Operation) -> bool:
    if not _is_statement(op):
        return False
    op.detach()
    return True


def _repeated(random: Random, module: ModuleOp, op: Operation) -> bool:
    if op.parent is None or isinstance(op, FuncOp | ReturnOp):
        return False
    op.parent.insert_op_after(op.clone(), op)
    return True


def _moved(random: Random, module: ModuleOp, op: Operation) -> bool:
    others = [] if op.parent is None else [other for other in op.parent.ops if other is not op]
    if op.parent is None or not _is_statement(op) or not others:
        return False
    block = op.parent
    op.detach()
    block.insert_op_before(op, random.choice(others))
    return True


def _looped(random: Random, module: ModuleOp, op: Operation) -> bool:
    if op.parent is None or not _is_statement(op):
        return False
    block, following = op.parent, op.next_op
    op.detach()
    loop = ForOp.around(random.choice(_TRIPS), Block([op]))
    if following is None:
        block.add_op(loop)
    else:
        block.insert_op_before(loop, following)
    return True


def _strange(random: Random, module: ModuleOp, op: Operation) -> bool:
    """Something that no program has: an argument of @main, another function, a module in it."""
    functions = [op for op in module.walk() if isinstance(op, FuncOp) and op.body.blocks]
    bodies = [function.body.block for function in functions if function.body.block.ops]
    if not bodies:  # earlier changes have left none
        return False
    body = random.choice(bodies)
    match random.randrange(3):
        case 0:
            body.insert_arg(f32, 0)
        case 1:
            module.body.block.add_op(FuncOp("main", ((), ())))
        case _:
            body.insert_op_before(ModuleOp([]), next(iter(body.ops)))
    return True


_CHANGES = [
    *[_property] * 6, *[_result_type] * 2, *[_module_attribute] * 2, _absent_property, _operand, _left_out, _repeated,
    _moved, _looped, _strange,
]  # fmt: skip
