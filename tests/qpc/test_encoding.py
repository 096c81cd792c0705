import struct
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects import arith, func, memref, scf, test
from xdsl.dialects.builtin import (
    ArrayAttr,
    Builtin,
    BytesAttr,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    DenseResourceAttr,
    DictionaryAttr,
    Float16Type,
    FloatAttr,
    FloatData,
    FunctionType,
    FusedLoc,
    IndexType,
    IntAttr,
    IntegerAttr,
    MemRefType,
    ModuleOp,
    NoneAttr,
    StringAttr,
    TensorType,
    UnitAttr,
    f32,
    f64,
    i1,
    i32,
    i64,
)
from xdsl.ir import Attribute, Block, Region, SSAValue

from aic.qpc.decoding import decode
from aic.qpc.encoding import encode
from aic.qpc.errors import QpcError
from aic.qpc.program_format import HEADER, ProgramLimits, pack_program, read_header
from aic.qpc.words import pack_words, unpack_words
from dialects.equality import first_difference, same_module
from tests.qpc.samples import damaged, make_context, named, small_module

CONTEXT = make_context()

FLOATS = st.floats(allow_nan=True, width=64) | st.sampled_from(
    [struct.unpack("<d", struct.pack("<Q", bits))[0] for bits in (0x7FF8000000000001, 0xFFF0000000000123, 1 << 63)]
)
LEAVES = st.one_of(
    st.text(max_size=6).map(StringAttr),
    st.integers().map(IntAttr),
    st.integers(-(2**31), 2**31 - 1).map(lambda value: IntegerAttr(value, i32)),
    FLOATS.map(lambda value: FloatAttr(value, f64)),
    FLOATS.map(FloatData),
    st.binary(max_size=9).map(BytesAttr),
    st.lists(st.integers(-9, 9), max_size=4).map(lambda values: DenseArrayBase.from_list(i64, values)),
    st.lists(st.integers(1, 9), max_size=4).map(lambda shape: TensorType(Float16Type(), shape)),
    st.just(DenseIntOrFPElementsAttr(TensorType(f32, [2]), BytesAttr(bytes(range(8))))),
    st.just(UnitAttr()),
)
ATTRIBUTES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3).map(ArrayAttr)
        | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3).map(DictionaryAttr)
    ),
    max_leaves=5,
)
FUSED = FusedLoc(ArrayAttr([named("a"), named("b")]), NoneAttr())
LOCATIONS = st.sampled_from([named("conv1"), named("conv1/Relu"), FUSED])
SINGLES = st.floats(allow_nan=True, width=32)


@st.composite
def modules(draw: st.DrawFn) -> ModuleOp:
    """A module of func, arith, scf and memref operations, with nested loops, locations and odd attributes."""
    memory = MemRefType(f32, [4, 8])
    block = Block(arg_types=[f32, memory])
    block.args[0].location = draw(LOCATIONS)
    index = arith.ConstantOp(IntegerAttr(draw(st.integers(0, 3)), IndexType()))
    block.add_op(index)
    _fill(draw, block, [block.args[0]], index.result, block.args[1], depth=0)
    block.add_op(func.ReturnOp())
    function = func.FuncOp("main", FunctionType.from_lists([f32, memory], []), Region(block))
    function.location = draw(LOCATIONS)
    declared = func.FuncOp.external("outside", [f32], [f32])
    return ModuleOp([function, declared], draw(st.dictionaries(st.sampled_from(["aic.x", "aic.y"]), ATTRIBUTES)))


def _fill(draw: st.DrawFn, block: Block, values: list[SSAValue], index: SSAValue, memory: SSAValue, depth: int) -> None:
    for kind in draw(st.lists(st.sampled_from(["constant", "add", "store", "load", "loop", "if"]), max_size=5)):
        if kind == "constant":
            operation = arith.ConstantOp(FloatAttr(draw(SINGLES), f32))
        elif kind == "add":
            operation = arith.AddfOp(draw(st.sampled_from(values)), draw(st.sampled_from(values)))
            operation.attributes["note"] = draw(ATTRIBUTES)
        elif kind == "store":
            operation = memref.StoreOp.get(draw(st.sampled_from(values)), memory, [index, index])
        elif kind == "load":
            operation = memref.LoadOp.get(memory, [index, index])
        elif kind == "loop" and depth < 3:
            body = Block(arg_types=[IndexType()])
            body.args[0].location = draw(LOCATIONS)
            _fill(draw, body, [*values], body.args[0], memory, depth + 1)
            body.add_op(scf.YieldOp())
            operation = scf.ForOp(index, index, index, [], body)
        elif kind == "if" and depth < 3:
            truth = arith.ConstantOp(IntegerAttr(1, i1))
            block.add_op(truth)
            branch = Block([scf.YieldOp()])
            operation = scf.IfOp(truth.result, [], Region(branch), Region(Block([scf.YieldOp()])))
        else:
            continue
        operation.location = draw(LOCATIONS)
        block.add_op(operation)
        values += [result for result in operation.results if result.type == f32]


@given(modules())
@settings(max_examples=60, deadline=None)
def test_round_trip(module: ModuleOp) -> None:
    data = encode(module)
    back = decode(data, CONTEXT)
    assert first_difference(module, back) is None
    assert encode(back) == data


@given(ATTRIBUTES)
@settings(max_examples=150, deadline=None)
def test_attributes_come_back_exactly(attribute: Attribute) -> None:
    back = decode(encode(ModuleOp([], {"aic.x": attribute})), CONTEXT)
    assert back.attributes["aic.x"] == attribute
    assert str(back.attributes["aic.x"]) == str(attribute)


def test_zeros_and_nans_keep_their_bits() -> None:
    bits = [0, 1 << 63, 0x7FF8000000000000, 0x7FF8000000000001, 0xFFF8000000000000]
    floats = [FloatData(struct.unpack("<d", struct.pack("<Q", pattern))[0]) for pattern in bits]
    back = decode(encode(ModuleOp([], {"aic.x": ArrayAttr(floats)})), CONTEXT).attributes["aic.x"]
    assert isinstance(back, ArrayAttr)
    assert [struct.unpack("<Q", struct.pack("<d", item.data))[0] for item in back] == bits


@given(damaged(zlib.decompress(encode(small_module())[HEADER.size :])))
@settings(max_examples=300, deadline=None)
def test_damage_is_refused_or_harmless(payload: bytes) -> None:
    header = HEADER.pack(b"AICPROG\0", 1, 0, read_header(encode(small_module())).operations, len(payload))
    try:
        decode(header + zlib.compress(payload), CONTEXT)
    except QpcError:
        return


@given(damaged(encode(small_module())))
@settings(max_examples=100, deadline=None)
def test_damage_of_the_stream_is_refused_or_harmless(data: bytes) -> None:
    try:
        decode(data, CONTEXT)
    except QpcError:
        return


def long_module(count: int) -> ModuleOp:
    block = Block(arg_types=[f32])
    value: SSAValue = block.args[0]
    for position in range(count):
        operation = arith.AddfOp(value, block.args[0])
        operation.location = named(f"/layer{position // 8}/Add")
        block.add_op(operation)
        value = operation.result
    block.add_op(func.ReturnOp(value))
    return ModuleOp([func.FuncOp("main", FunctionType.from_lists([f32], [f32]), Region(block))])


def test_size_per_operation() -> None:
    assert len(encode(long_module(2000))) < 64 * 2000


def test_limits_are_checked() -> None:
    data = encode(long_module(50))
    limits = ProgramLimits()
    for tight, message in (
        (replace(limits, operations=52), "operations, at most 52"),
        (replace(limits, payload_bytes=100), "too large"),
        (replace(limits, attributes=5), "attributes, at most 5"),
        (replace(limits, attribute_nodes=10), "more than 10 nodes"),
        (replace(limits, visits=20), "more than 20 nodes"),
        (replace(limits, depth=1), "deeper than 1"),
    ):
        with pytest.raises(QpcError, match=message):
            decode(data, CONTEXT, tight)
    assert decode(data, CONTEXT, replace(limits, operations=53))


def test_a_zip_bomb_is_not_unpacked() -> None:
    bomb = HEADER.pack(b"AICPROG\0", 1, 0, 1, 1000) + zlib.compress(bytes(50_000_000), 9)
    with pytest.raises(QpcError, match="announced 1000 bytes"):
        decode(bomb, CONTEXT)
    with pytest.raises(QpcError, match="too large"):
        decode(HEADER.pack(b"AICPROG\0", 1, 0, 1, 1 << 60) + zlib.compress(b""), CONTEXT)


def test_shared_attributes_cannot_multiply() -> None:
    # Each array holds the one before twice: 2**40 leaves if walked.
    attribute: Attribute = UnitAttr()
    for _ in range(40):
        attribute = ArrayAttr([attribute, attribute])
    data = encode(ModuleOp([], {"aic.x": attribute}))
    with pytest.raises(QpcError, match="nodes in all"):
        decode(data, CONTEXT)


def test_values_of_a_region_are_not_visible_after_it() -> None:
    inner = Block(arg_types=[IndexType()])
    constant = arith.ConstantOp(FloatAttr(1.0, f32))
    inner.add_ops([constant, scf.YieldOp()])
    index = arith.ConstantOp(IntegerAttr(0, IndexType()))
    loop = scf.ForOp(index.result, index.result, index.result, [], inner)
    leak = arith.AddfOp(constant.result, constant.result)
    with pytest.raises(QpcError, match=r"arith\.addf.*not defined before it"):
        encode(ModuleOp([index, loop, leak]))


def blocks_module() -> ModuleOp:
    second = Block([func.ReturnOp()])
    first = Block([test.TestTermOp.create(successors=[second])])
    return ModuleOp([func.FuncOp("main", FunctionType.from_lists([], []), Region([first, second]))])


def later_module() -> ModuleOp:
    constant = arith.ConstantOp(FloatAttr(1.0, f32))
    return ModuleOp([arith.AddfOp(constant.result, constant.result), constant])


def unregistered_module() -> ModuleOp:
    cls = Context(allow_unregistered=True).get_op("nobody.knows")
    return ModuleOp([cls.create()])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (blocks_module, "blocks"),
        (later_module, "not defined before it"),
        (unregistered_module, r"nobody\.knows.*not registered"),
        (
            lambda: ModuleOp([], {"a": DenseResourceAttr.from_params("key", TensorType(f32, [2]))}),
            "outside the program",
        ),
    ],
)
def test_what_cannot_be_encoded_is_refused(make: Callable[[], ModuleOp], message: str) -> None:
    with pytest.raises(QpcError, match=message):
        encode(make())


def test_unknown_dialects_are_refused() -> None:
    bare = Context()
    with pytest.raises(QpcError, match="no registered dialect has"):
        decode(encode(small_module()), bare)
    bare.load_dialect(Builtin)
    with pytest.raises(QpcError, match=r"'#arith\.fastmath', which no registered dialect has"):
        decode(encode(small_module()), bare)
    bare.load_dialect(arith.Arith)
    with pytest.raises(QpcError, match=r"operation 'func\.func', which no registered dialect has"):
        decode(encode(small_module()), bare)
    lenient = Context(allow_unregistered=True)
    lenient.load_dialect(Builtin)
    with pytest.raises(QpcError, match="no registered dialect has"):
        decode(encode(small_module()), lenient)


def test_a_module_that_does_not_verify_is_refused() -> None:
    module = small_module()
    function = next(iter(module.ops))
    function.attributes["sym_visibility"] = StringAttr("x")
    addition = next(operation for operation in module.walk() if operation.name == "arith.addf")
    addition.properties["fastmath"] = StringAttr("not flags")
    with pytest.raises(QpcError, match=r"arith\.addf \(node/Add\) does not verify"):
        decode(encode(module), CONTEXT)


def test_a_block_without_terminator_is_refused() -> None:
    module = small_module()
    function = next(iter(module.ops))
    last = function.regions[0].block.last_op
    assert last is not None
    last.detach()
    with pytest.raises(QpcError, match=r"func\.func: its block does not end in a terminator"):
        decode(encode(module), CONTEXT)


def test_other_versions_are_refused() -> None:
    data = bytearray(encode(small_module()))
    data[8] = 2
    with pytest.raises(QpcError, match=r"version 2\.0"):
        decode(bytes(data), CONTEXT)
    with pytest.raises(QpcError, match="wrong magic"):
        decode(bytes(len(data)), CONTEXT)


@given(st.lists(st.integers(0, 2**63 - 1)))
@settings(max_examples=60, deadline=None)
def test_words_round_trip(words: list[int]) -> None:
    assert unpack_words(pack_words(words)) == words


def test_words_that_are_cut_off_or_too_long_are_refused() -> None:
    with pytest.raises(QpcError, match="cut off"):
        unpack_words(b"\x01\x80")
    with pytest.raises(QpcError, match="63 bits"):
        unpack_words(b"\x80" * 9 + b"\x01")


def test_an_empty_payload_is_refused() -> None:
    with pytest.raises(QpcError, match="malformed"):
        decode(pack_program(0, b"", b""), CONTEXT)


def test_equality_sees_what_differs() -> None:
    def change(at: Callable[[ModuleOp], None]) -> str | None:
        other = small_module()
        at(other)
        assert same_module(small_module(), other) == (first_difference(small_module(), other) is None)
        return first_difference(small_module(), other)

    def operation(module: ModuleOp, name: str):
        return next(found for found in module.walk() if found.name == name)

    assert change(lambda module: None) is None
    assert "location" in str(change(lambda m: setattr(operation(m, "arith.addf"), "location", named("other"))))
    assert "attributes" in str(change(lambda m: operation(m, "arith.addf").attributes.update(a=UnitAttr())))
    assert "operands" in str(change(lambda m: operation(m, "arith.addf").operands.__setitem__(
        0, operation(m, "arith.constant").results[0])))  # fmt: skip
    block = lambda m: operation(m, "func.func").regions[0].block  # noqa: E731
    assert "block arguments" in str(change(lambda m: setattr(block(m).args[0], "location", named("x"))))
    assert "properties" in str(
        change(lambda m: operation(m, "arith.constant").properties.update(value=FloatAttr(-0.0, f32)))
    )
