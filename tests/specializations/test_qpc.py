"""A QPC with several programs is not trusted: what they must have in common is checked, and that the file says so."""

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, ModuleOp, StringAttr, i64

from aic.emit import emit_qpc, placed_program
from aic.load import load_qpc, validate_qpc
from aic.qpc.container import NETWORK_DESC, NETWORK_ELF, NewSegment, container_bytes, read_container
from aic.qpc.descriptor import NetworkDescriptor, TensorShape, parse_descriptor, serialize_descriptor
from aic.qpc.elf import METADATA_SECTION, PROGRAM_SECTION, read_elf, write_elf
from aic.qpc.encoding import encode
from dialects.errors import AicError
from dialects.module import HOLDS, SYMBOLS, holding, main_of, set_symbols
from dialects.tile.buffers import AllocOp, TensorOp
from dialects.weights import STORE_ATTRIBUTE
from tests.driver.programs import tiny_program


def both() -> ModuleOp:
    """The tiny program twice."""
    programs = [tiny_program(), tiny_program()]
    common = {name: programs[0].attributes[name] for name in ("aic.target", "aic.cores", STORE_ATTRIBUTE)}
    for number, program in enumerate(programs):
        program.sym_name = StringAttr(f"spec{number}")
        set_symbols(program, {"n": number + 1})
        for name in common:
            program.attributes.pop(name)
    module = holding("specializations", programs, common)
    module.sym_name = StringAttr("twice")
    return module


@pytest.fixture(scope="module")
def qpc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("twice") / "x.bin"
    emit_qpc(both(), path)
    return path


def second(module: ModuleOp) -> ModuleOp:
    program = list(module.body.block.ops)[1]
    assert isinstance(program, ModuleOp)
    return program


def test_constants_are_stored_once(qpc: Path, tmp_path: Path) -> None:
    emit_qpc(tiny_program(), tmp_path / "one.bin")
    once, twice = (read_container(memoryview(path.read_bytes())) for path in (tmp_path / "one.bin", qpc))
    assert len(once["constants.bin"].data) == len(twice["constants.bin"].data)
    assert not validate_qpc(qpc).findings
    assert len(load_qpc(qpc).descriptor.allowed_shapes) == 2


def other_name(module: ModuleOp) -> None:
    tensor = next(op for op in main_of(second(module)).body.walk() if isinstance(op, TensorOp))
    tensor.properties["label"] = StringAttr("z")


def far_address(module: ModuleOp) -> None:
    alloc = next(op for op in main_of(second(module)).body.walk() if isinstance(op, AllocOp))
    alloc.properties["address"] = IntegerAttr(1 << 40, i64)


def many(module: ModuleOp) -> None:
    for number in range(2, 66):
        clone = second(module).clone()
        clone.sym_name = StringAttr(f"spec{number}")
        module.body.block.add_op(clone)


def deeper(module: ModuleOp) -> None:
    program = second(module)
    program.detach()
    module.body.block.add_op(ModuleOp([program], sym_name=StringAttr("deeper")))


def beside(module: ModuleOp) -> None:
    module.body.block.add_op(main_of(second(module)).clone())


def empty(module: ModuleOp) -> None:
    for op in list(module.body.block.ops):
        op.detach()
        op.erase()


def does_not_say(module: ModuleOp) -> None:
    module.attributes.pop(HOLDS)


CHANGES: dict[str, tuple[Callable[[ModuleOp], None], str]] = {
    "name": (other_name, "spec1 (n=2) and spec0 (n=1) differ in the names or types of their inputs"),
    "address": (far_address, "in spec1 (n=2): "),
    "many": (many, "66 specializations, at most 64 are possible"),
    "deeper": (deeper, "a module of specializations holds anything but a program each"),
    "beside": (beside, "a module of specializations holds anything but a program each"),
    "empty": (empty, "a module of specializations holds none"),
    "no name": (lambda m: second(m).properties.clear(), "a name each, and none twice"),
    "cores": (
        lambda m: second(m).attributes.update({"aic.cores": IntegerAttr(1, i64)}),
        "spec1 (n=2) is for another card or number of cores",
    ),
    "symbols": (
        lambda m: second(m).attributes.update({SYMBOLS: StringAttr("n")}),
        'aic.symbols = "n": expected a dictionary of integers',
    ),
    "holds": (lambda m: m.attributes.update({HOLDS: StringAttr("parts")}), 'aic.holds = "parts"'),
    "holds nothing": (does_not_say, "the module holds 2 modules and does not say what they are"),
    "state": (
        lambda m: second(m).attributes.update({"aic.retained": ArrayAttr([StringAttr("x")])}),
        "spec1 (n=2) and spec0 (n=1) do not keep the same inputs on the card",
    ),
    "state of none": (
        lambda m: m.attributes.update({"aic.retained": ArrayAttr([StringAttr("x")])}),
        "'x' stays on the card: input 'x' is not there",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_programs_that_are_no_specializations(name: str, qpc: Path, tmp_path: Path) -> None:
    """Neither emitted nor, whoever wrote the file, loaded."""
    change, message = CHANGES[name]
    module = both()
    change(module)
    with pytest.raises(AicError) as caught:
        emit_qpc(module, tmp_path / "emitted.bin")
    assert message in str(caught.value)
    assert not (tmp_path / "emitted.bin").exists()
    module, _ = placed_program(both())
    change(module)

    def content(image: bytes) -> bytes:
        return write_elf(encode(module), bytes(read_elf(image).sections[METADATA_SECTION]))

    path = changed(qpc, NETWORK_ELF, content, tmp_path)
    assert message in validate_qpc(path).text()
    with pytest.raises(AicError):
        load_qpc(path)


def test_names_that_come_twice(tmp_path: Path) -> None:
    """Which a file cannot have: its program would not verify."""
    module = both()
    second(module).sym_name = StringAttr("spec0")
    with pytest.raises(AicError, match="specializations must have a name each, and none twice"):
        emit_qpc(module, tmp_path / "x.bin")


def changed(qpc: Path, name: str, content: Callable[[bytes], bytes], folder: Path) -> Path:
    """The file with another content of a segment."""
    segments = read_container(memoryview(qpc.read_bytes())).values()
    parts = [(s.name, content(bytes(s.data)) if s.name == name else bytes(s.data), s.static_size) for s in segments]
    path = folder / "changed.bin"
    path.write_bytes(container_bytes([NewSegment.of_bytes(*part) for part in parts]))
    return path


def another_shape(descriptor: NetworkDescriptor) -> NetworkDescriptor:
    (x, y), other = descriptor.allowed_shapes
    return replace(descriptor, allowed_shapes=((TensorShape(x.type, (1, 600)), y), other))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (another_shape, "its allowed_shapes are not those of the program's specializations"),
        (lambda d: replace(d, allowed_shapes=()), "its allowed_shapes are not those of the program's specializations"),
        (lambda d: replace(d, allowed_shapes=d.allowed_shapes[:1]), "its allowed_shapes are not those"),
        (
            lambda d: replace(d, inputs=(replace(d.inputs[0], is_partial_allowed=True),)),
            "its inputs are not those of the program",
        ),
    ],
)
def test_a_descriptor_that_says_otherwise(
    change: Callable[[NetworkDescriptor], NetworkDescriptor], message: str, qpc: Path, tmp_path: Path
) -> None:
    path = changed(qpc, NETWORK_DESC, lambda data: serialize_descriptor(change(parse_descriptor(data))), tmp_path)
    assert message in validate_qpc(path).text()
    with pytest.raises(AicError, match=r"networkdesc\.bin"):
        load_qpc(path)


def test_what_programs_execute_together_has_a_ceiling(qpc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passes.checking.ceilings.MAX_RUNS_TOGETHER", 9)
    assert "specializations execute 10 instructions in all, at most 9 are run" in validate_qpc(qpc).text()


def test_what_programs_take_together_fits_into_ddr(qpc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aic.specializations.programs.lay_out_shared_ddr", _large)
    assert "bytes of DDR, the SKU pro has" in validate_qpc(qpc).text()


def _large(module: ModuleOp) -> object:
    return type("Large", (), {"size": 1 << 40})


def test_the_program_section_is_one(qpc: Path) -> None:
    sections = read_elf(bytes(read_container(memoryview(qpc.read_bytes()))[NETWORK_ELF].data)).sections
    operations = struct.unpack_from("<I", sections[PROGRAM_SECTION], 12)[0]
    assert operations == sum(1 for _ in both().walk())
