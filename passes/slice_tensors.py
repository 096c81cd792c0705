"""`slice-tensors`: one program over several devices that work on it together, each on slices of its tensors.

The module says how by `aic.slices = {devices = array<i64: 0, 1>, cores = array<i64: 16, 16>, link = "p2p"}`: the
devices by their numbers; cores of each, where they are not those of the module; what connects them, `p2p` unless it is
said, or `host`. Weights that are sliced are read from the memory of every card at once, a part from each.

Afterwards the module holds one module per device, `<its name>_slice00` and so on, or `device_slice00` where it is no
part of a network. What comes from other parts, the first device gets and passes on; it sends what leaves.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.context import Context
from xdsl.dialects.builtin import DenseArrayBase, DictionaryAttr, IntegerAttr, ModuleOp, StringAttr, i64
from xdsl.ir import Attribute, Operation

from dialects.channels import ChannelAttr, Link
from dialects.errors import AicError
from dialects.graph.base import GraphOp
from dialects.graph.channels import ReceiveOp, SendOp
from dialects.module import CORES, DEVICE, cores_of, main_of, target_of
from dialects.weights import store_of
from passes.partitioning.slicing.exchanges import Exchanges
from passes.partitioning.slicing.program import Connection, slice_program
from passes.partitioning.slicing.rules import nodes_of
from passes.partitioning.slicing.search import Rule, choose_rules
from passes.partitioning.slicing.states import Held
from passes.partitioning.split import hold_parts
from passes.rewriting.program_pass import ProgramPass

_LOG = logging.getLogger("aic")

SLICES = "aic.slices"
"""Name of the module's attribute."""
SLICE_LINKS: tuple[Link, ...] = ("p2p", "host")
"""What may connect devices."""


@dataclass(frozen=True)
class Slicing:
    """What a module says: device numbers, cores of each (empty: those of the module), and what connects them."""

    devices: Sequence[int]
    cores: Sequence[int] = field(default_factory=tuple[int, ...])
    link: Link = "p2p"

    def as_attribute(self) -> DictionaryAttr:
        """What a module has as `aic.slices`."""
        values: dict[str, Attribute] = {"devices": DenseArrayBase.from_list(i64, list(self.devices))}
        if self.cores:
            values["cores"] = DenseArrayBase.from_list(i64, list(self.cores))
        return DictionaryAttr(values | {"link": StringAttr(self.link)})

    def problems(self, available: int) -> list[str]:
        """What is wrong with it, for devices of so many cores."""
        devices, cores = self.devices, self.cores
        problems = [] if len(devices) > 1 else [f"{len(devices)} devices; tensors are sliced over 2 or more"]
        problems += [f"device {device}; they are numbered from 0" for device in devices if device < 0]
        problems += [f"device {d} {devices.count(d)} times" for d in dict.fromkeys(devices) if devices.count(d) > 1]
        if cores and len(cores) != len(devices):
            problems.append(f"cores has {len(cores)} values for {len(devices)} devices")
        problems += [f"{count} cores; a device has 1 to {available}" for count in cores if not 1 <= count <= available]
        if self.link not in SLICE_LINKS:
            problems.append(f"link {self.link!r} is none of {', '.join(SLICE_LINKS)}")
        return problems


@dataclass(frozen=True)
class SliceTensorsPass(ProgramPass):
    """Slices the program over the devices that its module names; one that names none stays whole."""

    name = "slice-tensors"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        wanted = op.attributes.pop(SLICES, None)
        if wanted is None:
            return
        slicing = _read(wanted)
        hardware = target_of(op).hardware
        problems = slicing.problems(hardware.cores)
        if problems:
            raise AicError(f"{SLICES}: {'; '.join(problems)}")
        count, main = len(slicing.devices), main_of(op)
        cores = slicing.cores or [cores_of(op)] * count
        ops = [each for each in main.body.block.ops if isinstance(each, GraphOp | ReceiveOp)]
        exchanges = Exchanges(count, slicing.link, min(cores), hardware)
        rules = choose_rules(nodes_of(ops, count, min(cores), hardware), count, exchanges.seconds)
        if all(rule.state is Held.FIRST for rule in rules):
            _LOG.warning(
                "%s: %d devices would be slower than one; device %d does it all", SLICES, count, slicing.devices[0]
            )
        of: dict[Operation, Rule] = dict(zip(ops, rules, strict=True))
        names = [f"{_name(op)}_slice{number:02d}" for number in range(count)]
        programs = slice_program(main, of, exchanges, Connection(names, slicing.link, _next_channel(op)), store_of(op))
        _redirect(op, names[0])
        parts = [
            ModuleOp([program], {DEVICE: IntegerAttr(device, i64), CORES: IntegerAttr(size, i64)}, StringAttr(name))
            for name, program, device, size in zip(names, programs, slicing.devices, cores, strict=True)
        ]
        hold_parts(op, main, parts)


def _read(wanted: Attribute) -> Slicing:
    entries = dict(wanted.data) if isinstance(wanted, DictionaryAttr) else {}
    none = DenseArrayBase.from_list(i64, [])
    devices, cores = entries.pop("devices", None), entries.pop("cores", none)
    link = entries.pop("link", StringAttr("p2p"))
    arrays = [each for each in (devices, cores) if isinstance(each, DenseArrayBase) and each.elt_type == i64]
    if entries or len(arrays) < 2 or not isinstance(link, StringAttr):
        raise AicError(
            f'{SLICES} = {wanted}: expected {{devices = array<i64: ..>, cores = array<i64: ..>, link = "p2p"}}'
        )
    numbers, counts = ([int(value) for value in each.get_values()] for each in arrays)
    return Slicing(numbers, counts, link.data)  # pyright: ignore[reportArgumentType]


def _name(module: ModuleOp) -> str:
    """What the parts are named after."""
    if module.parent_op() is None or module.sym_name is None:
        return "device"
    return module.sym_name.data


def _network(module: ModuleOp) -> ModuleOp:
    """The outermost module."""
    around = module.parent_op()
    return _network(around) if isinstance(around, ModuleOp) else module


def _next_channel(module: ModuleOp) -> int:
    """The number of the first channel that the network does not have."""
    return max((end.channel.number.data + 1 for end in _ends(_network(module))), default=0)


def _ends(module: ModuleOp) -> list[SendOp | ReceiveOp]:
    return [op for op in module.walk() if isinstance(op, SendOp | ReceiveOp)]


def _redirect(module: ModuleOp, name: str) -> None:
    """What other parts send to a module and get from it, they do so with the first of its devices."""
    if module.sym_name is None:
        return
    for end in _ends(_network(module)):
        if end.channel.peer == module.sym_name:
            end.channel = ChannelAttr.of(end.channel.number.data, end.channel.kind, name)
