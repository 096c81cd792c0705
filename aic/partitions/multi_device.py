"""A QPC for several cards: the segment mdp_meta_info, and for each card a segment that is a whole QPC itself.

Reading trusts nothing: each inner QPC is held to what a single one is, and all of them together to what mdp_meta_info
says and to what parts of one network are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from xdsl.dialects.builtin import IntegerAttr, ModuleOp

from aic.emission.memory import declared_tensors
from aic.emit import name_of, qpc_segments
from aic.load import file_constants, program_findings, qpc_path, refuse_errors, validate_qpc
from aic.partitions.cards import modules_of_cards, network_of_cards
from aic.partitions.meta_info import MetaInfo, Slot
from aic.partitions.ports import ports_of_parts
from aic.qpc.container import MDP_META_INFO, SLICE, NewSegment, Segment, examine_container, map_file, write_container
from aic.qpc.errors import QpcError
from aic.qpc.findings import Finding, Findings, Report
from aic.qpc.validate import Examined, examine_data
from dialects import create_context
from dialects.errors import AicError
from dialects.module import DEVICE, MAX_PARTS, cores_of, held_by, programs_of, specializations_of, target_of
from dialects.text import place
from dialects.tile.buffers import TensorOp
from dialects.tile.channels import ChannelOp
from dialects.tile.instructions import ForOp
from dialects.weights import WeightStore
from passes.check_channels import check_channels

MAX_ENDS = 1 << 14
"""Sends and receives of all parts together."""


@dataclass(frozen=True)
class LoadedNetwork:
    """A network from a QPC for several cards: the module, in it the program of each part, and what each card has. For
    several shapes the module holds specializations, in parts each.
    """

    module: ModuleOp
    info: MetaInfo
    constants: Mapping[str, WeightStore]
    """Constants of each part, by its name. They lie in the file."""


def write(module: ModuleOp, path: Path) -> None:
    """Writes the QPC of a scheduled module of parts, or of specializations in parts; `path` appears whole or not at
    all. Constants are not held.

    Raises AicError as `emit_qpc` for each part, and when the parts do not fit each other.
    """
    check_channels(module)
    info = MetaInfo.of(module)
    segments = [NewSegment.of_bytes(MDP_META_INFO, info.pack())]
    for slot, card in zip(info.parts, modules_of_cards(module), strict=True):
        try:
            segments.append(NewSegment.of_segments(slot.segment, qpc_segments(card)))
        except AicError as error:
            raise type(error)(f"{slot.name}: {error}") from error
    write_container(path, segments)


def load(path: str | Path) -> LoadedNetwork:
    """The network in a QPC for several cards, given as a file or as the folder of `programqpc.bin`.

    Raises AicError when there is no such file, or it is malformed or contradicts itself, or is for one card.
    """
    file = qpc_path(path)
    examined = _Network.examined(file)
    refuse_errors(file, examined.report)
    if examined.info is None or examined.module is None:
        raise QpcError(f"{file}: a QPC for one card, without {MDP_META_INFO}")
    constants = {
        slot.name: file_constants(file, part, _tensors(examined.module, slot.name))
        for slot, part in zip(examined.info.parts, examined.parts.values(), strict=True)
    }
    return LoadedNetwork(examined.module, examined.info, constants)


def _tensors(module: ModuleOp, part: str) -> list[TensorOp]:
    """What the programs of a part declare."""
    return [tensor for each in programs_of(module) if name_of(each) == part for tensor in declared_tensors(each)]


def validate(path: str | Path) -> Report:
    """All that is wrong with a QPC, for one card or several.

    Raises nothing for what is wrong inside the file: that is in the report.
    """
    examined = _Network.examined(Path(path))
    return validate_qpc(path) if examined.info is None and not examined.findings else examined.report


@dataclass
class _Network:
    """What of a QPC for several cards can be read, and all that is wrong with it. Without either it is for one card."""

    info: MetaInfo | None
    parts: dict[str, Examined]
    """By segments."""
    findings: list[Finding]
    module: ModuleOp | None = None
    """The whole, once nothing is wrong."""

    @property
    def report(self) -> Report:
        cores = max((slot.cores for slot in self.info.parts), default=None) if self.info else None
        return Report(tuple(self.findings), self.info.name if self.info else "", cores)

    @staticmethod
    def examined(file: Path) -> "_Network":
        try:
            contents = examine_container(map_file(file))
        except QpcError:
            return _Network(None, {}, [])  # as a QPC for one card it is told what is wrong
        segments = contents.segments
        if MDP_META_INFO not in segments:
            return _Network(None, {}, [])
        found = Findings(segments)
        found.add("", contents.problems)
        info = None
        try:
            info = MetaInfo.unpack(segments[MDP_META_INFO].data)
        except QpcError as error:
            found.add(MDP_META_INFO, [str(error)])
        names = [name for name in segments if name.startswith(SLICE)][:MAX_PARTS]
        if info is not None:
            names = [slot.segment for slot in info.parts if slot.segment in segments]
            found.add("", _misplaced(info, segments))
        network = _Network(info, {}, found.found)
        for name in names:
            network.examine_part(segments[name])
        if info is not None and not network.report.errors:
            network.put_together(info, found)
        return network

    def examine_part(self, segment: Segment) -> None:
        examined = examine_data(segment.data, create_context(), segment.offset)
        self.parts[segment.name] = examined
        for each in (*examined.findings, *program_findings(examined)):
            inside = f"{segment.name}/{each.segment}" if each.segment else segment.name
            offset = segment.offset if each.offset is None else each.offset
            self.findings.append(
                replace(each, message=f"{segment.name}: {each.message}", segment=inside, offset=offset)
            )

    def put_together(self, info: MetaInfo, found: Findings) -> None:
        """Puts the programs into the network's module, if they are what mdp_meta_info says and fit each other."""
        for slot in info.parts:
            found.add(slot.segment, _misfits(slot, self.parts[slot.segment], info), "program")
        programs = [self.parts[slot.segment].program for slot in info.parts]
        cards = [program for program in programs if program is not None]
        if self.report.errors or len(cards) < len(programs):
            return
        try:
            self.module = network_of_cards(info.skeleton(), cards)
        except AicError as error:
            found.add("", [str(error)], "program")
            return
        for network in specializations_of(self.module):
            found.add("", _wrong_channels(network), "program")
            found.add(MDP_META_INFO, _wrong_ports(network), "program")


def _misplaced(info: MetaInfo, segments: Mapping[str, Segment]) -> Iterator[str]:
    """Segments that are missing, and those that belong to no part."""
    named = {slot.segment: slot.name for slot in info.parts}
    yield from (
        f"QPC missing required section: {name}, of {part}" for name, part in named.items() if name not in segments
    )
    others = [name for name in segments if name not in named and name != MDP_META_INFO]
    yield from (f"segment {name}: {MDP_META_INFO} names no part that it belongs to" for name in others)


def _misfits(slot: Slot, examined: Examined, info: MetaInfo) -> Iterator[str]:
    """Where a QPC is not that of the part that mdp_meta_info says."""
    program, descriptor = examined.program, examined.descriptor
    if program is None or descriptor is None:
        yield f"{slot.segment}: holds no program"
        return
    device = program.attributes.get(DEVICE)
    number = device.value.data if isinstance(device, IntegerAttr) else "none"
    for what, stated, actual in (
        ("the part", slot.name, name_of(program)),
        ("the network in networkdesc.bin", slot.name, descriptor.name),
        ("the device", slot.device, number),
        ("the number of cores", slot.cores, cores_of(program)),
        ("the target", info.target, target_of(program)),
    ):
        if stated != actual:
            yield f"{slot.segment}: {what} is {actual}, but {MDP_META_INFO} says {stated}"
    if held_by(program) == "partitions":
        yield f"{slot.segment}: holds a network in parts; of a network over cards each has one"


def _wrong_channels(module: ModuleOp) -> Iterator[str]:
    """What is wrong with what the parts send each other."""
    ends = [op for op in module.walk() if isinstance(op, ChannelOp)]
    if len(ends) > MAX_ENDS:
        yield f"the parts send and receive {len(ends)} times in all, at most {MAX_ENDS} are run"
        return
    looped = [op for op in ends if isinstance(op.parent_op(), ForOp)]
    yield from (f"{place(op)}: sends or receives in a loop; a channel has one tensor per inference" for op in looped)
    try:
        check_channels(module)
    except AicError as error:
        yield str(error)


def _wrong_ports(network: ModuleOp) -> Iterator[str]:
    """Where the parts' inputs and outputs are not those of the network."""
    try:
        ports_of_parts(network)
    except AicError as error:
        yield f"{MDP_META_INFO}: {error}"
