"""mdp_meta_info: which card each part of a network is for, and the network's inputs and outputs.

The segment holds a module in the encoding of programs (`aic.qpc.encoding`): the network without its programs.

    builtin.module @net attributes {aic.target = .., aic.holds = "partitions", aic.inputs = ["x"],
        aic.outputs = ["y"]} {
      builtin.module @Partition0 attributes {aic.device = 0, aic.cores = 16, aic.segment = "QAicGraph_slice00"} {}
    }
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, ModuleOp, StringAttr, i64
from xdsl.ir import Attribute

from aic.emit import name_of
from aic.partitions.cards import first_network
from aic.qpc.container import MDP_META_INFO, SLICE
from aic.qpc.decoding import decode
from aic.qpc.encoding import encode
from aic.qpc.errors import QpcError
from dialects import create_context
from dialects.aic import TargetAttr
from dialects.module import (
    CORES,
    DEVICE,
    HOLDS,
    INPUTS,
    MAX_DEVICES,
    MAX_PARTS,
    OUTPUTS,
    TARGET,
    cores_of,
    holding,
    programs_of,
    target_of,
)

_SEGMENT = "aic.segment"


@dataclass(frozen=True)
class Slot:
    """A part of a network: its name, the number of its card, its cores there, and the segment of its QPC."""

    name: str
    device: int
    cores: int
    segment: str


@dataclass(frozen=True)
class MetaInfo:
    """A network over several cards: its name, what cards they are, its inputs and outputs in order, and its parts."""

    name: str
    target: TargetAttr
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parts: tuple[Slot, ...]

    @staticmethod
    def of(module: ModuleOp) -> "MetaInfo":
        """What a module of parts says, or one of specializations in parts. Raises QpcError when it cannot be said in a
        QPC, and AicError when specializations are in different parts.
        """
        network = first_network(module)
        parts = tuple(
            Slot(_name(part), _integer(part.attributes, DEVICE), cores_of(part), f"{SLICE}{number:02d}")
            for number, part in enumerate(programs_of(network))
        )
        inputs, outputs = (_texts(network.attributes, name) for name in (INPUTS, OUTPUTS))
        info = MetaInfo(name_of(module), target_of(module), inputs, outputs, parts)
        return info.checked()

    def skeleton(self) -> ModuleOp:
        """The network's module, each part a module without a program."""
        parts = [
            ModuleOp(
                [],
                {
                    DEVICE: IntegerAttr(slot.device, i64),
                    CORES: IntegerAttr(slot.cores, i64),
                    _SEGMENT: StringAttr(slot.segment),
                },
                StringAttr(slot.name),
            )
            for slot in self.parts
        ]
        names = {INPUTS: self.inputs, OUTPUTS: self.outputs}
        listed: dict[str, Attribute] = {key: ArrayAttr(map(StringAttr, each)) for key, each in names.items()}
        module = holding("partitions", parts, {TARGET: self.target, **listed})
        module.sym_name = StringAttr(self.name)
        return module

    def pack(self) -> bytes:
        """The content of the segment."""
        return encode(self.skeleton())

    @staticmethod
    def unpack(data: bytes | memoryview) -> "MetaInfo":
        """What the segment says. Raises QpcError unless it is such a module and nothing else."""
        try:
            module = decode(data, create_context())
            return _read(module).checked()
        except QpcError as error:
            raise QpcError(f"{MDP_META_INFO}: {error}") from error

    def checked(self) -> "MetaInfo":
        """Itself. Raises QpcError when names, cards or segments are not what they must be."""
        problems = list(self._problems())
        if problems:
            raise QpcError("; ".join(problems))
        return self

    def _problems(self) -> Iterator[str]:
        if not 1 <= len(self.parts) <= MAX_PARTS:
            yield f"{len(self.parts)} parts; there can be 1 to {MAX_PARTS}"
        for what, values in (
            ("two parts share a name", [slot.name for slot in self.parts]),
            ("two parts are on one card", [slot.device for slot in self.parts]),
            ("two inputs share a name", self.inputs),
            ("two outputs share a name", self.outputs),
        ):
            if len(set(values)) < len(values):
                yield what
        available = self.target.hardware.cores
        for number, slot in enumerate(self.parts):
            if not 0 <= slot.device < MAX_DEVICES:
                yield f"{slot.name}: device {slot.device}; they are numbered from 0 to {MAX_DEVICES - 1}"
            if not 1 <= slot.cores <= available:
                yield f"{slot.name}: {slot.cores} cores; a card has 1 to {available}"
            if slot.segment != f"{SLICE}{number:02d}":
                yield f"{slot.name}: its segment is called {slot.segment!r}, part {number} has {SLICE}{number:02d}"


def _read(module: ModuleOp) -> MetaInfo:
    _check_keys(module, {TARGET, HOLDS, INPUTS, OUTPUTS})
    target, parts = module.attributes[TARGET], list(module.body.block.ops)
    if not isinstance(target, TargetAttr) or module.attributes[HOLDS] != StringAttr("partitions"):
        raise QpcError("the network's target, or what it holds, is none")
    slots: list[Slot] = []
    for part in parts:
        if not isinstance(part, ModuleOp) or part.body.block.first_op is not None:
            raise QpcError("it holds anything but empty modules")
        _check_keys(part, {DEVICE, CORES, _SEGMENT})
        device, cores = (_integer(part.attributes, name) for name in (DEVICE, CORES))
        slots.append(Slot(_name(part), device, cores, _text(part.attributes[_SEGMENT])))
    inputs, outputs = (_texts(module.attributes, name) for name in (INPUTS, OUTPUTS))
    return MetaInfo(_name(module), target, inputs, outputs, tuple(slots))


def _check_keys(module: ModuleOp, keys: set[str]) -> None:
    if module.attributes.keys() != keys:
        found = ", ".join(sorted(module.attributes)) or "none"
        raise QpcError(f"a module has the attributes {found}; {', '.join(sorted(keys))} are expected")


def _name(module: ModuleOp) -> str:
    if module.sym_name is None or not module.sym_name.data:
        raise QpcError("a module has no name")
    return module.sym_name.data


def _integer(attributes: Mapping[str, Attribute], name: str) -> int:
    value = attributes.get(name)
    if not isinstance(value, IntegerAttr):
        raise QpcError(f"{name} = {value}: no integer")
    return value.value.data


def _texts(attributes: Mapping[str, Attribute], name: str) -> tuple[str, ...]:
    value = attributes.get(name)
    if not isinstance(value, ArrayAttr):
        raise QpcError(f"{name} = {value}: no array of names")
    return tuple(map(_text, value))


def _text(value: Attribute) -> str:
    if not isinstance(value, StringAttr):
        raise QpcError(f"{value} is no text")
    return value.data
