"""From a QPC to a program that can run. The file stands alone and is not trusted.

The program is decoded under ceilings, verified, and held to what a compiled one is held to; the file's parts are
checked against each other and against the program. Constants stay in the file, memory-mapped.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from aic.emission.constants import Place
from aic.emission.descriptor import describe_module
from aic.emission.memory import declared_tensors
from aic.legality import SCHEDULED, check_level
from aic.qpc.container import CONSTANTS, MDP_META_INFO, NETWORK_DESC, NETWORK_ELF, QPC_FILE
from aic.qpc.descriptor import IoBinding, IoDescriptor, NetworkDescriptor
from aic.qpc.elf import PROGRAM_SECTION
from aic.qpc.errors import QpcError
from aic.qpc.findings import Finding, Findings, Report
from aic.qpc.validate import Examined, examine_file
from aic.qpc.validate_descriptor import binding_copy
from aic.specializations.programs import check_each_program, check_programs
from dialects import create_context
from dialects.aic import WeightAttr
from dialects.dominance import first_undominated
from dialects.element_types import stored_dtype, tensor_bytes
from dialects.errors import AicError
from dialects.module import cores_of
from dialects.text import place
from dialects.tile.buffers import TensorOp
from dialects.weights import Entry, WeightStore


@dataclass(frozen=True)
class LoadedProgram:
    """A program from a QPC, or several that are specializations: the module, its constants in the file, and the network
    as the host sees it.
    """

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
    examined = examine_file(file, create_context())
    if MDP_META_INFO in examined.segments:
        raise QpcError(f"{file}: a QPC for several cards; this runs on one")
    refuse_errors(file, examined.report(program_findings(examined)))
    return loaded_program(file, examined)


def refuse_errors(file: Path, report: Report) -> None:
    """Raises QpcError with the first error of a report, if there is one."""
    if report.errors:
        first, *others = report.errors
        more = f" (and {len(others)} more errors, which `aic-qpc validate` lists)" if others else ""
        raise QpcError(f"{file}: {first.message}{more}")


def loaded_program(file: Path, examined: Examined) -> LoadedProgram:
    """The program of a QPC in a file in which nothing is wrong. Raises QpcError when it holds none of ours."""
    if examined.program is None or examined.descriptor is None or examined.constants is None:
        raise QpcError(f"{file}: network.elf: section '{PROGRAM_SECTION}' is missing")
    constants = file_constants(file, examined, declared_tensors(examined.program))
    return LoadedProgram(examined.program, constants, examined.descriptor)


def file_constants(file: Path, examined: Examined, tensors: Sequence[TensorOp]) -> WeightStore:
    """The constants of a QPC in a file that tensors of its program are, as they lie there."""
    start = examined.segments[CONSTANTS].offset if CONSTANTS in examined.segments else 0
    named = (tensor.value for tensor in tensors)
    entries = {each.key.data: _entry(file, start, each) for each in named if isinstance(each, WeightAttr)}
    return WeightStore(str(file), entries)


def validate_qpc(path: str | Path) -> Report:
    """All that is wrong with a QPC: with the file, and with its program as far as the file can be read.

    Raises nothing for what is wrong inside the file: that is in the report.
    """
    examined = examine_file(path, create_context())
    return examined.report(program_findings(examined))


def program_findings(examined: Examined) -> Sequence[Finding]:
    """What is wrong with the program of a QPC."""
    program, descriptor, constants = examined.program, examined.descriptor, examined.constants
    if program is None:
        return ()
    findings = Findings(examined.segments)
    try:
        tensors = _checked_tensors(program)
    except AicError as error:
        findings.add(NETWORK_ELF, [str(error)], "program")
        return findings.found
    if descriptor is not None:
        findings.add(NETWORK_DESC, _disagreements(program, descriptor))
    if constants is not None:
        findings.add(NETWORK_ELF, _misplaced_constants(tensors, constants.static_size), "program")
    return findings.found


def _checked_tensors(module: ModuleOp) -> list[TensorOp]:
    """What the program declares in DDR, once the program is what a compiled one is."""
    undominated = first_undominated(module)
    if undominated is not None:
        raise QpcError(f"program: {place(undominated[0])} uses a value before its definition")
    check_level(module, SCHEDULED, "the QPC")
    check_programs(module)
    check_each_program(module)
    return declared_tensors(module)


def _disagreements(module: ModuleOp, descriptor: NetworkDescriptor) -> Iterator[str]:
    """Where the network descriptor does not describe the program."""
    cores = cores_of(module)
    try:
        described = describe_module(descriptor.name, module)
    except AicError as error:
        yield f"program: {error}"
        return
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
    if descriptor.allowed_shapes != described.allowed_shapes:
        yield "networkdesc.bin: its allowed_shapes are not those of the program's specializations"


def _signature(bindings: Sequence[IoBinding]) -> list[tuple[str, IoDescriptor, IoDescriptor, bool]]:
    return [(each.name, each.initial, each.transformed, each.is_partial_allowed) for each in bindings]


def _place(binding: IoBinding) -> tuple[int, int] | None:
    copy = binding_copy(binding)
    return None if copy is None else (copy.buffer_num, copy.offset)


def _misplaced_constants(tensors: Sequence[TensorOp], static_size: int) -> Iterator[str]:
    """Constants that are not where their keys say, or not stored as they are used."""
    for tensor in tensors:
        constant = tensor.value
        if constant is None:
            continue
        if not isinstance(constant, WeightAttr) or constant.order:
            yield f"program: {place(tensor)} is not stored as it is used"
            continue
        try:
            lies = Place.named(constant.key.data)
        except AicError as error:
            yield str(error)
            continue
        needed = tensor_bytes(constant.type)
        if lies.size != needed:
            yield f"program: {lies.key} has {lies.size} bytes, but {constant.type} {needed}"
        if lies.offset + lies.size > static_size:
            yield f"program: {lies.key} lies outside the {static_size} bytes of static constants"


def _entry(file: Path, start: int, constant: WeightAttr) -> Entry:
    """Where a constant lies in the file; `start` is the offset of the static constants."""
    dtype = stored_dtype(constant.type.element_type)
    return Entry(file, start + Place.named(constant.key.data).offset, dtype, constant.type.get_shape())
