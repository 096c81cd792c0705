"""From a tile module to a QPC and back."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr, i64

from aic.compiler import lower
from aic.emission.memory import lay_out_shared_ddr
from aic.emission.metadata import MAX_CONSTANTS_BYTES
from aic.emit import emit_qpc, placed_program
from aic.load import load_qpc
from aic.options import options_from_keywords
from aic.qpc.container import open_container
from aic.qpc.decoding import decode
from aic.qpc.elf import METADATA_SECTION, PROGRAM_SECTION, read_elf, write_elf
from aic.qpc.encoding import encode
from aic.qpc.errors import QpcError
from aic.qpc.packing import extract, pack_files
from aic.qpc.program_format import read_header
from aic.qpc.validate import validate
from dialects import create_context
from dialects.aic import WeightAttr
from dialects.equality import first_difference
from dialects.errors import AicError
from dialects.module import main_of, set_combined, set_signals
from dialects.tile.attributes import Wait, WaitsAttr
from dialects.tile.boxes import Form
from dialects.tile.buffers import TensorOp
from dialects.tile.transfers import StoreOp
from tests.driver.programs import COLUMNS, ROWS, WEIGHT, parsed, tiny_program
from tests.interleavings.programs import draw_program
from tests.models.light import light_path
from tests.qpc.independent_reader import read
from tests.qpc.samples import damaged


@pytest.fixture
def qpc(tmp_path: Path) -> Path:
    path = tmp_path / "programqpc.bin"
    emit_qpc(tiny_program(), path)
    return path


def test_what_is_emitted_is_valid(qpc: Path) -> None:
    assert validate(qpc, create_context()).text() == "Network: 'tiny'\nNumber of NSP required: 2\nvalid\n"


def test_an_independent_reader_finds_what_the_program_says(qpc: Path) -> None:
    seen = read(qpc.read_bytes())
    size = 2 * ROWS * COLUMNS
    descriptor, metadata = seen["descriptor"], seen["metadata"]
    assert [(b["name"], b["initial"]["dims"]) for b in descriptor["inputs"]] == [("image/x:0", [ROWS, COLUMNS])]
    assert [(b["name"], b["transformed"]["type"]) for b in descriptor["outputs"]] == [("y", 1)]
    assert descriptor["buffers"] == [(size, 0), (size, 1)]
    assert descriptor["cores"] == 2
    assert descriptor["batch"] == ROWS
    assert [descriptor["thread_group_names"][group] for group in descriptor["thread_groups"]] == [
        *["HVX"] * 4, "HMX", "DMAIssue",
    ]  # fmt: skip
    assert metadata["name"] == descriptor["name"] == "tiny"
    # Input and output in shared DDR, at multiples of 2048; the scratch tensor follows.
    assert [request["fields"][:3] for request in metadata["requests"]] == [(0, 0, size), (0, 6144, size)]
    assert metadata["scalars"][11] == 6144 + 6144 + 2048
    # The input waits until both NSPs have taken the one before; the output until both have written it.
    assert [request["semaphores"] for request in metadata["requests"]] == [
        [(0, 2, 4, 1, 0, 0), (0, 0, 1, 0, 0, 0)],
        [(1, 0, 4, 1, 0, 0), (1, 2, 1, 0, 0, 0)],
    ]
    assert metadata["semaphores"] == [0, 2]
    assert [request["doorbells"] for request in metadata["requests"]] == [[(0, 1, 0, 2)], [(4, 1, 0, 2)]]
    assert metadata["l2tcm"][:8] == b"\0\0\0\0\1\0\0\0"
    # Doorbells of both NSPs, then VTCM of both, which get a multicast together.
    assert metadata["nsp_multicast"] == [[(0, 3, 4096, 0, 0), (0, 3, 8 << 20, 1, 0)]] * 2
    assert metadata["mappings"] == [(0, 3, len(seen["constants"]["static"]))]


def zeros(output: str, shape: str, address: int, signal: int) -> str:
    """Instructions that set an output to zeros: all of the buffer lies outside of a tensor of size 0."""
    window = f"window = #tile.box<[1] : 0 to {shape[0]}>, address = {address} : i64"
    box = f"box = #tile.box<[1] : 0 to {shape[0]}>"
    return f"""
      %zeros_{output} = tile.alloc {{{window}}} : memref<{shape}, "vtcm">
      tile.fill %zeros_{output} {{shape = array<i64: 0>, value = 0.0 : f64, signal = {signal} : i64}}
      tile.store %zeros_{output}, %{output} {{{box}, signal = {signal + 1} : i64, waits = #tile.waits<{signal} at 1>}}
    """


def test_combined_ports_share_a_buffer_and_a_request(tmp_path: Path) -> None:
    text = "func.func @main() {\n"
    for name, role, shape in (
        ("a", "input", "5xf32"),
        ("y", "output", "3xi8"),
        ("b", "input", "70xi8"),
        ("z", "output", "2xi64"),
    ):
        text += f'%{name} = tile.tensor {{label = "{name}", role = "{role}"}} : memref<{shape}, "ddr">\n'
    text += zeros("y", "3xi8", address=0, signal=0) + zeros("z", "2xi64", address=2048, signal=2)
    module = parsed(text + "func.return\n}")
    set_signals(module, [1, 1, 1, 1])
    seen = {}
    for combined in ((), ("inputs",), ("inputs", "outputs")):
        for ports in combined:
            set_combined(module, ports)
        emit_qpc(module, tmp_path / "x.bin")
        assert validate(tmp_path / "x.bin", create_context()).findings == ()
        load_qpc(tmp_path / "x.bin")
        data = read((tmp_path / "x.bin").read_bytes())
        bindings = [*data["descriptor"]["inputs"], *data["descriptor"]["outputs"]]
        copies = [(b["name"], b["copy"]["buffer"], b["copy"]["offset"]) for b in bindings]
        requests = [request["fields"][1:3] for request in data["metadata"]["requests"]]
        seen[combined] = (copies, data["descriptor"]["buffers"], requests, len(data["metadata"]["l2tcm"]))
    image = seen[()][3]
    assert seen == {
        (): ([("a", 0, 0), ("b", 1, 0), ("y", 2, 0), ("z", 3, 0)], [(20, 0), (70, 0), (3, 1), (16, 1)],
             [(0, 20), (2048, 70), (4096, 3), (6144, 16)], image),
        ("inputs",): ([("a", 0, 0), ("b", 0, 128), ("y", 1, 0), ("z", 2, 0)], [(198, 0), (3, 1), (16, 1)],
                      [(0, 198), (2048, 3), (4096, 16)], image),
        ("inputs", "outputs"): ([("a", 0, 0), ("b", 0, 128), ("y", 1, 0), ("z", 1, 128)], [(198, 0), (144, 1)],
                                [(0, 198), (2048, 144)], image),
    }  # fmt: skip


def test_inputs_share_as_many_buffers_as_their_sizes_need(tmp_path: Path) -> None:
    """A DMA buffer has less than 4 GiB."""
    text = "func.func @main() {\n"
    for name in "abc":
        text += f'%{name} = tile.tensor {{label = "{name}", role = "input"}} : memref<{3 << 29}xi8, "ddr">\n'
    module = parsed(text + "func.return\n}")
    set_combined(module, "inputs")
    buffers = lay_out_shared_ddr(module).inputs
    assert [[port.name for port in buffer.ports] for buffer in buffers] == [["a", "b"], ["c"]]
    assert [(buffer.offset, buffer.size) for buffer in buffers] == [(0, 3 << 30), (3 << 30, 3 << 29)]


def test_constants_are_stored_once_as_they_are_used(qpc: Path) -> None:
    constants = read(qpc.read_bytes())["constants"]
    expected = np.clip(WEIGHT.T, -65504, 65504).astype(np.float16)
    np.testing.assert_array_equal(np.frombuffer(constants["static"][: expected.nbytes], np.float16), expected.ravel())
    small = constants["static"][6144:]
    assert small == np.array([1.5, np.inf], np.float32).tobytes()
    assert constants["start"] % 4096 == 0


def test_the_loaded_program_is_the_emitted_one(qpc: Path) -> None:
    loaded = load_qpc(qpc.parent)
    program, _ = placed_program(tiny_program())
    assert first_difference(program, loaded.module) is None
    values = [
        loaded.constants.held(op.value)
        for op in main_of(loaded.module).body.walk()
        if isinstance(op, TensorOp) and op.value is not None
    ]
    expected = np.clip(WEIGHT.T, -65504, 65504).astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(values[0], expected)
    np.testing.assert_array_equal(values[1], expected.ravel())
    np.testing.assert_array_equal(values[2], [1.5, np.inf])


def test_the_module_stays_as_it_is(tmp_path: Path) -> None:
    module = tiny_program()
    emit_qpc(module, tmp_path / "x.bin")
    assert first_difference(module, tiny_program()) is None


def test_nothing_of_the_compile_is_in_the_file(tmp_path: Path) -> None:
    for folder in ("one", "another"):
        emit_qpc(tiny_program(str(tmp_path / folder)), tmp_path / f"{folder}.bin")
    assert (tmp_path / "one.bin").read_bytes() == (tmp_path / "another.bin").read_bytes()


def test_the_hash_seed_does_not_matter(tmp_path: Path, qpc: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom aic.emit import emit_qpc\n"
        "from tests.driver.programs import tiny_program\nemit_qpc(tiny_program(), Path(sys.argv[1]))\n"
    )
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])}
        subprocess.run([sys.executable, "-c", script, str(tmp_path / seed)], env=environment, check=True)
        assert (tmp_path / seed).read_bytes() == qpc.read_bytes()


def test_a_module_that_is_no_program_is_refused(tmp_path: Path) -> None:
    module = tiny_program()
    module.attributes["aic.cores"] = IntegerAttr(17, i64)
    with pytest.raises(AicError, match="17 cores asked for"):
        emit_qpc(module, tmp_path / "x.bin")
    with pytest.raises(AicError, match="no function @main"):
        emit_qpc(ModuleOp([]), tmp_path / "x.bin")
    graph = parsed("""func.func @main(%x: tensor<4xf32>) {
      %y = graph.relu %x : (tensor<4xf32>) -> tensor<4xf32>
      func.return
    }""")
    with pytest.raises(AicError, match=r"graph\.relu: only operations of builtin, func, tile"):
        emit_qpc(graph, tmp_path / "x.bin")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("element", "shape", "message"),
    [
        ("f64", "4", "cannot describe 'y' of type f64: it knows f32, f16, i1, i8"),
        ("f32", "0x4", "'y' of shape [0, 4]: it takes a dimension of 0 for 1"),
        ("i8", f"{1 << 16}x{1 << 16}", "'y' of 4294967296 bytes: it knows at most 4294967295"),
    ],
)
def test_what_a_qpc_cannot_describe_is_refused(tmp_path: Path, element: str, shape: str, message: str) -> None:
    tensor = f'tile.tensor {{label = "y", role = "input"}} : memref<{shape}x{element}, "ddr">'
    text = f"func.func @main() {{\n  %y = {tensor}\n  func.return\n}}"
    with pytest.raises(AicError) as caught:
        emit_qpc(parsed(text), tmp_path / "x.bin")
    assert message in str(caught.value)


def test_more_constants_than_a_mapping_can_state_are_refused(tmp_path: Path) -> None:
    text = """func.func @main() {
      %w = tile.tensor {role = "constant", value = #aic.weight<"k" : tensor<SIZExi8>>} : memref<SIZExi8, "ddr">
      func.return
    }""".replace("SIZE", str(MAX_CONSTANTS_BYTES + 1))
    with pytest.raises(AicError, match="a QPC maps at most"):
        emit_qpc(parsed(text), tmp_path / "x.bin")


def repacked(qpc: Path, folder: Path, **replaced: bytes) -> Path:
    """A copy of the QPC with some segments replaced; a segment is named with underscores for dots."""
    files = {path.name: path for path in extract(qpc, folder) if path.parent == folder}
    for name, data in replaced.items():
        files[name.replace("_", ".")].write_bytes(data)
    output = folder / "changed.bin"
    pack_files(files, output)
    return output


def with_program(qpc: Path, module: ModuleOp, folder: Path) -> Path:
    """A copy of the QPC that holds another program."""
    with open_container(qpc) as segments:
        metadata = bytes(read_elf(segments["network.elf"].data).sections[METADATA_SECTION])
    return repacked(qpc, folder, network_elf=write_elf(encode(module), metadata))


def test_a_program_that_the_file_does_not_describe_is_refused(qpc: Path, tmp_path: Path) -> None:
    program, _ = placed_program(tiny_program())
    for op in main_of(program).body.walk():
        if isinstance(op, TensorOp) and op.role.data == "output":
            op.properties["label"] = StringAttr("z")
    with pytest.raises(QpcError, match="its outputs are not those of the program"):
        load_qpc(with_program(qpc, program, tmp_path / "changed"))


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("other.bin@0+4800", "does not name a place in constants.bin"),
        ("constants.bin@0+4", "has 4 bytes, but tensor<4x600xf16> 4800"),
        ("constants.bin@4096+4800", "lies outside the 6152 bytes"),
    ],
)
def test_a_constant_outside_the_file_is_refused(qpc: Path, tmp_path: Path, key: str, message: str) -> None:
    program, _ = placed_program(tiny_program())
    tensor = next(op for op in main_of(program).body.walk() if isinstance(op, TensorOp) and op.value is not None)
    assert tensor.value is not None
    tensor.properties["value"] = WeightAttr.of(key, tensor.value.type)
    with pytest.raises(QpcError) as caught:
        load_qpc(with_program(qpc, program, tmp_path / "changed"))
    assert message in str(caught.value)


def awaits_too_much(module: ModuleOp) -> None:
    store = next(op for op in main_of(module).body.walk() if isinstance(op, StoreOp))
    store.properties["waits"] = WaitsAttr((Wait(3, Form(2)),))


def declares_too_much(module: ModuleOp) -> None:
    set_signals(module, (1, 1, 1, 1, 2))


@pytest.mark.parametrize(
    ("change", "message"),
    [(awaits_too_much, "the program deadlocks on every core"), (declares_too_much, "the program does not quiesce")],
)
def test_a_program_that_cannot_end_is_refused(
    qpc: Path, tmp_path: Path, change: Callable[[ModuleOp], None], message: str
) -> None:
    """By the emitter and by the loader alike."""
    module = tiny_program()
    change(module)
    with pytest.raises(AicError, match=message):
        emit_qpc(module, tmp_path / "never.bin")
    with pytest.raises(QpcError, match=message):
        load_qpc(with_program(qpc, placed_program(module)[0], tmp_path / "changed"))


def test_schedules_are_decoded_as_they_were() -> None:
    for seed in range(20):
        module = draw_program(seed, faults=True)
        assert first_difference(module, decode(encode(module), create_context())) is None


def test_a_program_of_another_level_is_refused(qpc: Path, tmp_path: Path) -> None:
    program = parsed("func.func @main() {\n  %0 = arith.constant 1 : i32\n  func.return\n}")
    with pytest.raises(QpcError, match=r"left what may not stay:\n  arith.constant"):
        load_qpc(with_program(qpc, program, tmp_path / "changed"))


def test_a_missing_file_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(AicError, match=r"there is no QPC here; give a file, or a folder with programqpc.bin"):
        load_qpc(tmp_path)


def test_the_encoded_program_of_a_network_is_small(tmp_path: Path) -> None:
    options = options_from_keywords(model=light_path("resnet50"), aic_num_cores=16, convert_to_fp16=True)
    emit_qpc(lower(options, "schedule"), tmp_path / "x.bin")
    with open_container(tmp_path / "x.bin") as segments:
        program = read_elf(segments["network.elf"].data).sections[PROGRAM_SECTION]
    operations = read_header(program).operations
    assert operations > 500
    assert len(program) <= 64 * operations


@pytest.fixture(scope="module")
def tiny_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("tiny") / "x.bin"
    emit_qpc(tiny_program(), path)
    return path.read_bytes()


@given(st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_file_is_one_message(tiny_bytes: bytes, data: st.DataObject) -> None:
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        file.write(data.draw(damaged(tiny_bytes)))
        file.flush()
        with suppress(AicError):
            load_qpc(file.name)
