"""From a scheduled module to a QPC.

The program goes into network.elf as it is, but for its constants: it names them by their place in constants.bin, which
is written one constant at a time. Nothing else of the compile is in the file: no path, no time.

The checks of the program go on while constants are converted and written; the program itself is written once it is
proved.
"""

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from aic.emission.constants import ConstantsLayout
from aic.emission.descriptor import describe_module
from aic.emission.memory import declared_tensors, lay_out_shared_ddr
from aic.emission.metadata import describe_program
from aic.legality import SCHEDULED, check_level
from aic.qpc.constants import ConstantsDescriptor
from aic.qpc.container import CONSTANTS, CONSTANTS_DESC, NETWORK_DESC, NETWORK_ELF, Chunk, NewSegment, write_container
from aic.qpc.descriptor import serialize_descriptor
from aic.qpc.elf import write_elf
from aic.qpc.encoding import encode
from aic.qpc.metadata import write_metadata
from aic.specializations.programs import check_each_program, check_programs
from dialects.module import cores_of, main_of, programs_of, target_of
from dialects.tile.instructions import ComputeOp
from dialects.tile.transfers import MulticastOp
from dialects.weights import STORE_ATTRIBUTE, store_of
from dialects.workers import start

UNNAMED = "network"
"""Name of a network whose module has none."""


def emit_qpc(module: ModuleOp, path: Path) -> None:
    """Writes the QPC of a scheduled module; `path` appears whole or not at all.

    Raises AicError when the module is not a scheduled program, when it does not fit into the card's memory, when its
    inputs and outputs are not what a QPC can describe, or when the file cannot be written.
    """
    write_container(path, qpc_segments(module))


def qpc_segments(module: ModuleOp) -> list[NewSegment]:
    """The segments of the QPC of a scheduled module, whose data is made when it is asked for.

    Raises AicError as `emit_qpc`; the data, too, when it is asked for.
    """
    check_level(module, SCHEDULED, "what was given to emit")
    check_programs(module)
    program, layout = placed_program(module)
    cores, hardware = cores_of(module), target_of(module).hardware
    ddr = lay_out_shared_ddr(module)
    instructions = [
        op
        for each in programs_of(module)
        for op in main_of(each).body.walk()
        if isinstance(op, ComputeOp | MulticastOp)
    ]
    descriptor = describe_module(name_of(module), module)
    metadata = describe_program(descriptor.name, ddr, layout.size, instructions, cores, hardware)
    elf = write_elf(encode(program), write_metadata(metadata))
    checked = start(lambda: check_each_program(module))
    store = store_of(module)
    constants = NewSegment(CONSTANTS, layout.size, lambda: layout.chunks(store), layout.size)
    return [
        *([constants] if layout.size else []),
        NewSegment.of_bytes(CONSTANTS_DESC, ConstantsDescriptor(layout.size).pack()),
        _proved(NewSegment.of_bytes(NETWORK_ELF, elf), checked),
        NewSegment.of_bytes(NETWORK_DESC, serialize_descriptor(descriptor)),
    ]


def name_of(module: ModuleOp) -> str:
    """Name of a network."""
    return UNNAMED if module.sym_name is None else module.sym_name.data


def _proved(segment: NewSegment, checked: Future[None]) -> NewSegment:
    """The segment, whose data is there once the checks are done. Asking for it raises what they raise."""

    def chunks() -> Iterable[Chunk]:
        checked.result()
        return segment.chunks()

    return replace(segment, chunks=chunks)


def placed_program(module: ModuleOp) -> tuple[ModuleOp, ConstantsLayout]:
    """The module as a QPC holds it, and where its constants go. `module` stays as it is."""
    program = module.clone()
    program.attributes.pop(STORE_ATTRIBUTE, None)
    tensors = declared_tensors(program)
    layout = ConstantsLayout.of(tensor.value for tensor in tensors if tensor.value is not None)
    for tensor in tensors:
        if tensor.value is not None:
            tensor.properties["value"] = layout.handle(tensor.value)
    return program, layout
