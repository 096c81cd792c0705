"""Checks of the metadata by itself, and of its transfers against the host's DMA buffers."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from aic.qpc.descriptor import Direction, NetworkDescriptor
from aic.qpc.errors import QpcError
from aic.qpc.metadata import (
    ADDRESS_DDR,
    ADDRESS_DYNAMIC_SHARED_DDR,
    ADDRESS_MULTICAST,
    CONTEXT_VARIABLES,
    EXEC_CONTEXT_MAJOR,
    EXEC_CONTEXT_MAJORS,
    EXIT_DOORBELL_OFFSET,
    PORT_HOST_IN,
    PORT_HOST_OUT,
    THREAD_HMX,
    THREAD_HVX,
    DMARequest,
    Metadata,
    NSPMulticastEntry,
    read_exec_context,
)
from aic.qpc.validate_descriptor import binding_copy

MAX_NSPS = 16
MAX_SEMAPHORES = 32
MAX_SEMAPHORE_VALUE = 4095
MAX_SEMAPHORE_OPS = 4
"""The host uses at most this many semaphore operations of a transfer."""

MAX_SEMAPHORE_OPERATION = 6
MAX_VTCM_BYTES = 8 << 20
MAX_L2TCM_BYTES = 1 << 20
"""Sizes of an NSP's memories that the format's writer allows."""

_HARDWARE_VERSIONS = ((2, 0), (1, 0))
_PORTS = {PORT_HOST_IN: Direction.In, PORT_HOST_OUT: Direction.Out}
_FLAGS = (
    "staticSharedDDRECCEnabled", "dynamicSharedDDRECCEnabled", "staticConstantsECCEnabled",
    "dynamicConstantsECCEnabled", "singleVTCMPage", "hasHvxFP", "hasHmxFP", "dynamicSharedDDRSupported",
)  # fmt: skip
_MULTICAST_ALIGNMENT = 4096
_MAPPING_ALIGNMENT = 256
_L2TCM, _VTCM = 0, 1


def check_metadata(metadata: Metadata, section_bytes: int, code: Sequence[range]) -> Iterator[str]:
    """What is wrong inside the metadata, one line each.

    `section_bytes`: size of the section that it was read from; `code`: address ranges of executable sections.
    """
    for problems in (
        _check_ranges(metadata),
        _check_nsps(metadata),
        _check_memories(metadata, section_bytes),
        _check_multicast(metadata),
        _check_semaphores(metadata),
        _check_constant_mappings(metadata),
        _check_threads(metadata, code),
        _check_exec_context(metadata),
    ):
        for problem in problems:
            yield f"metadata: {problem}"


def check_transfers(metadata: Metadata, descriptor: NetworkDescriptor) -> Iterator[str]:
    """What is wrong with the DMA requests and the host buffers they move, one line each."""
    for index, request in enumerate(metadata.dmaRequests):
        for problem in _check_request(request, metadata, descriptor):
            yield f"metadata: dmaRequests[{index}]: {problem}"
    yield from _check_order(metadata.dmaRequests)
    # A part of a network may give all that it makes to other cards, or keep it.
    if any(binding_copy(output) is not None for output in descriptor.outputs):
        yield from _check_end(metadata.dmaRequests)
    yield from _check_device_overlaps(metadata.dmaRequests)
    yield from _check_coverage(metadata.dmaRequests, descriptor)


def _check_ranges(metadata: Metadata) -> Iterator[str]:
    """Fields of which only a few values have a meaning."""
    version = (metadata.hwVersionMajor, metadata.hwVersionMinor)
    if version not in _HARDWARE_VERSIONS:
        yield f"hwVersion is {version[0]}.{version[1]}, 2.0 and 1.0 are possible"
    for name in _FLAGS:
        if getattr(metadata, name) > 1:
            yield f"{name} is {getattr(metadata, name)}, 0 and 1 are possible"
    if metadata.QNNConfig is not None and metadata.QNNConfig.Constants not in (1, 2):
        yield f"QNNConfig->Constants is {metadata.QNNConfig.Constants}, 1 and 2 are possible"
    behavior = metadata.networkHeapBehavior
    if behavior is not None and behavior.onNetworkDeactivate not in (1, 2):
        yield f"networkHeapBehavior->onNetworkDeactivate is {behavior.onNetworkDeactivate}, 1 and 2 are possible"


def _check_nsps(metadata: Metadata) -> Iterator[str]:
    if not 1 <= metadata.numNSPs <= MAX_NSPS:
        yield f"numNSPs is {metadata.numNSPs}, 1 to {MAX_NSPS} are possible"
    if len(metadata.nspMulticastTables) != metadata.numNSPs:
        yield f"nspMulticastTables has {len(metadata.nspMulticastTables)} tables for {metadata.numNSPs} NSPs"


def _check_memories(metadata: Metadata, section_bytes: int) -> Iterator[str]:
    if metadata.raw_struct_version_length != 2 * section_bytes:
        yield (
            f"raw_struct_version_length is {metadata.raw_struct_version_length}, "
            f"twice the {section_bytes} bytes of the section are expected"
        )
    image = len(metadata.L2TCMInitState)
    if metadata.L2TCMInitSize != image:
        yield f"L2TCMInitSize is {metadata.L2TCMInitSize}, but L2TCMInitState has {image} bytes"
    for name, size, limit in (
        ("VTCMSize", metadata.VTCMSize, MAX_VTCM_BYTES),
        ("L2TCMSize", metadata.L2TCMSize, MAX_L2TCM_BYTES),
    ):
        if not 0 < size <= limit:
            yield f"{name} is {size}, 1 to {limit} are possible"
    if image > metadata.L2TCMSize:
        yield f"L2TCMInitState has {image} bytes, but L2TCMSize is {metadata.L2TCMSize}"
    if metadata.exitDoorbellOffset != EXIT_DOORBELL_OFFSET:
        yield f"exitDoorbellOffset is {metadata.exitDoorbellOffset}, firmware expects {EXIT_DOORBELL_OFFSET}"
    if metadata.exitDoorbellOffset >= metadata.L2TCMInitSize:
        yield f"exitDoorbellOffset is {metadata.exitDoorbellOffset}, not below L2TCMInitSize {metadata.L2TCMInitSize}"
    for index, region in enumerate(metadata.L2TCMInitStateNonZeroRegions):
        if region.size != region.end - region.start or not 0 <= region.start <= region.end <= image:
            yield (
                f"L2TCMInitStateNonZeroRegions[{index}]: bytes {region.start} to {region.end} with size {region.size} "
                f"do not fit the image of {image} bytes"
            )


def _check_multicast(metadata: Metadata) -> Iterator[str]:
    host = () if metadata.hostMulticastTable is None else metadata.hostMulticastTable.multicastEntries
    for index, entry in enumerate(host):
        if entry.mask >> metadata.numNSPs:
            yield f"hostMulticastTable[{index}]: mask 0x{entry.mask:X} names more than {metadata.numNSPs} NSPs"
    for nsp, table in enumerate(metadata.nspMulticastTables):
        for index, entry in enumerate(table.multicastEntries):
            for problem in _check_window(entry, metadata):
                yield f"nspMulticastTables[{nsp}][{index}]: {problem}"
        for index, (entry, seen) in enumerate(zip(table.multicastEntries, host, strict=False)):
            if entry.size != seen.size:
                yield (
                    f"nspMulticastTables[{nsp}][{index}]: size is {entry.size}, "
                    f"but hostMulticastTable[{index}] states {seen.size}"
                )


def _check_window(entry: NSPMulticastEntry, metadata: Metadata) -> Iterator[str]:
    memories = {_L2TCM: ("L2TCMSize", metadata.L2TCMSize), _VTCM: ("VTCMSize", metadata.VTCMSize)}
    if entry.mask >> metadata.numNSPs:
        yield f"mask 0x{entry.mask:X} names more than {metadata.numNSPs} NSPs"
    if entry.baseAddrOffset % _MULTICAST_ALIGNMENT:
        yield f"baseAddrOffset {entry.baseAddrOffset} is not a multiple of {_MULTICAST_ALIGNMENT}"
    if entry.addrSpace not in memories:
        yield f"addrSpace is {entry.addrSpace}, 0 (L2TCM) or 1 (VTCM) is possible"
        return
    name, size = memories[entry.addrSpace]
    if entry.baseAddrOffset + entry.size > size:
        yield f"bytes {entry.baseAddrOffset} to {entry.baseAddrOffset + entry.size} lie outside {name} {size}"


def _check_semaphores(metadata: Metadata) -> Iterator[str]:
    initial = metadata.semaphoreInitState
    if metadata.numSemaphores > MAX_SEMAPHORES:
        yield f"numSemaphores is {metadata.numSemaphores}, at most {MAX_SEMAPHORES} exist"
    if len(initial) != metadata.numSemaphores:
        yield f"numSemaphores is {metadata.numSemaphores}, but semaphoreInitState has {len(initial)} entries"
    for index, value in enumerate(initial):
        if value > MAX_SEMAPHORE_VALUE:
            yield f"semaphoreInitState[{index}] is {value}, at most {MAX_SEMAPHORE_VALUE} is possible"


def _check_constant_mappings(metadata: Metadata) -> Iterator[str]:
    taken = 0
    for index, mapping in enumerate(metadata.constantMappings):
        where = f"constantMappings[{index}]"
        if mapping.constantDataBaseOffset % _MAPPING_ALIGNMENT:
            yield f"{where}: offset {mapping.constantDataBaseOffset} is not a multiple of {_MAPPING_ALIGNMENT}"
        end = mapping.constantDataBaseOffset + mapping.size
        if end > metadata.staticConstantsSize:
            yield f"{where}: ends at byte {end}, but staticConstantsSize is {metadata.staticConstantsSize}"
        if mapping.coreMask & taken or mapping.coreMask >> metadata.numNSPs:
            yield f"{where}: mask 0x{mapping.coreMask:X} repeats NSPs or names more than {metadata.numNSPs}"
        taken |= mapping.coreMask


def _check_threads(metadata: Metadata, code: Sequence[range]) -> Iterator[str]:
    for index, thread in enumerate(metadata.threadDescriptors):
        if not any(thread.entryPoint in addresses for addresses in code):
            yield f"threadDescriptors[{index}]: entryPoint 0x{thread.entryPoint:X} lies in no executable section"
        if thread.typeMask > THREAD_HMX | THREAD_HVX:
            yield f"threadDescriptors[{index}]: typeMask is {thread.typeMask}, bits 1 (HMX) and 2 (HVX) are possible"


def _check_exec_context(metadata: Metadata) -> Iterator[str]:
    major = metadata.execContextMajorVersion
    if major not in EXEC_CONTEXT_MAJORS:
        yield f"execContextMajorVersion is {major}, {' and '.join(map(str, EXEC_CONTEXT_MAJORS))} are known"
    if not metadata.execContext:
        return
    try:
        context = read_exec_context(metadata.execContext)
    except QpcError as error:
        yield f"execContext: {error}"
        return
    for field in context.execContextFields:
        number, size, offset = field.variableNeeded, field.variableSize, field.execContextOffset
        if offset + size > context.execContextSize:
            yield f"execContext: variable {number} ends at byte {offset + size} of {context.execContextSize}"
        if major == EXEC_CONTEXT_MAJOR and CONTEXT_VARIABLES.get(number) != (size, offset):
            yield f"execContext: version {major} has no variable {number} of {size} bytes at offset {offset}"


def _check_request(request: DMARequest, metadata: Metadata, descriptor: NetworkDescriptor) -> Iterator[str]:
    yield from _check_host_side(request, descriptor)
    yield from _check_device_side(request, metadata)
    if len(request.semaphoreOps) > MAX_SEMAPHORE_OPS:
        yield f"has {len(request.semaphoreOps)} semaphore operations, the host uses at most {MAX_SEMAPHORE_OPS}"
    if request.portId in _PORTS and _PORTS[request.portId] != request.inOut:
        yield f"portId is {request.portId}, but inOut is {request.inOut}"
    for operation in request.semaphoreOps:
        if operation.semOp > MAX_SEMAPHORE_OPERATION or operation.preOrPost > 1:
            yield f"a semaphore operation has semOp {operation.semOp} and preOrPost {operation.preOrPost}"
        if operation.semNum >= metadata.numSemaphores or operation.semValue > MAX_SEMAPHORE_VALUE:
            yield f"semaphore {operation.semNum} = {operation.semValue}: there are {metadata.numSemaphores} semaphores"


def _check_host_side(request: DMARequest, descriptor: NetworkDescriptor) -> Iterator[str]:
    if request.num >= len(descriptor.dma_buffers):
        yield f"num is {request.num}, there are {len(descriptor.dma_buffers)} DMA buffers"
        return
    buffer = descriptor.dma_buffers[request.num]
    if request.hostOffset + request.size > buffer.size:
        yield (
            f"bytes {request.hostOffset} to {request.hostOffset + request.size} lie outside DMA buffer {request.num} "
            f"of {buffer.size} bytes"
        )
    if request.inOut != buffer.direction:
        yield f"inOut is {request.inOut}, but DMA buffer {request.num} has direction {buffer.direction.name}"


def _check_device_side(request: DMARequest, metadata: Metadata) -> Iterator[str]:
    host = () if metadata.hostMulticastTable is None else metadata.hostMulticastTable.multicastEntries
    shared = metadata.staticSharedDDRSize + metadata.dynamicSharedDDRSize
    spaces = {ADDRESS_DDR: shared, ADDRESS_DYNAMIC_SHARED_DDR: metadata.dynamicSharedDDRSize}
    for doorbell in request.doorbellOps:
        if doorbell.mcId >= len(host):
            yield f"a doorbell has mcId {doorbell.mcId}, there are {len(host)} host multicast entries"
        elif doorbell.size > 2:
            yield f"a doorbell has size {doorbell.size}, 0 to 2 are possible"
        elif doorbell.offset + (1 << doorbell.size) > host[doorbell.mcId].size:
            yield f"a doorbell lies at {doorbell.offset} of {host[doorbell.mcId].size} bytes of mcId {doorbell.mcId}"
    if request.devAddrSpace == ADDRESS_MULTICAST:
        if request.mcId >= len(host):
            yield f"mcId is {request.mcId}, there are {len(host)} host multicast entries"
            return
        limit = host[request.mcId].size
    elif request.devAddrSpace in spaces:
        limit = spaces[request.devAddrSpace]
    else:
        yield f"devAddrSpace is {request.devAddrSpace}, 0 (multicast), 1 (DDR) and 2 (dynamic shared DDR) are possible"
        return
    end = request.devOffset + request.size
    if end > limit:
        yield f"device bytes {request.devOffset} to {end} lie outside the region of {limit} bytes"


def _check_order(requests: Sequence[DMARequest]) -> Iterator[str]:
    finished: set[int] = set()
    for index, request in enumerate(requests):
        if request.num in finished:
            yield f"metadata: dmaRequests[{index}]: not next to the other requests of DMA buffer {request.num}"
        if index and requests[index - 1].num != request.num:
            finished.add(requests[index - 1].num)


def _check_end(requests: Sequence[DMARequest]) -> Iterator[str]:
    if requests and (requests[-1].inOut != Direction.Out or requests[-1].size == 0):
        yield "metadata: the last of dmaRequests must move output data: its completion ends the inference"


def _check_device_overlaps(requests: Sequence[DMARequest]) -> Iterator[str]:
    """No two inputs, and no two outputs, may use the same bytes of the device; an output may replace an input."""
    ranges: dict[tuple[int, int, int], list[tuple[int, int, int]]] = defaultdict(list)
    for index, request in enumerate(requests):
        window = request.mcId if request.devAddrSpace == ADDRESS_MULTICAST else 0
        if request.size:
            place = (request.devOffset, request.devOffset + request.size, index)
            ranges[request.inOut, request.devAddrSpace, window].append(place)
    for places in ranges.values():
        for (_, end, index), (start, _, following) in pairwise(sorted(places)):
            if end > start:
                yield f"metadata: dmaRequests[{index}] and dmaRequests[{following}] overlap at device byte {start}"


def _check_coverage(requests: Sequence[DMARequest], descriptor: NetworkDescriptor) -> Iterator[str]:
    """Every byte of every input and output must be moved by some request."""
    ranges: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for request in requests:
        ranges[request.num].append((request.hostOffset, request.hostOffset + request.size))
    moved = {number: _union(pieces) for number, pieces in ranges.items()}
    for binding in descriptor.bindings:
        copy = binding_copy(binding)
        if copy is None or binding.is_partial_allowed:
            continue
        start, end = copy.offset, copy.offset + binding.initial.byte_size
        pieces = moved.get(copy.buffer_num, [])
        index = bisect_right(pieces, start, key=lambda piece: piece[0]) - 1
        reached = max(start, pieces[index][1]) if index >= 0 else start
        if reached < end:
            yield (
                f"metadata: no request of dmaRequests moves byte {reached} of DMA buffer {copy.buffer_num}, "
                f"which holds bytes {start} to {end} of {binding.name!r}"
            )


def _union(pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same bytes as disjoint ranges in ascending order."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(pieces):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
