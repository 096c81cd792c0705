"""From a QPC to a program that can run. The file stands alone and is not trusted.

The program is decoded under ceilings, verified, and held to what a compiled one is held to; the file's parts are
checked against each other and against the program. Constants stay in the file, memory-mapped.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from aic.emission.constants import Place
from aic.emission.descriptor import describe_network
from aic.emission.memory import declared_tensors, lay_out_shared_ddr
from aic.legality import SCHEDULED, check_level
from aic.qpc.container import CONSTANTS, NETWORK_ELF, QPC_FILE, open_container, require
from aic.qpc.decoding import decode
from aic.qpc.descriptor import IoBinding, NetworkDescriptor
from aic.qpc.elf import PROGRAM_SECTION, read_elf, require_section
from aic.qpc.errors import QpcError
from aic.qpc.validate import read_parts, validate_segments
from aic.qpc.validate_descriptor import binding_copy
from aic.static_checks import check_program
from dialects import create_context
from dialects.aic import DenseAttr, WeightAttr
from dialects.dominance import first_undominated
from dialects.element_types import stored_dtype, tensor_bytes
from dialects.errors import AicError
from dialects.module import cores_of, target_of
from dialects.text import place
from dialects.tile.ops import TensorOp
from dialects.weights import Entry, WeightStore


@dataclass(frozen=True)
class LoadedProgram:
    """A program from a QPC: the module, its constants in the file, and the network as the host sees it."""

    module: ModuleOp
    constants: WeightStore
    descriptor: NetworkDescriptor


def qpc_path(path: str | Path) -> Path:
    """The QPC that a path means: the file, or `programqpc.bin` in a folder. Raises AicError when there is none."""
    path = Path(path)
    file = path / QPC_FILE if path.is_dir() else path
    if not file.is_file():
        raise AicError(f"{path}: there is no QPC here; give a file, or a folder with {QPC_FILE}")
    return file


def load_qpc(path: str | Path) -> LoadedProgram:
    """The program in a QPC, given as a file or as the folder of `programqpc.bin`.

    Raises AicError when there is no such file, or it is malformed, contradicts itself, or holds no program of ours.
    """
    file = qpc_path(path)
    with open_container(file) as segments:
        try:
            _refuse_errors([finding.message for finding in validate_segments(segments).errors])
            parts = read_parts(segments)
            elf = read_elf(require(segments, NETWORK_ELF).data)
            module = decode(require_section(elf, PROGRAM_SECTION), create_context())
            tensors = _checked_tensors(module)
            _refuse_errors(list(_disagreements(module, parts.descriptor)))
            start = segments[CONSTANTS].offset if CONSTANTS in segments else 0
            entries = _entries(file, start, parts.constants.static_size, tensors)
        except AicError as error:
            raise QpcError(f"{file}: {error}") from error
    return LoadedProgram(module, WeightStore(str(file), entries), parts.descriptor)


def _refuse_errors(messages: Sequence[str]) -> None:
    if messages:
        more = f" (and {len(messages) - 1} more errors)" if len(messages) > 1 else ""
        raise QpcError(messages[0] + more)


def _checked_tensors(module: ModuleOp) -> list[TensorOp]:
    """What the program declares in DDR, once the program is what a compiled one is."""
    undominated = first_undominated(module)
    if undominated is not None:
        raise QpcError(f"program: {place(undominated[0])} uses a value before its definition")
    check_level(module, SCHEDULED, "the QPC")
    check_program(module)
    return declared_tensors(module)


def _disagreements(module: ModuleOp, descriptor: NetworkDescriptor) -> Iterator[str]:
    """Where the network descriptor does not describe the program."""
    cores, hardware = cores_of(module), target_of(module).hardware
    described = describe_network(descriptor.name, lay_out_shared_ddr(module), cores, hardware.hvx_threads)
    if descriptor.num_cores != cores:
        yield f"networkdesc.bin: num_cores is {descriptor.num_cores}, the program runs on {cores}"
    for what, stated, actual in (
        ("inputs", descriptor.inputs, described.inputs),
        ("outputs", descriptor.outputs, described.outputs),
    ):
        if _signature(stated) != _signature(actual):
            yield f"networkdesc.bin: its {what} are not those of the program"
        elif [_place(binding) for binding in stated] != [_place(binding) for binding in actual]:
            yield f"networkdesc.bin: its {what} do not lie in the DMA buffers that the program has"
    if descriptor.dma_buffers != described.dma_buffers:
        yield "networkdesc.bin: its DMA buffers are not those of the program"


def _signature(bindings: Sequence[IoBinding]) -> list[tuple[str, int, tuple[int, ...]]]:
    return [(binding.name, binding.initial.type, binding.initial.dims) for binding in bindings]


def _place(binding: IoBinding) -> tuple[int, int] | None:
    copy = binding_copy(binding)
    return None if copy is None else (copy.buffer_num, copy.offset)


def _entries(file: Path, start: int, static_size: int, tensors: Sequence[TensorOp]) -> dict[str, Entry]:
    """Where each constant lies in the file; `start` is the offset of the static constants, `static_size` their size."""
    entries: dict[str, Entry] = {}
    for tensor in tensors:
        match tensor.value:
            case None:
                continue
            case WeightAttr() as constant if not constant.order:
                entries[constant.key.data] = _entry(file, start, static_size, constant)
            case WeightAttr() | DenseAttr():
                raise QpcError(f"program: {place(tensor)} is not stored as it is used")
    return entries


def _entry(file: Path, start: int, static_size: int, constant: WeightAttr) -> Entry:
    lies = Place.named(constant.key.data)
    if lies.size != tensor_bytes(constant.type):
        raise QpcError(f"program: {lies.key} has {lies.size} bytes, but {constant.type} {tensor_bytes(constant.type)}")
    if lies.offset + lies.size > static_size:
        raise QpcError(f"program: {lies.key} lies outside the {static_size} bytes of static constants")
    dtype = stored_dtype(constant.type.element_type)
    return Entry(file, start + lies.offset, dtype, constant.type.get_shape())
