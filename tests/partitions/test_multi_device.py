"""The QPC for several cards: it holds the network, and is not trusted."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest
from xdsl.dialects.builtin import ArrayAttr, DenseArrayBase, IntegerAttr, ModuleOp, StringAttr, i64

from aic.load import load_qpc, validate_qpc
from aic.partitions.meta_info import MetaInfo
from aic.partitions.multi_device import load, validate, write
from aic.qpc.container import (
    CONSTANTS,
    MDP_META_INFO,
    NETWORK_ELF,
    NewSegment,
    container_bytes,
    examine_container,
    read_container,
)
from aic.qpc.decoding import decode
from aic.qpc.elf import METADATA_SECTION, PROGRAM_SECTION, read_elf, write_elf
from aic.qpc.encoding import encode
from aic.qpc.errors import QpcError
from dialects import create_context
from dialects.channels import ChannelAttr
from dialects.errors import AicError
from dialects.module import CORES, DEVICE, HOLDS, programs_of
from dialects.tile.channels import ChannelOp
from tests.models.digits import digits_test
from tests.partitions.networks import KINDS, forget, outputs_of, outputs_of_loaded, scheduled, written
from tests.qpc.fuzz.mutants import (
    AROUND_THE_PROGRAM,
    Mutation,
    container,
    file_bytes,
    program_operations,
    segment_bytes,
)
from tests.qpc.fuzz.programs import change_words
from tests.qpc.fuzz.values import damaged
from tools import aic_qpc

SLICES = ("QAicGraph_slice00", "QAicGraph_slice01")
IMAGES, _, LOGITS = digits_test()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A QPC of each kind."""
    folder = tmp_path_factory.mktemp("cards")
    for kind in KINDS:
        forget(written(kind, folder / f"{kind}.bin"))
    return folder


# ------------------------------------------------------------------------------------------------------- round trip


@pytest.mark.parametrize("kind", [*KINDS, "mixed"])
def test_what_is_loaded_computes_what_was_written(kind: str, tmp_path: Path) -> None:
    module = written(kind, tmp_path / "x.bin")
    network = load(tmp_path / "x.bin")
    inputs = {"x": IMAGES[:1]}
    expected, (logits,) = outputs_of(module, inputs), outputs_of_loaded(network, inputs).values()
    np.testing.assert_array_equal(logits, expected["logits"])
    np.testing.assert_allclose(logits, LOGITS[:1], rtol=0, atol=0.05)
    parts = list(programs_of(network.module))
    assert len(parts) == (3 if kind == "mixed" else 2)
    assert all(any(isinstance(op, ChannelOp) for op in part.walk()) for part in parts)
    forget(module)


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("pipelined", [("Partition0", 0, 2), ("Partition1", 1, 2)]),
        ("sliced", [("all_slice00", 4, 2), ("all_slice01", 2, 3)]),
    ],
)
def test_parts_are_told(folder: Path, kind: str, parts: list[tuple[str, int, int]]) -> None:
    network = load(folder / f"{kind}.bin")
    assert [(slot.name, slot.device, slot.cores) for slot in network.info.parts] == parts
    assert [slot.segment for slot in network.info.parts] == list(SLICES)
    assert list(network.constants) == [name for name, _, _ in parts]
    assert all(part.parent_op() is network.module for part in programs_of(network.module))
    assert any(isinstance(op, ChannelOp) for op in network.module.walk())


def test_the_same_network_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    forget(written("sliced", tmp_path / "again.bin"))
    assert (tmp_path / "again.bin").read_bytes() == (folder / "sliced.bin").read_bytes()


def test_constants_can_be_mapped(folder: Path) -> None:
    data = memoryview((folder / "pipelined.bin").read_bytes())
    for name in SLICES:
        segment = read_container(data)[name]
        constants = examine_container(segment.data, segment.offset).segments[CONSTANTS]
        assert constants.offset % 4096 == 0
        assert data[constants.offset : constants.offset + len(constants.data)] == constants.data


def test_meta_info_is_what_it_was() -> None:
    module = scheduled("pipelined")
    info = MetaInfo.of(module)
    assert MetaInfo.unpack(info.pack()) == info
    forget(module)


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    module = scheduled("pipelined")
    end = next(op for op in module.walk() if isinstance(op, ChannelOp))
    end.channel = ChannelAttr.of(7, "p2p", "Partition1")
    with pytest.raises(AicError, match="channel 7"):
        write(module, tmp_path / "x.bin")
    assert list(tmp_path.iterdir()) == []
    forget(module)


# ---------------------------------------------------------------------------------------------------------- aic-qpc


def test_info_and_validate(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert aic_qpc.main(["info", "-i", f"{folder}/pipelined.bin"]) == 0
    told = capsys.readouterr().out
    assert "mdp_meta_info" in told
    assert all(f"{name}, for a card of its own" in told for name in SLICES)
    assert aic_qpc.main(["validate", "-i", f"{folder}/pipelined.bin"]) == 0
    assert capsys.readouterr().out.endswith("Number of NSP required: 2\nvalid\n")


def test_a_part_extracted_is_a_valid_qpc(folder: Path, tmp_path: Path) -> None:
    assert aic_qpc.main(["extract", "-i", f"{folder}/sliced.bin", "-o", str(tmp_path)]) == 0
    for name in SLICES:
        assert not validate_qpc(tmp_path / name).findings
        assert (tmp_path / f"{name}_dir" / NETWORK_ELF).is_file()
    assert aic_qpc.main(["create", "-i", str(tmp_path), "-o", f"{tmp_path}/again.bin"]) == 0
    assert not validate(tmp_path / "again.bin").findings


def test_checksums_are_those_of_every_part(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert aic_qpc.main(["addCRC32", "-i", f"{folder}/pipelined.bin", "-o", str(tmp_path), "x.bin"]) == 0
    assert "QAicGraph_slice01/constants.bin.crc: 0x" in capsys.readouterr().out
    assert not validate(tmp_path / "x.bin").findings
    data = bytearray((tmp_path / "x.bin").read_bytes())
    inner = read_container(memoryview(bytes(data)))[SLICES[1]]
    constants = examine_container(inner.data, inner.offset).segments[CONSTANTS]
    data[constants.offset + 5] ^= 1
    (finding,) = validated(bytes(data), tmp_path)
    assert finding.startswith("QAicGraph_slice01: constants.bin.crc: CRC-32")


def test_one_card_does_not_run_it(folder: Path) -> None:
    with pytest.raises(QpcError, match="for several cards"):
        load_qpc(folder / "pipelined.bin")


def test_a_qpc_for_one_card_is_none_for_several(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "one.bin").write_bytes(
        read_container(memoryview((folder / "pipelined.bin").read_bytes()))[SLICES[0]].data
    )
    assert not validate(tmp_path / "one.bin").findings
    with pytest.raises(QpcError, match="for one card"):
        load(tmp_path / "one.bin")


# ------------------------------------------------------------------------------------------------------------ trust


def validated(data: bytes, folder: Path) -> list[str]:
    """What is wrong with a file, which loads only if nothing is."""
    path = folder / "mutant.bin"
    path.write_bytes(data)
    errors = [finding.message for finding in validate(path).errors]
    if errors:
        with pytest.raises(AicError):
            load(path)
    else:
        load(path)
    return errors


def segments_of(data: bytes) -> dict[str, NewSegment]:
    return {
        name: NewSegment.of_bytes(name, bytes(segment.data), segment.static_size)
        for name, segment in read_container(memoryview(data)).items()
    }


def with_segment(data: bytes, name: str, content: bytes) -> bytes:
    segments = segments_of(data) | {name: NewSegment.of_bytes(name, content)}
    return container_bytes(list(segments.values()))


def content_of(data: bytes, name: str) -> bytes:
    return bytes(read_container(memoryview(data))[name].data)


@pytest.fixture
def qpc(folder: Path) -> bytes:
    return (folder / "pipelined.bin").read_bytes()


def test_a_segment_is_missing(qpc: bytes, tmp_path: Path) -> None:
    for name in SLICES:
        left = [segment for other, segment in segments_of(qpc).items() if other != name]
        assert f"QPC missing required section: {name}, of Partition{name[-1]}" in validated(
            container_bytes(left), tmp_path
        )


def test_a_segment_that_belongs_to_nothing(qpc: bytes, tmp_path: Path) -> None:
    for name in ("QAicGraph_slice02", "network.elf"):
        (error,) = validated(with_segment(qpc, name, content_of(qpc, SLICES[0])), tmp_path)
        assert error == f"segment {name}: mdp_meta_info names no part that it belongs to"


def test_segments_changed_places(qpc: bytes, tmp_path: Path) -> None:
    first, second = (content_of(qpc, name) for name in SLICES)
    errors = validated(with_segment(with_segment(qpc, SLICES[0], second), SLICES[1], first), tmp_path)
    assert "QAicGraph_slice00: the part is Partition1, but mdp_meta_info says Partition0" in errors


def parts_of(module: ModuleOp) -> list[ModuleOp]:
    return list(programs_of(module))


def on_part(key: str, value: object) -> Callable[[ModuleOp], None]:
    def change(module: ModuleOp) -> None:
        parts_of(module)[1].attributes[key] = value  # pyright: ignore[reportArgumentType]

    return change


def on_network(key: str, value: object) -> Callable[[ModuleOp], None]:
    def change(module: ModuleOp) -> None:
        module.attributes[key] = value  # pyright: ignore[reportArgumentType]

    return change


def renamed(module: ModuleOp) -> None:
    parts_of(module)[1].sym_name = StringAttr("other")


def nameless(module: ModuleOp) -> None:
    parts_of(module)[1].sym_name = None


def doubled(module: ModuleOp) -> None:
    parts_of(module)[1].sym_name = StringAttr("Partition0")


def emptied(module: ModuleOp) -> None:
    for part in parts_of(module):
        part.detach()


def filled(module: ModuleOp) -> None:
    parts_of(module)[1].body.block.add_op(ModuleOp([]))


META_CHANGES = {
    "device": (on_part(DEVICE, IntegerAttr(3, i64)), "the device is 1, but mdp_meta_info says 3"),
    "device twice": (on_part(DEVICE, IntegerAttr(0, i64)), "two parts are on one card"),
    "device below 0": (on_part(DEVICE, IntegerAttr(-1, i64)), "device -1; they are numbered from 0"),
    "device of text": (on_part(DEVICE, StringAttr("1")), "no integer"),
    "cores": (on_part(CORES, IntegerAttr(3, i64)), "the number of cores is 2, but mdp_meta_info says 3"),
    "too many cores": (on_part(CORES, IntegerAttr(17, i64)), "17 cores; a card has 1 to 16"),
    "segment": (on_part("aic.segment", StringAttr("QAicGraph_slice7")), "its segment is called 'QAicGraph_slice7'"),
    "attribute": (on_part("aic.more", StringAttr("")), "are expected"),
    "name": (renamed, "the part is Partition1, but mdp_meta_info says other"),
    "no name": (nameless, "a module has no name"),
    "name twice": (doubled, 'Redefinition of symbol "Partition0"'),
    "no part": (emptied, "0 parts; there can be 1 to 64"),
    "a module inside": (filled, "anything but empty modules"),
    "inputs": (on_network("aic.inputs", ArrayAttr([])), "the inputs of the network are none, those of its parts 'x'"),
    "outputs": (
        on_network("aic.outputs", ArrayAttr([StringAttr("y")])),
        "the outputs of the network are 'y', those of its parts 'logits'",
    ),
    "outputs of a number": (on_network("aic.outputs", DenseArrayBase.from_list(i64, [1])), "no array of names"),
    "holds": (on_network(HOLDS, StringAttr("specializations")), "the network's target, or what it holds, is none"),
}


@pytest.mark.parametrize("change", META_CHANGES)
def test_meta_info_is_not_trusted(qpc: bytes, tmp_path: Path, change: str) -> None:
    apply, message = META_CHANGES[change]
    module = decode(content_of(qpc, MDP_META_INFO), create_context())
    apply(module)
    errors = validated(with_segment(qpc, MDP_META_INFO, encode(module)), tmp_path)
    assert any(message in error for error in errors), errors


def with_program(data: bytes, name: str, apply: Callable[[ModuleOp], None]) -> bytes:
    """The file with another program in one of its QPCs."""
    inner = content_of(data, name)
    sections = read_elf(read_container(memoryview(inner))[NETWORK_ELF].data).sections
    module = decode(sections[PROGRAM_SECTION], create_context())
    apply(module)
    elf = write_elf(encode(module), bytes(sections[METADATA_SECTION]))
    return with_segment(data, name, repacked(inner, {NETWORK_ELF: elf}))


def repacked(inner: bytes, contents: dict[str, bytes]) -> bytes:
    segments = segments_of(inner)
    segments |= {name: NewSegment.of_bytes(name, content) for name, content in contents.items()}
    return container_bytes(list(segments.values()))


def on_channel(number: int, peer: str, link: str = "p2p") -> Callable[[ModuleOp], None]:
    def change(module: ModuleOp) -> None:
        end = next(op for op in module.walk() if isinstance(op, ChannelOp))
        end.channel = ChannelAttr.of(number, link, peer)  # pyright: ignore[reportArgumentType]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (on_channel(1, "Partition1"), "channel 0 is sent 0 times and received 1 times"),
        (on_channel(0, "Partition2"), "Partition0 sends it to Partition2"),
        (on_channel(0, "Partition1", "host"), "Partition0 sends it by host, Partition1 receives it by p2p"),
        (on_channel(0, "Partition1", "ddr"), "are on two cards, which ddr does not connect"),
    ],
)
def test_parts_that_do_not_fit(qpc: bytes, tmp_path: Path, change: Callable[[ModuleOp], None], message: str) -> None:
    errors = validated(with_program(qpc, SLICES[0], change), tmp_path)
    assert any(message in error for error in errors), errors


def test_what_is_wrong_inside_is_told_with_its_place(qpc: bytes, tmp_path: Path) -> None:
    inner = repacked(content_of(qpc, SLICES[1]), {"networkdesc.bin": b"\xff"})
    (tmp_path / "x.bin").write_bytes(with_segment(qpc, SLICES[1], inner))
    (finding,) = validate(tmp_path / "x.bin").errors
    assert finding.message.startswith("QAicGraph_slice01: ")
    assert finding.segment == "QAicGraph_slice01/networkdesc.bin"
    outer = read_container(memoryview((tmp_path / "x.bin").read_bytes()))[SLICES[1]]
    assert finding.offset == examine_container(outer.data, outer.offset).segments["networkdesc.bin"].offset


def test_a_file_cut_anywhere_is_refused(qpc: bytes, tmp_path: Path) -> None:
    random = Random(0)
    for end in [0, 39, 41, 300, len(qpc) - 1, *(random.randrange(len(qpc)) for _ in range(20))]:
        assert validated(qpc[:end], tmp_path)


def flips(random: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    changed[random.randrange(min(len(data), 1024))] ^= 1 << random.randrange(8)
    return bytes(changed)


def in_meta_info(random: Random, data: bytes) -> bytes:
    return with_segment(data, MDP_META_INFO, damaged(random, content_of(data, MDP_META_INFO)))


def in_meta_words(random: Random, data: bytes) -> bytes:
    return with_segment(data, MDP_META_INFO, change_words(random, content_of(data, MDP_META_INFO)))


def around_programs(random: Random, data: bytes) -> bytes:
    return _inside(random, data, AROUND_THE_PROGRAM[random.choice(sorted(AROUND_THE_PROGRAM))])


def in_programs(random: Random, data: bytes) -> bytes:
    return _inside(random, data, program_operations)


def _inside(random: Random, data: bytes, mutation: Mutation) -> bytes:
    name = random.choice(SLICES)
    return with_segment(data, name, mutation(random, content_of(data, name)))


MUTATIONS = {
    each.__name__: each
    for each in (flips, file_bytes, container, segment_bytes, in_meta_info, in_meta_words, around_programs, in_programs)
}


def mutants(mutation: str, data: bytes) -> Iterator[bytes]:
    for seed in range(30):
        try:
            yield MUTATIONS[mutation](Random(seed), data)
        except (QpcError, AttributeError, TypeError):  # what is wrong is so wrong that it cannot be written
            continue


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_no_mutant_does_harm(folder: Path, tmp_path: Path, kind: str, mutation: str) -> None:
    data = (folder / f"{kind}.bin").read_bytes()
    expected = outputs_of_loaded(load(folder / f"{kind}.bin"), {"x": IMAGES[:1]})["logits"]
    refused = 0
    for mutant in mutants(mutation, data):
        if validated(mutant, tmp_path):
            refused += 1
        elif mutation in ("container", "in_meta_info", "around_programs"):
            actual = outputs_of_loaded(load(tmp_path / "mutant.bin"), {"x": IMAGES[:1]})["logits"]
            np.testing.assert_array_equal(actual, expected)
    assert refused
