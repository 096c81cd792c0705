"""A small consistent QPC, part by part, and ways to damage files."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects import arith, builtin, func, memref, scf
from xdsl.dialects.builtin import FloatAttr, FunctionType, ModuleOp, NameLoc, StringAttr, UnknownLoc, f32
from xdsl.ir import Block, Region

from aic.qpc.constants import ConstantsDescriptor
from aic.qpc.container import NewSegment
from aic.qpc.descriptor import (
    DataType,
    Direction,
    DmaBuffer,
    IoBinding,
    NetworkDescriptor,
    TensorShape,
    serialize_descriptor,
)
from aic.qpc.elf import ENTRY_POINT, write_elf
from aic.qpc.encoding import encode
from aic.qpc.metadata import (
    PORT_HOST_IN,
    PORT_HOST_OUT,
    ConstantMapping,
    DMARequest,
    DoorbellOp,
    HostMulticastEntry,
    HostMulticastEntryTable,
    Metadata,
    NSPMulticastEntry,
    NSPMulticastEntryTable,
    SemaphoreOp,
    ThreadDescriptor,
    default_exec_context,
    write_metadata,
)


def make_context() -> Context:
    context = Context()
    for dialect in (builtin.Builtin, func.Func, arith.Arith, scf.Scf, memref.MemRef):
        context.load_dialect(dialect)
    return context


def named(name: str) -> NameLoc:
    return NameLoc(StringAttr(name), UnknownLoc())


def small_module() -> ModuleOp:
    block = Block(arg_types=[f32])
    nan = arith.ConstantOp(FloatAttr(float("nan"), f32))
    total = arith.AddfOp(block.args[0], nan.result)
    total.location = named("node/Add")
    block.add_ops([nan, total, func.ReturnOp(total.result)])
    return ModuleOp([func.FuncOp("main", FunctionType.from_lists([f32], [f32]), Region(block))])


@dataclass(frozen=True)
class Sample:
    """The parts of a QPC before they are serialized, so that a test can change one of them."""

    descriptor: NetworkDescriptor
    metadata: Metadata
    constants: ConstantsDescriptor
    constants_data: bytes
    static_size: int
    program: bytes

    def segments(self) -> list[NewSegment]:
        elf = write_elf(self.program, write_metadata(self.metadata))
        return [
            NewSegment.of_bytes("constants.bin", self.constants_data, self.static_size),
            NewSegment.of_bytes("constantsdesc.bin", self.constants.pack()),
            NewSegment.of_bytes("network.elf", elf),
            NewSegment.of_bytes("networkdesc.bin", serialize_descriptor(self.descriptor)),
        ]

    def with_metadata(self, **changes: object) -> "Sample":
        return replace(self, metadata=replace(self.metadata, **changes))

    def with_descriptor(self, **changes: object) -> "Sample":
        return replace(self, descriptor=replace(self.descriptor, **changes))

    def with_request(self, index: int, **changes: object) -> "Sample":
        requests = list(self.metadata.dmaRequests)
        requests[index] = replace(requests[index], **changes)
        return self.with_metadata(dmaRequests=tuple(requests))


def without_program(segments: Sequence[NewSegment]) -> list[NewSegment]:
    """The segments where network.elf has no program of ours, as in a QPC of the vendor."""
    return [
        NewSegment.of_bytes(s.name, b"".join(map(bytes, s.chunks())).replace(b".aic.program\0", b".aic.another\0"))
        if s.name == "network.elf"
        else s
        for s in segments
    ]


def sample() -> Sample:
    """Two NSPs, two inputs combined in one DMA buffer, one output, static and dynamic constants."""
    shapes = (TensorShape(DataType.FloatTy, (2, 3)), TensorShape(DataType.Int8Ty, (5,)))
    descriptor = NetworkDescriptor(
        name="sample",
        inputs=(
            IoBinding.copied("image", DataType.FloatTy, (2, 3), Direction.In, 0),
            IoBinding.copied("mask", DataType.Int8Ty, (5,), Direction.In, 0, offset=24),
        ),
        outputs=(IoBinding.copied("scores", DataType.Float16Ty, (2, 10), Direction.Out, 1),),
        dma_buffers=(DmaBuffer(32, Direction.In), DmaBuffer(40, Direction.Out)),
        num_cores=2,
        batch_size=2,
        num_threads=5,
        num_hvx_threads=4,
        thread_groups=(0, 0, 0, 0, 1),
        thread_group_names=("HVX", "HMX", "DMAIssue"),
        thread_group_issue_count=2,
        allowed_shapes=((*shapes, TensorShape(DataType.Float16Ty, (2, 10))),),
    )
    windows = NSPMulticastEntryTable((NSPMulticastEntry(0, 3, 4096, 0), NSPMulticastEntry(8192, 3, 64, 1)))
    metadata = Metadata(
        networkName="sample",
        semaphoreInitState=(0, 2),
        L2TCMInitState=bytes(4) + b"\1" + bytes(1200),
        dmaRequests=(
            DMARequest((SemaphoreOp(0, 2, 4, 1),), (), 0, 0, 24, 0, 1, 0, 0, PORT_HOST_IN),
            DMARequest((), (DoorbellOp(0, 1, 0, 2),), 24, 24, 8, 0, 1, 0, 0, PORT_HOST_IN),
            DMARequest((), (), 0, 128, 40, 1, 0, 1, 1, PORT_HOST_OUT),
        ),
        nspMulticastTables=(windows, windows),
        hostMulticastTable=HostMulticastEntryTable((HostMulticastEntry(3, 4096), HostMulticastEntry(3, 64))),
        threadDescriptors=(ThreadDescriptor(ENTRY_POINT, 2), ThreadDescriptor(ENTRY_POINT, 1)),
        constantMappings=(ConstantMapping(0, 1, 300), ConstantMapping(256, 2, 44)),
        staticSharedDDRSize=2048,
        staticConstantsSize=300,
        dynamicConstantsSize=100,
        exitDoorbellOffset=1120,
        execContextMajorVersion=5,
        numNSPs=2,
        numSemaphores=2,
        hwVersionMajor=2,
        VTCMSize=8 << 20,
        L2TCMSize=1 << 20,
        execContext=default_exec_context(),
    )
    constants = ConstantsDescriptor(300, 100)
    return Sample(descriptor, metadata, constants, bytes(range(200)) * 2, 300, encode(small_module()))


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """`data` cut off somewhere, or with up to four bytes changed."""
    if draw(st.booleans()):
        return data[: draw(st.integers(0, len(data) - 1))]
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        changed[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(changed)
