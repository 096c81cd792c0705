"""The firmware's view of a program: its transfers with the host, its doorbells and semaphores, its memory.

Inputs and outputs lie in shared DDR. Buffer i (those of inputs first) has doorbell i, a word in every NSP's L2TCM: the
host sets it when its inputs are there, or when its outputs have been taken. Semaphore 0 holds inputs back until every
NSP has taken the ones before; semaphore 1 holds outputs back until every NSP has written its part.
"""

import struct
from collections.abc import Sequence

import numpy as np

from aic.emission.descriptor import DMA_GROUP, HMX_GROUP, HVX_GROUP, thread_groups
from aic.emission.memory import HostBuffer, SharedDdr
from aic.qpc.elf import ENTRY_POINT
from aic.qpc.metadata import (
    ADDRESS_DDR,
    EXEC_CONTEXT_MAJOR,
    EXIT_DOORBELL_OFFSET,
    PORT_HOST_IN,
    PORT_HOST_OUT,
    THREAD_HMX,
    THREAD_HVX,
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
)
from dialects.element_types import is_float
from dialects.errors import AicError
from dialects.hardware import Hardware
from dialects.tile.boxes import core_coordinates
from dialects.tile.buffers import type_of
from dialects.tile.instructions import ComputeOp
from dialects.tile.transfers import MulticastOp

HARDWARE_VERSION = (2, 0)
MAX_CONSTANTS_BYTES = (1 << 32) - 1
"""A constant mapping states its size in 32 bits."""

_WORD = 4
_EXIT_DOORBELL = EXIT_DOORBELL_OFFSET // _WORD
_DOORBELLS = _EXIT_DOORBELL + 1
_PAGE_BYTES = 4096
_DESCRIPTOR_ALIGNMENT = 128
_DONE_DESCRIPTOR = struct.pack("<IIII", 0, 0x80000000, 0, 0)
"""A DMA descriptor that is complete: what a chain of transfers is linked to first."""
_THREAD_DESCRIPTOR_BYTES = 256
_L2TCM, _VTCM = 0, 1
_INPUTS, _OUTPUTS = 0, 1
_INIT, _WAIT_EQUAL = 1, 4
_POST, _PRE = 0, 1
_DOORBELL_32_BITS = 2
_THREAD_MASKS = {HVX_GROUP: THREAD_HVX, HMX_GROUP: THREAD_HMX, DMA_GROUP: 0}
"""Units that a thread uses besides the scalar one."""


def describe_program(
    name: str,
    ddr: SharedDdr,
    constants_bytes: int,
    instructions: Sequence[ComputeOp | MulticastOp],
    cores: int,
    hardware: Hardware,
) -> Metadata:
    """The metadata of a program with these instructions. Raises AicError when it exceeds what metadata can state."""
    if len(ddr.buffers) > _EXIT_DOORBELL:
        raise AicError(
            f"{len(ddr.buffers)} buffers of inputs and outputs: a QPC has doorbells for {_EXIT_DOORBELL}; "
            "-combine-inputs and -combine-outputs make fewer"
        )
    if constants_bytes > MAX_CONSTANTS_BYTES:
        raise AicError(f"{constants_bytes} bytes of constants: a QPC maps at most {MAX_CONSTANTS_BYTES}")
    everyone = (1 << cores) - 1
    groups = thread_groups(hardware.hvx_threads)
    engines = {op.engine for op in instructions if isinstance(op, ComputeOp) and _is_floating(op)}
    return Metadata(
        networkName=name,
        semaphoreInitState=(0, cores),
        L2TCMInitState=_l2tcm_image(ddr, len(groups)),
        dmaRequests=_requests(ddr, cores),
        nspMulticastTables=_multicast_tables(instructions, cores, hardware),
        hostMulticastTable=HostMulticastEntryTable((HostMulticastEntry(everyone, _PAGE_BYTES),)),
        threadDescriptors=tuple(ThreadDescriptor(ENTRY_POINT, _THREAD_MASKS[group]) for group in groups),
        constantMappings=(ConstantMapping(0, everyone, constants_bytes),) if constants_bytes else (),
        staticSharedDDRSize=ddr.size,
        staticConstantsSize=constants_bytes,
        exitDoorbellOffset=EXIT_DOORBELL_OFFSET,
        execContextMajorVersion=EXEC_CONTEXT_MAJOR,
        numNSPs=cores,
        numSemaphores=2,
        hwVersionMajor=HARDWARE_VERSION[0],
        hwVersionMinor=HARDWARE_VERSION[1],
        hasHvxFP=int("hvx" in engines),
        hasHmxFP=int("hmx" in engines),
        VTCMSize=hardware.vtcm_bytes,
        L2TCMSize=hardware.l2tcm_bytes,
        execContext=default_exec_context(),
    )


def _is_floating(op: ComputeOp) -> bool:
    return any(is_float(type_of(buffer).element_type) for buffer in op.buffers)


def _l2tcm_image(ddr: SharedDdr, threads: int) -> bytes:
    """Doorbells (those of outputs say: free), then a complete DMA descriptor, then room for descriptors per thread."""
    words = [0] * len(ddr.to_card) + [1] * len(ddr.outputs)
    doorbells = struct.pack(f"<{_DOORBELLS}I", *words, *[0] * (_DOORBELLS - len(words)))
    padding = bytes(-len(doorbells) % _DESCRIPTOR_ALIGNMENT)
    first = _DONE_DESCRIPTOR + bytes(-len(_DONE_DESCRIPTOR) % _DESCRIPTOR_ALIGNMENT)
    return doorbells + padding + first + bytes(threads * _THREAD_DESCRIPTOR_BYTES)


def _requests(ddr: SharedDdr, cores: int) -> tuple[DMARequest, ...]:
    """A transfer per buffer of inputs, what stays on the card first; then one per buffer of outputs: the last one ends
    the inference.
    """
    numbers = {buffer: number for number, buffer in enumerate(ddr.buffers)}
    incoming = ddr.given + ddr.inputs
    inputs = [
        _request(buffer, numbers[buffer], PORT_HOST_IN, _semaphores(_INPUTS, cores, 0, last=buffer is incoming[-1]))
        for buffer in incoming
    ]
    outputs = [
        _request(
            buffer, numbers[buffer], PORT_HOST_OUT, _semaphores(_OUTPUTS, 0, cores, last=buffer is ddr.outputs[-1])
        )
        for buffer in ddr.outputs
    ]
    return (*inputs, *outputs)


def _semaphores(semaphore: int, awaited: int, reset: int, *, last: bool) -> tuple[SemaphoreOp, ...]:
    wait = SemaphoreOp(semaphore, awaited, _WAIT_EQUAL, _PRE)
    return (wait, SemaphoreOp(semaphore, reset, _INIT, _POST)) if last else (wait,)


def _request(buffer: HostBuffer, number: int, direction: int, semaphores: tuple[SemaphoreOp, ...]) -> DMARequest:
    return DMARequest(
        semaphoreOps=semaphores,
        doorbellOps=(DoorbellOp(number * _WORD, 1, 0, _DOORBELL_32_BITS),),
        devOffset=buffer.offset,
        size=buffer.size,
        num=number,
        devAddrSpace=ADDRESS_DDR,
        inOut=int(direction == PORT_HOST_OUT),
        portId=direction,
    )


def _multicast_tables(
    instructions: Sequence[ComputeOp | MulticastOp], cores: int, hardware: Hardware
) -> tuple[NSPMulticastEntryTable, ...]:
    """Per NSP: the doorbells of all, then its VTCM together with that of each group that gets multicasts with it."""
    doorbells = NSPMulticastEntry(0, (1 << cores) - 1, _PAGE_BYTES, _L2TCM)
    groupings = dict.fromkeys(
        (op.box.data.mesh, tuple(op.axes.get_values())) for op in instructions if isinstance(op, MulticastOp)
    )
    masks = [_receivers(mesh, axes, cores) for mesh, axes in groupings]
    distinct = list(dict.fromkeys(masks))
    return tuple(
        NSPMulticastEntryTable(
            (doorbells, *(NSPMulticastEntry(0, mask[core], hardware.vtcm_bytes, _VTCM) for mask in distinct))
        )
        for core in range(cores)
    )


def _receivers(mesh: tuple[int, ...], axes: tuple[int, ...], cores: int) -> tuple[int, ...]:
    """Per core, the mask of the cores that differ from it along these mesh axes only."""
    kept = np.delete(core_coordinates(cores, mesh), axes, axis=1)
    together = (kept[:, None] == kept[None]).all(axis=2)
    return tuple(sum(1 << int(other) for other in np.flatnonzero(row)) for row in together)
