"""The metadata section of network.elf: what the card's firmware must know to run the network.

An 8-byte guard (u16 1, u16 0, u32 0), then a flatbuffer whose root is the table `Metadata` of the schema
AicMetadataFlat. The classes below are that schema: position = field id, names as in the schema.
"""

import struct
from dataclasses import dataclass, fields, replace

import numpy as np

from aic.qpc.errors import QpcError
from aic.qpc.flatbuffer import I8, U8, U16, U32, U64, Struct, Table, build, field_paths, parse

VERSION_MAJOR, VERSION_MINOR = 1, 0
GUARD = struct.pack("<HHI", VERSION_MAJOR, VERSION_MINOR, 0)
FIELD_PREFIX = "AicMetadataFlat_Metadata"
NO_TRANSACTION = 0xFFFFFFFF
PORT_HOST_IN, PORT_HOST_OUT = 100, 101
ADDRESS_MULTICAST, ADDRESS_DDR, ADDRESS_DYNAMIC_SHARED_DDR = 0, 1, 2
THREAD_HMX, THREAD_HVX = 1, 2
EXIT_DOORBELL_OFFSET = 1120
"""Byte offset of the exit doorbell in L2TCM: word 280 of the doorbell page. The vendor's firmware expects it there."""


@dataclass(frozen=True)
class SemaphoreOp(Table):
    """A semaphore operation of a transfer. `semOp`: 0 nop, 1 init, 2 inc, 3 dec, 4 wait ==, 5 wait >=, 6 P."""

    semNum: U16 = 0
    semValue: U16 = 0
    semOp: U8 = 0
    preOrPost: U8 = 0
    inSyncFence: U8 = 0
    outSyncFence: U8 = 0


@dataclass(frozen=True)
class DoorbellOp(Table):
    """A write to a doorbell word after a transfer. `size`: 0 = 8 bits, 1 = 16, 2 = 32; `mcId`: host multicast entry."""

    offset: U64 = 0
    data: U32 = 0
    mcId: U16 = 0
    size: U8 = 0


@dataclass(frozen=True)
class DMARequest(Table):
    """One transfer between a host DMA buffer and the device; sizes and offsets in bytes.

    `num`: index of the DMA buffer; `inOut`: 0 in, 1 out; `devAddrSpace`: 0 multicast, 1 DDR, 2 dynamic shared DDR.
    """

    semaphoreOps: tuple[SemaphoreOp, ...] = ()
    doorbellOps: tuple[DoorbellOp, ...] = ()
    hostOffset: U64 = 0
    devOffset: U64 = 0
    size: U32 = 0
    num: U16 = 0
    mcId: U16 = 0
    devAddrSpace: U8 = 0
    inOut: U8 = 0
    portId: U16 = 0
    transactionId: U32 = NO_TRANSACTION


@dataclass(frozen=True)
class NSPMulticastEntry(Table):
    """A memory window of an NSP: offset (a multiple of 4 KiB), receivers, size. `addrSpace`: 0 L2TCM, 1 VTCM."""

    baseAddrOffset: U64 = 0
    mask: U32 = 0
    size: U32 = 0
    addrSpace: U8 = 0
    dynamic: U8 = 0


@dataclass(frozen=True)
class NSPMulticastEntryTable(Table):
    """The multicast windows of one NSP, by multicast id."""

    multicastEntries: tuple[NSPMulticastEntry, ...] = ()


@dataclass(frozen=True)
class HostMulticastEntry(Table):
    """A multicast id as the host uses it: receiving NSPs and size of the window in bytes."""

    mask: U32 = 0
    size: U32 = 0


@dataclass(frozen=True)
class HostMulticastEntryTable(Table):
    """The host's multicast entries, by multicast id."""

    multicastEntries: tuple[HostMulticastEntry, ...] = ()


@dataclass(frozen=True)
class ThreadDescriptor(Table):
    """A thread of each NSP: entry address and type mask (1 HMX, 2 HVX)."""

    entryPoint: U64 = 0
    typeMask: U8 = 0


@dataclass(frozen=True)
class ConstantMapping(Table):
    """A region of the static constants (256-byte aligned) that the NSPs in `coreMask` see; masks do not overlap."""

    constantDataBaseOffset: U64 = 0
    coreMask: U32 = 0
    size: U32 = 0


@dataclass(frozen=True)
class QNNConfigDef(Table):
    """`Constants`: 1 cache disabled, 2 enabled."""

    Constants: I8 = 1


@dataclass(frozen=True)
class AICMDPortEntry(Struct):
    """A port: `type` 0 user I/O, 1 peer to peer, 2 multi-device."""

    portId: U16 = 0
    type: I8 = 0


@dataclass(frozen=True)
class NonZeroRegion(Table):
    """A region of the initial L2TCM image that is not all zero, in bytes."""

    start: U64 = 0
    end: U64 = 0
    size: U64 = 0


@dataclass(frozen=True)
class NetworkHeapBehaviorDef(Table):
    """`onNetworkDeactivate`: 1 free the heap, 2 keep it."""

    onNetworkDeactivate: I8 = 1


@dataclass(frozen=True)
class Metadata(Table):
    """The root table. Sizes and offsets in bytes; `numNSPs`, `VTCMSize` and `L2TCMSize` must not be 0."""

    versionMajor: U16 = VERSION_MAJOR
    versionMinor: U16 = VERSION_MINOR
    networkName: str = "unnamed"
    requiredFields: tuple[str, ...] = ()
    semaphoreInitState: tuple[U32, ...] = ()
    L2TCMInitState: bytes = b""
    dmaRequests: tuple[DMARequest, ...] = ()
    nspMulticastTables: tuple[NSPMulticastEntryTable, ...] = ()
    hostMulticastTable: HostMulticastEntryTable | None = HostMulticastEntryTable()
    threadDescriptors: tuple[ThreadDescriptor, ...] = ()
    constantMappings: tuple[ConstantMapping, ...] = ()
    staticSharedDDRSize: U64 = 0
    dynamicSharedDDRSize: U64 = 0
    staticConstantsSize: U64 = 0
    dynamicConstantsSize: U64 = 0
    exitDoorbellOffset: U64 = 0
    l2CachedDDRSize: U32 = 0
    L2TCMInitSize: U32 = 0
    execContextMajorVersion: U16 = 0
    numNSPs: U16 = 0
    numSemaphores: U16 = 0
    hwVersionMajor: U8 = 0
    hwVersionMinor: U8 = 0
    staticSharedDDRECCEnabled: U8 = 0
    dynamicSharedDDRECCEnabled: U8 = 0
    staticConstantsECCEnabled: U8 = 0
    dynamicConstantsECCEnabled: U8 = 0
    singleVTCMPage: U8 = 0
    hasHvxFP: U8 = 0
    hasHmxFP: U8 = 0
    VTCMSize: U32 = 0
    L2TCMSize: U32 = 0
    networkHeapSize: U64 = 0
    raw_struct_version_length: U64 = 0
    QNNConfig: QNNConfigDef | None = QNNConfigDef()
    portTable: tuple[AICMDPortEntry, ...] = ()
    execContext: bytes = b""
    L2TCMInitStateNonZeroRegions: tuple[NonZeroRegion, ...] = ()
    dynamicSharedDDRSupported: U8 = 0
    networkHeapBehavior: NetworkHeapBehaviorDef | None = NetworkHeapBehaviorDef()


KNOWN_FIELDS = frozenset(field_paths(Metadata, FIELD_PREFIX))
"""Every name that `requiredFields` may hold."""

_ALWAYS_REQUIRED = ("requiredFields", "execContext", "networkName")
_NON_ZERO_GAP = 128
"""Runs of more zeros than this end a non-zero region."""


def write_metadata(metadata: Metadata) -> bytes:
    """The content of the metadata section: guard and flatbuffer.

    What follows from the rest is filled in: `requiredFields` (the newer fields that are really used, as old firmware
    must refuse them), `L2TCMInitSize`, the non-zero regions, and the room for the firmware's unpacked form (twice the
    serialized size). Raises QpcError if a number does not fit its field.
    """
    metadata = replace(
        metadata,
        requiredFields=_required_fields(metadata),
        L2TCMInitSize=len(metadata.L2TCMInitState),
        L2TCMInitStateNonZeroRegions=non_zero_regions(metadata.L2TCMInitState),
    )
    size = len(GUARD) + len(build(metadata))
    return GUARD + build(replace(metadata, raw_struct_version_length=2 * size))


def read_metadata(section: bytes | memoryview) -> Metadata:
    """Read the metadata section, with or without the guard.

    Raises QpcError if the flatbuffer is malformed, its major version is not 1, or it requires an unknown field.
    """
    section = memoryview(section)
    guarded = bytes(section[: len(GUARD)]) == GUARD
    metadata = parse(Metadata, section[len(GUARD) :] if guarded else section)
    if metadata.versionMajor != VERSION_MAJOR:
        raise QpcError(f"metadata: major version {metadata.versionMajor}, only {VERSION_MAJOR} is read")
    for name in metadata.requiredFields:
        if name not in KNOWN_FIELDS:
            raise QpcError(f"metadata: requires the unknown field {name[:128]!r}")
    return metadata


def non_zero_regions(image: bytes) -> tuple[NonZeroRegion, ...]:
    """The regions of `image` between runs of more than 128 zero bytes."""
    occupied = np.flatnonzero(np.frombuffer(image, np.uint8))
    if occupied.size == 0:
        return ()
    gaps = np.flatnonzero(np.diff(occupied) > _NON_ZERO_GAP + 1)
    starts = [int(occupied[0]), *occupied[gaps + 1].tolist()]
    ends = [*occupied[gaps].tolist(), int(occupied[-1])]
    return tuple(NonZeroRegion(start, last + 1, last + 1 - start) for start, last in zip(starts, ends, strict=True))


def _required_fields(metadata: Metadata) -> tuple[str, ...]:
    names = [f"{FIELD_PREFIX}->{name}" for name in _ALWAYS_REQUIRED]
    if metadata.QNNConfig not in (None, QNNConfigDef()):
        names.append(f"{FIELD_PREFIX}->QNNConfig->Constants")
    if metadata.portTable:
        names += [f"{FIELD_PREFIX}->portTable->{field.name}" for field in fields(AICMDPortEntry)]
    if metadata.dynamicSharedDDRSupported:
        names.append(f"{FIELD_PREFIX}->dynamicSharedDDRSupported")
    if metadata.networkHeapBehavior not in (None, NetworkHeapBehaviorDef()):
        names.append(f"{FIELD_PREFIX}->networkHeapBehavior->onNetworkDeactivate")
    if any(request.transactionId != NO_TRANSACTION for request in metadata.dmaRequests):
        names.append(f"{FIELD_PREFIX}->dmaRequests->transactionId")
    return tuple(names)


@dataclass(frozen=True)
class ExecContextField(Table):
    """A variable of the execution context that the image uses: id, bytes, offset, 0 = required or 1 = optional."""

    variableNeeded: U32 = 0
    variableSize: U32 = 0
    execContextOffset: U64 = 0
    isRequired: U32 = 0


@dataclass(frozen=True)
class ExecContext(Table):
    """The execution context struct of the image: size in bytes and variables."""

    execContextSize: U32 = 0
    execContextFields: tuple[ExecContextField, ...] = ()


EXEC_CONTEXT_MAJORS = (4, 5)
"""Versions of the execution context that firmware knows."""
EXEC_CONTEXT_MAJOR = EXEC_CONTEXT_MAJORS[-1]
"""Major version of the execution context that `default_exec_context` describes."""

_CONTEXT_BYTES = 140
CONTEXT_VARIABLES: dict[int, tuple[int, int]] = {
    0: (2, 0), 1: (2, 2), 2: (1, 4), 9: (8, 32), 23: (8, 96), 24: (4, 104),
    **{index: (4, 8 + 4 * (index - 3)) for index in range(3, 9)},
    **{index: (4, 40 + 4 * (index - 10)) for index in range(10, 23)},
    **{index: (4, 108 + 4 * (index - 25)) for index in range(25, 33)},
}  # fmt: skip
"""Variable id -> (bytes, offset) of all 33 variables, with 32-bit pointers."""


def default_exec_context() -> bytes:
    """The nested flatbuffer for `Metadata.execContext`: all variables of version 5, all required."""
    variables = tuple(ExecContextField(index, *CONTEXT_VARIABLES[index]) for index in sorted(CONTEXT_VARIABLES))
    return build(ExecContext(_CONTEXT_BYTES, variables))


def read_exec_context(data: bytes) -> ExecContext:
    """Read the nested flatbuffer of `Metadata.execContext`. Raises QpcError if it is malformed."""
    return parse(ExecContext, data)
