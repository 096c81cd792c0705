"""`slice-tensors`: one program over several devices that work on it together, each on slices of its tensors.

The module says how by `aic.slices = {devices = array<i64: 0, 1>, cores = array<i64: 16, 16>, link = "p2p"}`: the
devices by their numbers; cores of each, where they are not those of the module; what connects them, `p2p` unless it is
said, or `host`. Weights that are sliced are read from the memory of every card at once, a part from each.

Afterwards the module holds one module per device, `<its name>_slice00` and so on, or `device_slice00` where it is no
part of a network. What comes from other parts, the first device gets and passes on; it sends what leaves. State that
stays on the devices (`aic.retained`) is sliced like what uses it: each device says which slices it keeps.

Of several specializations, what is sliced of weights and of state is decided for all of them, so that each device has
the same of both, whichever runs.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xdsl.context import Context
from xdsl.dialects.builtin import DenseArrayBase, DictionaryAttr, IntegerAttr, ModuleOp, StringAttr, i64
from xdsl.ir import Attribute
from xdsl.passes import ModulePass

from dialects.channels import ChannelAttr, Link
from dialects.errors import AicError
from dialects.graph.base import GraphOp, Tensor, tensor_type
from dialects.graph.channels import ReceiveOp, SendOp
from dialects.module import (
    CORES,
    DEVICE,
    cores_of,
    main_of,
    network_of,
    programs_of,
    specializations_of,
    target_of,
)
from dialects.retained import StateSlice, set_retained, set_state_slices
from dialects.weights import store_of
from passes.partitioning.asking import refuse_on_holders
from passes.partitioning.retained import ProgramState
from passes.partitioning.slicing.exchanges import Exchanges
from passes.partitioning.slicing.program import Connection, slice_program
from passes.partitioning.slicing.rules import Made, nodes_of
from passes.partitioning.slicing.search import Node, Rule
from passes.partitioning.slicing.states import Held, Slices, State
from passes.partitioning.slicing.together import choose_together
from passes.partitioning.split import hold_parts
from passes.rewriting.program_pass import errors_in

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
class SliceTensorsPass(ModulePass):
    """Slices each program over the devices that its module names; one that names none stays whole. Specializations are
    sliced alike.
    """

    name = "slice-tensors"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        refuse_on_holders(op, SLICES)
        jobs: dict[ModuleOp, _Job] = {}
        for program in programs_of(op):
            wanted = program.attributes.pop(SLICES, None)
            if wanted is not None:
                with errors_in(program, self.name):
                    jobs[program] = _Job.of(program, wanted)
        while jobs:
            peers = specializations_of(next(iter(jobs)))
            _slice([jobs.pop(peer) for peer in peers if peer in jobs])


@dataclass(frozen=True)
class _Job:
    """A program that is to be sliced, and what the search sees of it."""

    module: ModuleOp
    slicing: Slicing
    cores: Sequence[int]
    made: Sequence[Made]
    nodes: Sequence[Node]
    exchanges: Exchanges
    state: ProgramState

    @staticmethod
    def of(module: ModuleOp, wanted: Attribute) -> "_Job":
        """Raises AicError for a slicing that cannot be."""
        slicing, hardware = _read(wanted), target_of(module).hardware
        problems = slicing.problems(hardware.cores)
        if problems:
            raise AicError(f"{SLICES}: {'; '.join(problems)}")
        count, block, state = len(slicing.devices), main_of(module).body.block, ProgramState.of(module)
        cores = slicing.cores or [cores_of(module)] * count
        made: list[Made] = [argument for argument in block.args if argument in state.names]
        made += [each for each in block.ops if isinstance(each, GraphOp | ReceiveOp)]
        exchanges = Exchanges(count, slicing.link, min(cores), hardware)
        return _Job(module, slicing, cores, made, nodes_of(made, count, min(cores), hardware, state), exchanges, state)


def _slice(jobs: Sequence[_Job]) -> None:
    """Slices programs of which one runs at a time."""
    first = jobs[0]
    devices = len(first.slicing.devices)
    if any(job.slicing != first.slicing for job in jobs):
        raise AicError(f"{SLICES}: specializations are on the same devices, or none")
    choices = choose_together([job.nodes for job in jobs], devices, first.exchanges.seconds)
    if all(rule.state is Held.FIRST for choice in choices for rule in choice.rules):
        _LOG.warning(
            "%s: %d devices would be slower than one; device %d does it all", SLICES, devices, first.slicing.devices[0]
        )
    for job, choice in zip(jobs, choices, strict=True):
        _write(job, choice.rules)


def _write(job: _Job, rules: Sequence[Rule]) -> None:
    """Puts the programs of devices in place of the one that is sliced."""
    module, slicing, main = job.module, job.slicing, main_of(job.module)
    of: dict[Made, Rule] = dict(zip(job.made, rules, strict=True))
    names = [f"{_name(module)}_slice{number:02d}" for number in range(len(slicing.devices))]
    connection = Connection(names, slicing.link, _next_channel(module))
    programs = slice_program(main, of, job.exchanges, connection, store_of(module), job.state.becomes)
    _redirect(module, names[0])
    parts = [
        ModuleOp([program], {DEVICE: IntegerAttr(device, i64), CORES: IntegerAttr(size, i64)}, StringAttr(name))
        for name, program, device, size in zip(names, programs, slicing.devices, job.cores, strict=True)
    ]
    for number, part in enumerate(parts):
        _keep(part, number, {name: (of[value].state, tensor_type(value)) for value, name in job.state.names.items()})
    hold_parts(module, main, parts)


def _keep(part: ModuleOp, number: int, held: Mapping[str, tuple[State, Tensor]]) -> None:
    """Says which state a device keeps, and which slices of it where that is not all."""
    if not held:
        return
    set_retained(part, [name for name, (state, _) in held.items() if not number or state is not Held.FIRST])
    slices = {
        name: StateSlice(state.dim, state.parts[number][0], tensor.get_shape()[state.dim])
        for name, (state, tensor) in held.items()
        if isinstance(state, Slices) and state.parts[number] != (0, tensor.get_shape()[state.dim])
    }
    set_state_slices(part, slices)


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
    if network_of(module) is module or module.sym_name is None:
        return "device"
    return module.sym_name.data


def _next_channel(module: ModuleOp) -> int:
    """The number of the first channel that the network does not have."""
    return max((end.channel.number.data + 1 for end in _ends(network_of(module))), default=0)


def _ends(module: ModuleOp) -> list[SendOp | ReceiveOp]:
    return [op for op in module.walk() if isinstance(op, SendOp | ReceiveOp)]


def _redirect(module: ModuleOp, name: str) -> None:
    """What other parts send to a module and get from it, they do so with the first of its devices."""
    if module.sym_name is None:
        return
    for end in _ends(network_of(module)):
        if end.channel.peer == module.sym_name:
            end.channel = ChannelAttr.of(end.channel.number.data, end.channel.kind, name)
