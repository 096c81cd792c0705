import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from aic.qpc.constants import ConstantsDescriptor
from aic.qpc.container import NewSegment, container_bytes, read_container, write_container
from aic.qpc.crc import pack_crc
from aic.qpc.descriptor import (
    CopyDmaBuffer,
    DataType,
    Direction,
    DmaBuffer,
    IoBinding,
    IoDescriptor,
    TensorShape,
    Transform,
    TransformKind,
)
from aic.qpc.elf import write_elf
from aic.qpc.errors import QpcError
from aic.qpc.findings import Report
from aic.qpc.flatbuffer import build
from aic.qpc.metadata import (
    GUARD,
    ConstantMapping,
    DoorbellOp,
    ExecContext,
    ExecContextField,
    HostMulticastEntry,
    HostMulticastEntryTable,
    Metadata,
    NetworkHeapBehaviorDef,
    NonZeroRegion,
    NSPMulticastEntry,
    NSPMulticastEntryTable,
    QNNConfigDef,
    SemaphoreOp,
    ThreadDescriptor,
)
from aic.qpc.validate import validate, validate_segments
from tests.qpc import independent_reader
from tests.qpc.samples import Sample, damaged, make_context, sample, without_program

GOOD = sample()
DATA = container_bytes(GOOD.segments())


def report_of(segments: list[NewSegment]) -> Report:
    return validate_segments(read_container(memoryview(container_bytes(segments))), make_context())


def errors_of(changed: Sample) -> list[str]:
    return [finding.message for finding in report_of(changed.segments()).errors]


def with_binding(changed: Sample, role: str, index: int, **changes: object) -> Sample:
    bindings = list(getattr(changed.descriptor, role))
    bindings[index] = replace(bindings[index], **changes)
    return changed.with_descriptor(**{role: tuple(bindings)})


def with_copy(changed: Sample, role: str, index: int, **changes: object) -> Sample:
    step = getattr(changed.descriptor, role)[index].transforms[0]
    return with_binding(changed, role, index, transforms=(replace(step, copy=replace(step.copy, **changes)),))


def moved(dims: tuple[int, ...]) -> Transform:
    copy = CopyDmaBuffer(Direction.In, 0, 0)
    return Transform(TransformKind.CopyDMABuffer, DataType.FloatTy, dims, copy=copy)


def test_a_sound_file_has_no_findings(tmp_path: Path) -> None:
    write_container(tmp_path / "programqpc.bin", GOOD.segments())
    report = validate(tmp_path / "programqpc.bin", make_context())
    assert report.findings == ()
    assert report.text() == "Network: 'sample'\nNumber of NSP required: 2\nvalid\n"


def test_the_independent_reader_accepts_the_sample() -> None:
    seen = independent_reader.read(DATA)
    assert seen["machine"] == 164
    assert seen["constants"]["static"] == GOOD.constants_data[:300]
    assert seen["constants"]["dynamic"] == GOOD.constants_data[300:]
    assert seen["constants"]["start"] % 4096 == 0
    assert seen["descriptor"]["threads"] == 5
    assert seen["descriptor"]["thread_group_names"] == ["HVX", "HMX", "DMAIssue"]
    assert seen["descriptor"]["allowed_shapes"][0][2]["bytes"] == 40
    assert seen["metadata"]["requests"][0]["semaphores"] == [(0, 2, 4, 1, 0, 0)]
    assert seen["metadata"]["nsp_multicast"][1] == [(0, 3, 4096, 0, 0), (8192, 3, 64, 1, 0)]
    assert seen["metadata"]["mappings"] == [(0, 1, 300), (256, 2, 44)]
    assert seen["metadata"]["scalars"][30] == 8 << 20


SHAPES = GOOD.descriptor.allowed_shapes[0]
WINDOW = NSPMulticastEntryTable((NSPMulticastEntry(0, 3, 4096, 0),))
PLANTED: list[tuple[Sample, str]] = [
    # constants
    (replace(GOOD, constants=ConstantsDescriptor(301, 100)), "is 300, but constantsdesc.bin states 301"),
    (replace(GOOD, constants=ConstantsDescriptor(300, 99)), "400 bytes, but constantsdesc.bin states 399"),
    (replace(GOOD, constants=ConstantsDescriptor(300, 100, True)), "staticConstantsECCEnabled"),
    (replace(GOOD, static_size=296), "the segment table states 296 static bytes"),
    (replace(GOOD, constants_data=bytes(500)), "constants.bin: 500 bytes"),
    (GOOD.with_metadata(staticConstantsSize=308), "metadata: staticConstantsSize is 308"),
    (GOOD.with_metadata(dynamicConstantsSize=0), "metadata: dynamicConstantsSize is 0"),
    (GOOD.with_metadata(constantMappings=(ConstantMapping(128, 1, 8),)), "constantMappings[0]: offset 128"),
    (GOOD.with_metadata(constantMappings=(ConstantMapping(256, 1, 45),)), "ends at byte 301"),
    (GOOD.with_metadata(constantMappings=(ConstantMapping(0, 1, 8), ConstantMapping(0, 3, 8))), "mask 0x3 repeats"),
    # cores and memories
    (GOOD.with_metadata(numNSPs=0), "numNSPs is 0"),
    (GOOD.with_metadata(numNSPs=17), "numNSPs is 17"),
    (GOOD.with_metadata(nspMulticastTables=(WINDOW,)), "nspMulticastTables has 1 tables for 2 NSPs"),
    (GOOD.with_descriptor(num_cores=3), "num_cores is 3, but metadata numNSPs is 2"),
    (GOOD.with_metadata(VTCMSize=0), "VTCMSize is 0"),
    (GOOD.with_metadata(VTCMSize=(8 << 20) + 1), "VTCMSize is 8388609"),
    (GOOD.with_metadata(L2TCMSize=2 << 20), "L2TCMSize is 2097152"),
    (GOOD.with_metadata(hwVersionMajor=3), "hwVersion is 3.0"),
    (GOOD.with_metadata(singleVTCMPage=2), "singleVTCMPage is 2"),
    (GOOD.with_metadata(QNNConfig=QNNConfigDef(3)), "QNNConfig->Constants is 3"),
    (GOOD.with_metadata(networkHeapBehavior=NetworkHeapBehaviorDef(0)), "onNetworkDeactivate is 0"),
    (GOOD.with_metadata(exitDoorbellOffset=1116), "exitDoorbellOffset is 1116"),
    (GOOD.with_metadata(hostMulticastTable=HostMulticastEntryTable((HostMulticastEntry(3, 4092),) * 2)),
     "nspMulticastTables[0][0]: size is 4096, but hostMulticastTable[0] states 4092"),
    (GOOD.with_metadata(execContextMajorVersion=6), "execContextMajorVersion is 6"),
    (GOOD.with_metadata(execContext=build(ExecContext(140, (ExecContextField(3, 4, 12),)))),
     "no variable 3 of 4 bytes at offset 12"),
    (GOOD.with_metadata(execContext=build(ExecContext(10, (ExecContextField(3, 4, 8),)))), "ends at byte 12 of 10"),
    (GOOD.with_metadata(L2TCMSize=1000), "L2TCMInitState has 1205 bytes, but L2TCMSize is 1000"),
    (GOOD.with_metadata(exitDoorbellOffset=1205), "exitDoorbellOffset is 1205"),
    (GOOD.with_metadata(nspMulticastTables=(WINDOW, NSPMulticastEntryTable((NSPMulticastEntry(4, 3, 8, 0),)))),
     "nspMulticastTables[1][0]: baseAddrOffset 4 is not a multiple"),
    (GOOD.with_metadata(nspMulticastTables=(WINDOW, NSPMulticastEntryTable((NSPMulticastEntry(0, 3, 1 << 21, 0),)))),
     "nspMulticastTables[1][0]: bytes 0 to 2097152 lie outside L2TCMSize"),
    (GOOD.with_metadata(nspMulticastTables=(WINDOW, NSPMulticastEntryTable((NSPMulticastEntry(0, 4, 8, 0),)))),
     "mask 0x4 names more than 2"),
    (GOOD.with_metadata(hostMulticastTable=HostMulticastEntryTable((HostMulticastEntry(8, 8),) * 2)), "mask 0x8"),
    # semaphores and threads
    (GOOD.with_metadata(numSemaphores=3), "numSemaphores is 3, but semaphoreInitState has 2"),
    (GOOD.with_metadata(semaphoreInitState=(0, 4096)), "semaphoreInitState[1] is 4096"),
    (GOOD.with_request(0, semaphoreOps=(SemaphoreOp(2),)), "dmaRequests[0]: semaphore 2"),
    (GOOD.with_request(0, semaphoreOps=(SemaphoreOp(0),) * 5), "has 5 semaphore operations"),
    (GOOD.with_metadata(threadDescriptors=(ThreadDescriptor(0, 2),)), "threadDescriptors[0]: entryPoint 0x0"),
    (GOOD.with_metadata(threadDescriptors=(ThreadDescriptor(0x2001000, 4),)), "threadDescriptors[0]: typeMask is 4"),
    (GOOD.with_metadata(execContext=b"\xff" * 8), "execContext"),
    (GOOD.with_descriptor(num_threads=6), "num_threads is 6"),
    (GOOD.with_descriptor(thread_groups=(0, 0, 0, 0, 3)), "thread_groups[4] is 3"),
    (GOOD.with_descriptor(num_hvx_threads=6), "num_hvx_threads is 6"),
    # transfers
    (GOOD.with_request(0, num=2), "dmaRequests[0]: num is 2, there are 2 DMA buffers"),
    (GOOD.with_request(2, hostOffset=1), "dmaRequests[2]: bytes 1 to 41 lie outside DMA buffer 1 of 40 bytes"),
    (GOOD.with_request(2, size=41), "dmaRequests[2]: bytes 0 to 41"),
    (GOOD.with_request(1, size=4), "moves byte 28 of DMA buffer 0, which holds bytes 24 to 29 of 'mask'"),
    (GOOD.with_request(0, hostOffset=8), "moves byte 0 of DMA buffer 0"),
    (GOOD.with_request(0, inOut=1), "dmaRequests[0]: inOut is 1"),
    (GOOD.with_request(0, portId=101), "dmaRequests[0]: portId is 101, but inOut is 0"),
    (GOOD.with_request(0, semaphoreOps=(SemaphoreOp(0, 0, 7),)), "has semOp 7"),
    (GOOD.with_request(1, devOffset=20), "dmaRequests[0] and dmaRequests[1] overlap at device byte 20"),
    (GOOD.with_request(1, doorbellOps=(DoorbellOp(0, 1, 0, 3),)), "a doorbell has size 3"),
    (GOOD.with_request(0, mcId=2), "dmaRequests[0]: mcId is 2"),
    (GOOD.with_request(0, devOffset=48), "dmaRequests[0]: device bytes 48 to 72 lie outside the region of 64"),
    (GOOD.with_request(2, devOffset=2040), "dmaRequests[2]: device bytes 2040 to 2080 lie outside the region of 2048"),
    (GOOD.with_request(2, devAddrSpace=3), "devAddrSpace is 3"),
    (GOOD.with_request(1, doorbellOps=(DoorbellOp(0, 1, 7, 2),)), "a doorbell has mcId 7"),
    (GOOD.with_request(1, doorbellOps=(DoorbellOp(4094, 1, 0, 2),)), "a doorbell lies at 4094"),
    (GOOD.with_metadata(dmaRequests=tuple(GOOD.metadata.dmaRequests[i] for i in (0, 2, 1))), "not next to"),
    (GOOD.with_metadata(dmaRequests=GOOD.metadata.dmaRequests[:2]), "the last of dmaRequests must move output data"),
    # bindings
    (with_copy(GOOD, "inputs", 1, offset=28), "input 'mask': bytes 28 to 33 lie outside DMA buffer 0 of 32 bytes"),
    (with_copy(GOOD, "inputs", 1, offset=20), "'image' and 'mask' overlap at byte 20 of DMA buffer 0"),
    (with_copy(GOOD, "inputs", 0, buffer_num=2), "input 'image': buffer_num is 2"),
    (with_copy(GOOD, "inputs", 0, direction=Direction.Out), "input 'image': its CopyDMABuffer has direction Out"),
    (with_copy(GOOD, "outputs", 0, buffer_num=0), "output 'scores': lies in DMA buffer 0, which has direction In"),
    (with_binding(GOOD, "inputs", 0, initial=IoDescriptor(DataType.FloatTy, (2, 4))), "io_initial has 32 bytes"),
    (with_binding(GOOD, "inputs", 0, transformed=IoDescriptor(DataType.Int8Ty, (2, 3))), "io_transformed has 6 bytes"),
    (with_binding(GOOD, "inputs", 0, transforms=(moved((2, 3)),) * 2), "the transforms CopyDMABuffer, CopyDMABuffer"),
    (with_binding(GOOD, "inputs", 0, initial=IoDescriptor(DataType.FloatTy, (-2, 3))), "must not be negative"),
    (with_binding(GOOD, "inputs", 0, name="mask"), "two inputs or outputs are called 'mask'"),
    (GOOD.with_descriptor(dma_buffers=(DmaBuffer(28, Direction.In), DmaBuffer(40, Direction.Out))), "of 28 bytes"),
    (GOOD.with_descriptor(allowed_shapes=((),)), "allowed_shapes[0] has 0 shapes for 3"),
    (GOOD.with_descriptor(allowed_shapes=((TensorShape(DataType.FloatTy, (7,)), *SHAPES[1:]),)), "[0][0]: FloatTy [7]"),
    (GOOD.with_descriptor(allowed_shapes=((TensorShape(DataType.Int8Ty, (2, 3)), *SHAPES[1:]),)), "fit the buffer of"),
    (with_binding(GOOD, "inputs", 0, initial=IoDescriptor(DataType.FloatTy, (2, 3), layout=1)), "has a layout other"),
    # program
    (replace(GOOD, program=b"not a program"), "section .aic.program"),
    (replace(GOOD, program=GOOD.program[:-1]), "section .aic.program"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "message"), PLANTED, ids=[message for _, message in PLANTED])
def test_each_planted_mistake_is_named(changed: Sample, message: str) -> None:
    errors = errors_of(changed)
    assert any(message in error for error in errors), errors


def with_raw_metadata(metadata: Metadata) -> list[NewSegment]:
    """The sample with metadata whose derived fields are as given, not filled in."""
    elf = NewSegment.of_bytes("network.elf", write_elf(GOOD.program, GUARD + build(metadata)))
    return [elf if segment.name == "network.elf" else segment for segment in GOOD.segments()]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"L2TCMInitSize": 1204}, "metadata: L2TCMInitSize is 1204, but L2TCMInitState has 1205 bytes"),
        ({"L2TCMInitStateNonZeroRegions": (NonZeroRegion(4, 9999, 9995),)}, "L2TCMInitStateNonZeroRegions[0]"),
        ({"L2TCMInitStateNonZeroRegions": (NonZeroRegion(4, 8, 5),)}, "L2TCMInitStateNonZeroRegions[0]"),
        ({"requiredFields": ("AicMetadataFlat_Metadata->new",)}, "requires the unknown field"),
        ({"versionMajor": 2}, "major version 2"),
        ({"raw_struct_version_length": 5}, "raw_struct_version_length is 5, twice the"),
    ],
)
def test_mistakes_in_derived_fields_are_named(change: dict[str, object], message: str) -> None:
    metadata = replace(GOOD.metadata, **({"L2TCMInitSize": 1205} | change))
    errors = [finding.message for finding in report_of(with_raw_metadata(metadata)).errors]
    assert any(message in error for error in errors), errors


@pytest.mark.parametrize("name", ["network.elf", "networkdesc.bin", "constantsdesc.bin", "constants.bin"])
def test_missing_segments_are_named(name: str) -> None:
    report = report_of([segment for segment in GOOD.segments() if segment.name != name])
    assert [error.message.split(",")[0] for error in report.errors] == [f"QPC missing required section: {name}"]


def test_another_descriptor_version_is_a_warning() -> None:
    report = report_of(GOOD.with_descriptor(major_version=8).segments())
    assert [finding.severity for finding in report.findings] == ["warning"]
    assert report.text().endswith("valid\n")


def test_a_file_without_program_is_valid_but_odd() -> None:
    report = report_of(without_program(GOOD.segments()))
    assert [finding.severity for finding in report.findings] == ["warning"]
    assert ".aic.program" in report.findings[0].message


def test_wrong_crcs_are_named() -> None:
    extra = [NewSegment.of_bytes("network.elf.crc", pack_crc(1)), NewSegment.of_bytes("metadata.crc", b"123")]
    messages = [finding.message for finding in report_of([*GOOD.segments(), *extra]).errors]
    assert len(messages) == 2
    assert "metadata.crc: a CRC has 4 bytes" in messages[0]
    assert "network.elf.crc: CRC-32 0x00000001" in messages[1]


def all_sizes_and_offsets(data: bytes) -> list[int]:
    """File positions of every size and offset that the table and constantsdesc.bin hold."""
    segments = independent_reader.read_segments(data)
    table = [40 + 32 * row + 8 * column for row in range(len(segments)) for column in range(4)]
    return [8, 24, *table, segments["constantsdesc.bin"][2], segments["constantsdesc.bin"][2] + 8]


@pytest.mark.parametrize("at", all_sizes_and_offsets(DATA))
@pytest.mark.parametrize(
    "change", [lambda value: value + 1, lambda value: value ^ (1 << 40)], ids=["by one", "by 2^40"]
)
def test_no_size_or_offset_can_be_changed(at: int, change: Callable[[int], int], tmp_path: Path) -> None:
    data = bytearray(DATA)
    struct.pack_into("<Q", data, at, change(struct.unpack_from("<Q", data, at)[0]))
    path = tmp_path / "a.bin"
    path.write_bytes(data)
    assert validate(path, make_context()).errors


@given(damaged(DATA))
@settings(max_examples=120, deadline=None)
def test_damage_gives_a_report(data: bytes) -> None:
    context = make_context()
    try:
        segments = read_container(memoryview(data))
    except QpcError:
        return
    assert validate_segments(segments, context).text()


def test_many_bindings_are_checked() -> None:
    count = 3000
    inputs = tuple(
        IoBinding.copied(f"i{n}", DataType.Int8Ty, (8,), Direction.In, 0, offset=8 * n) for n in range(count)
    )
    buffers = (DmaBuffer(8 * count, Direction.In), GOOD.descriptor.dma_buffers[1])
    errors = errors_of(GOOD.with_descriptor(inputs=inputs, dma_buffers=buffers, allowed_shapes=()))
    # The two requests of the sample move bytes 0 to 32: four inputs.
    assert len(errors) == count - 4
    assert "moves byte 32 of DMA buffer 0, which holds bytes 32 to 40 of 'i4'" in errors[0]
