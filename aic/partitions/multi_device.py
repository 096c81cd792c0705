"""A QPC for several cards: the segment mdp_meta_info, and for each card a segment that is a whole QPC itself.

Reading trusts nothing: each inner QPC is held to what a single one is, and all of them together to what mdp_meta_info
says and to what parts of one network are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xdsl.dialects.builtin import IntegerAttr, ModuleOp

from aic.emission.memory import declared_tensors, label_of
from aic.emit import name_of, qpc_segments
from aic.load import LoadedProgram, loaded_program, program_findings, qpc_path, refuse_errors, validate_qpc
from aic.partitions.meta_info import MetaInfo, Slot
from aic.qpc.container import MDP_META_INFO, SLICE, NewSegment, Segment, examine_container, map_file, write_container
from aic.qpc.errors import QpcError
from aic.qpc.findings import Finding, Findings, Report
from aic.qpc.validate import Examined, examine_data
from dialects import create_context
from dialects.errors import AicError
from dialects.module import DEVICE, INPUTS, MAX_PARTS, OUTPUTS, cores_of, programs_of, standing_alone, target_of
from dialects.retained import retained_of
from dialects.text import place
from dialects.tile.channels import ChannelOp
from dialects.tile.ops import ForOp, type_of
from dialects.weights import WeightStore
from passes.check_channels import check_channels

MAX_ENDS = 1 << 14
"""Sends and receives of all parts together."""


@dataclass(frozen=True)
class LoadedNetwork:
    """A network from a QPC for several cards: the module, in it the program of each part, and what each part has."""

    module: ModuleOp
    info: MetaInfo
    parts: tuple[LoadedProgram, ...]
    """In the order of `info.parts`: the part's module, which lies in `module`, its constants, which lie in the file,
    and its inputs and outputs as the host sees them."""

    @property
    def constants(self) -> Mapping[str, WeightStore]:
        """Constants of each part, by its name."""
        return {slot.name: part.constants for slot, part in zip(self.info.parts, self.parts, strict=True)}


def write(module: ModuleOp, path: Path) -> None:
    """Writes the QPC of a scheduled module of parts; `path` appears whole or not at all. Constants are not held.

    Raises AicError as `emit_qpc` for each part, and when the parts do not fit each other.
    """
    check_channels(module)
    info = MetaInfo.of(module)
    segments = [NewSegment.of_bytes(MDP_META_INFO, info.pack())]
    for slot, part in zip(info.parts, programs_of(module), strict=True):
        try:
            segments.append(NewSegment.of_segments(slot.segment, qpc_segments(_alone(part))))
        except AicError as error:
            raise type(error)(f"{slot.name}: {error}") from error
    write_container(path, segments)


def _alone(part: ModuleOp) -> ModuleOp:
    """A part as a module of its own, whose peers are elsewhere."""
    alone = standing_alone(part)
    for name in (INPUTS, OUTPUTS):
        alone.attributes.pop(name, None)
    return alone


def load(path: str | Path) -> LoadedNetwork:
    """The network in a QPC for several cards, given as a file or as the folder of `programqpc.bin`.

    Raises AicError when there is no such file, or it is malformed or contradicts itself, or is for one card.
    """
    file = qpc_path(path)
    examined = _Network.examined(file)
    refuse_errors(file, examined.report)
    if examined.info is None or examined.module is None:
        raise QpcError(f"{file}: a QPC for one card, without {MDP_META_INFO}")
    parts = tuple(loaded_program(file, part) for part in examined.parts.values())
    return LoadedNetwork(examined.module, examined.info, parts)


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
        if self.report.errors or None in programs:
            return
        module = info.skeleton()
        for inner, program in zip(list(module.body.block.ops), programs, strict=True):
            assert program is not None
            module.body.block.insert_op_before(program, inner)
            inner.detach()
        found.add("", _wrong_channels(module), "program")
        found.add(MDP_META_INFO, _wrong_ports(info, module), "program")
        self.module = module


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
    if list(programs_of(program)) != [program]:
        yield f"{slot.segment}: holds several programs; each card has one"
    elif retained_of(program):
        yield f"{slot.segment}: keeps state on the card, which a part of a network cannot"


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


def _wrong_ports(info: MetaInfo, module: ModuleOp) -> Iterator[str]:
    """Where the parts' inputs and outputs are not those of the network."""
    inputs: dict[str, list[object]] = {}
    outputs: dict[str, list[object]] = {}
    for part in programs_of(module):
        for tensor in declared_tensors(part):
            ports = {"input": inputs, "output": outputs}.get(tensor.role.data)
            if ports is not None:
                ports.setdefault(label_of(tensor), []).append(type_of(tensor.result))
    for what, stated, actual in (("inputs", info.inputs, inputs), ("outputs", info.outputs, outputs)):
        if set(stated) != set(actual):
            yield f"{MDP_META_INFO}: the {what} are {_listed(stated)}, but the parts have {_listed(list(actual))}"
    yield from (f"parts have input {name!r} with several shapes" for name, each in inputs.items() if len(set(each)) > 1)
    yield from (f"several parts give the output {name!r}" for name, each in outputs.items() if len(each) > 1)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) or "none"
