"""Nothing that a QPC asks for takes time or memory without bound: it is refused before it is begun."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from xdsl.dialects.builtin import DenseArrayBase, MemRefType, ModuleOp, NoneAttr, StringAttr, f16, i64
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Block

from aic.emit import emit_qpc, placed_program
from aic.qpc import encoding
from aic.qpc.container import NewSegment, container_bytes, read_container
from aic.qpc.elf import METADATA_SECTION, PROGRAM_SECTION, read_elf, write_elf
from aic.qpc.flatbuffer import build
from aic.qpc.metadata import GUARD, DMARequest, SemaphoreOp, read_metadata
from aic.qpc.program_format import ProgramLimits
from dialects.aic import TargetAttr
from dialects.module import main_of, set_dealloc_delay, set_signals
from dialects.tile.attributes import BoxAttr, Wait, WaitsAttr
from dialects.tile.boxes import Box, Form, Interval
from dialects.tile.buffers import TensorOp
from dialects.tile.instructions import ComputeOp, ForOp, InstructionOp
from tests.driver.programs import parsed, tiny_program
from tests.qpc.fuzz.outcome import Worker

Content = Callable[[bytes], bytes]
Change = Callable[[ModuleOp], None]


@pytest.fixture(scope="module")
def qpc(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("tiny") / "x.bin"
    emit_qpc(tiny_program(), path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    worker = Worker(tmp_path_factory.mktemp("worker"))
    yield worker
    worker.close()


def changed(data: bytes, name: str, content: Content) -> bytes:
    """The file with another content of a segment."""
    segments = read_container(memoryview(data)).values()
    parts = [(s.name, content(bytes(s.data)) if s.name == name else bytes(s.data), s.static_size) for s in segments]
    return container_bytes([NewSegment.of_bytes(*part) for part in parts])


def with_program(data: bytes, module: ModuleOp) -> bytes:
    def content(image: bytes) -> bytes:
        return write_elf(encoding.encode(module), bytes(read_elf(image).sections[METADATA_SECTION]))

    return changed(data, "network.elf", content)


def test_bombs_in_the_network_descriptor(worker: Worker, qpc: bytes) -> None:
    for bomb, message in (
        (b"\x22\0" * 20_000, "20002 inputs and outputs, at most 16384"),
        (b"\x32\0" * 500_000, "500002 DMA buffers, at most 16384"),
        (b"\x22\x81\x01\x12\x7f\x22\x7d" + b"\1" * 125, "a tensor of 125 dimensions, at most 32"),
        (b"\x1a\x80\x80\x40" + b"a" * (1 << 20), "bytes, at most 1048576 are read"),
    ):
        outcome = worker.outcome(changed(qpc, "networkdesc.bin", lambda content, more=bomb: content + more))
        assert outcome.kind == "refused"
        assert message in outcome.text


def test_a_bomb_in_the_metadata(worker: Worker, qpc: bytes) -> None:
    def content(image: bytes) -> bytes:
        sections = read_elf(image).sections
        metadata = read_metadata(sections[METADATA_SECTION])
        request = DMARequest(semaphoreOps=(SemaphoreOp(),) * 70_000)
        bomb = build(replace(metadata, dmaRequests=(request,)))
        return write_elf(bytes(sections[PROGRAM_SECTION]), GUARD + bomb)

    outcome = worker.outcome(changed(qpc, "network.elf", content))
    assert outcome.kind == "refused"
    assert "more than 65536 tables" in outcome.text


def instruction(module: ModuleOp, kind: type[InstructionOp] = InstructionOp) -> InstructionOp:
    return next(op for op in module.walk() if isinstance(op, kind))


def loops(*trips: int) -> Change:
    """Loops around the first instruction, the outermost first."""

    def change(module: ModuleOp) -> None:
        op = instruction(module)
        block, following = op.parent, op.next_op
        assert block is not None
        assert following is not None
        op.detach()
        inner: ForOp | InstructionOp = op
        for count in reversed(trips):
            inner = ForOp.around(count, Block([inner]))
        block.insert_op_before(inner, following)

    return change


def empty_loops(module: ModuleOp) -> None:
    body = main_of(module).body.block
    loop = ForOp.around(1000, Block([ForOp.around(1000, Block([ForOp.around(1000, Block())]))]))
    body.insert_op_before(loop, next(op for op in body.ops if isinstance(op, ReturnOp)))


def scratch(*shape: int) -> Change:
    """A tensor of that shape."""

    def change(module: ModuleOp) -> None:
        tensor = [op for op in module.walk() if isinstance(op, TensorOp)][-1]
        properties = {"role": StringAttr("scratch")}
        new = TensorOp.create(
            result_types=[MemRefType(f16, list(shape), NoneAttr(), StringAttr("ddr"))], properties=properties
        )
        tensor.parent_block().insert_op_after(new, tensor)  # pyright: ignore

    return change


def many_waits(module: ModuleOp) -> None:
    instruction(module, ComputeOp).properties["waits"] = WaitsAttr((Wait(0, Form(1)),) * 70_000)
    loops(16)(module)
    body = instruction(module, ComputeOp)
    block, following = body.parent, body.next_op
    body.detach()
    block.insert_op_before(ForOp.around(16, Block([body])), following)  # pyright: ignore


def many_bounds(module: ModuleOp) -> None:
    interval = Interval((Form(0),) * 100_000, (Form(2),))
    instruction(module).properties["box"] = BoxAttr(Box((2,), (interval, Interval.of(0, 600))))


def many_signals(module: ModuleOp) -> None:
    set_signals(module, [1] * 300_000)


def many_attributes(module: ModuleOp) -> None:
    for index in range(150_000):
        module.attributes[f"a{index}"] = StringAttr(str(index))


def many_dimensions(module: ModuleOp) -> None:
    scratch(*[1] * 70)(module)


def large_number(module: ModuleOp) -> None:
    scratch(0, 10**200)(module)


def large_card(module: ModuleOp) -> None:
    module.attributes["aic.target"] = TargetAttr.of("pro", {"ddr_bytes": 1 << 50, "vtcm_bytes": 1 << 50})
    scratch(10**12)(module)


def slow_card(module: ModuleOp) -> None:
    module.attributes["aic.target"] = TargetAttr.of("pro", {"pcie_bytes_per_second": 1e-300})


def negative_delay(module: ModuleOp) -> None:
    set_dealloc_delay(module, -10)


def long_overrides(module: ModuleOp) -> None:
    module.attributes["aic.target"] = TargetAttr.of("pro", {"c" * 100_000 + str(n): 1.0 for n in range(5)})


def long_name(module: ModuleOp) -> None:
    module.attributes["aic.cores"] = DenseArrayBase.from_list(i64, [0] * 200_000)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (loops(10**9), "instructions, at most 131072 are run"),
        (loops(*[10] * 9), "loops are nested deeper than 6"),
        (loops(*[1] * 70), "deeper than 64"),
        (empty_loops, "executes 1000000005 instructions"),
        (scratch(10**12), "bytes of DDR, the SKU pro has 34359738368"),
        (scratch(1 << 33), "need more than"),
        (many_waits, "waits, at most 1048576"),
        (many_bounds, "more than 256 bounds"),
        (many_signals, "at most 1048576 are read"),
        (many_attributes, "attributes, at most 131072 are read"),
        (many_dimensions, "more than 64 dimensions"),
        (large_number, "a number of 84 bytes, at most 64 are read"),
        (large_card, "its target has vtcm_bytes = 1125899906842624, the SKU pro 8388608"),
        (slow_card, "pcie_bytes_per_second = 1e-300, more than 65536 times off"),
        (negative_delay, "its buffers keep their places for -10 positions"),
        (long_overrides, "unknown keys"),
        (long_name, "at most 1048576 are read"),
    ],
)
def test_what_a_program_asks_for(
    worker: Worker, qpc: bytes, change: Change, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where no writer of ours would write it."""
    none = ProgramLimits(*[1 << 40] * 8)
    monkeypatch.setattr(encoding, "_LIMITS", none)
    monkeypatch.setattr("aic.qpc.payload.MAX_INTEGER_BYTES", 1 << 20)
    module, _ = placed_program(tiny_program())
    change(module)
    outcome = worker.outcome(with_program(qpc, module))
    assert outcome.kind == "refused", outcome.text
    assert message in outcome.text


def call(kernel: str, arguments: str, operands: list[str], result: str, engine: str = "hvx") -> ModuleOp:
    """A program that calls a kernel on whole buffers of these shapes."""
    shapes = [*operands, result]
    boxes = [f"#tile.box<[1] : {', '.join(f'0 to {size}' for size in shape.split('x'))}>" for shape in shapes]
    text, loads, address = "", "", 0
    for n, (shape, box) in enumerate(zip(shapes, boxes, strict=True)):
        buffer = f'memref<{shape}xf16, "'
        text += f'%t{n} = tile.tensor {{label = "t{n}", role = "{"output" if n == len(operands) else "input"}"}} : '
        text += f'{buffer}ddr">\n%b{n} = tile.alloc {{address = {address} : i64, window = {box}}} : {buffer}vtcm">\n'
        loads += f"tile.load %t{n}, %b{n} {{box = {box}, signal = {n} : i64}}\n" if n < len(operands) else ""
        address += 2 << 20
    last, waits = len(operands), ", ".join(f"{n} at 1" for n in range(len(operands)))
    values = ", ".join(f"%b{n}" for n in range(len(shapes)))
    text += loads + f'tile.compute {values} {{kernel = "{kernel}", engine = "{engine}", boxes = [{", ".join(boxes)}], '
    text += f"arguments = {{{arguments}}}, signal = {last} : i64, waits = #tile.waits<{waits}>}}\n"
    text += f"tile.store %b{last}, %t{last} {{box = {boxes[-1]}, signal = {last + 1} : i64, "
    text += f"waits = #tile.waits<{last} at 1>}}\nfunc.return"
    module = parsed(f"func.func @main() {{\n{text}\n}}")
    set_signals(module, [1] * (last + 2))
    return module


PADS = "pads = array<i64: 0, 1000000000000000000>"
WINDOW = "strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>"
KEYS = "1x900000x1"


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            call("attention", "head_dim = 1 : i64, scale = 1.0 : f64", ["1x1x900000", KEYS, KEYS], "1x1x900000", "hmx"),
            "makes an array of 810000000000 elements on its way, at most 134217728 are made",
        ),
        (
            call("conv", WINDOW, ["1x900x900x1", "450x450x1x1"], "1x451x451x1", "hmx"),
            "conv makes an array of 41188702500 elements",
        ),
        (call("pad", f'{PADS}, value = 0.0 : f64, mode = "reflect"', ["2"], "900000"), "graph.pad"),
    ],
)
def test_what_a_kernel_is_called_with(worker: Worker, qpc: bytes, module: ModuleOp, message: str) -> None:
    outcome = worker.outcome(with_program(qpc, module))
    assert outcome.kind == "refused", outcome.text
    assert message in outcome.text


def test_the_file_itself_runs(worker: Worker, qpc: bytes) -> None:
    assert worker.outcome(qpc).kind == "ran"
