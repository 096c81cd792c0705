"""The DDR of a program: what it declares there, where it lies, and which of the host's buffers it is transferred from.

Inputs, outputs and the region of scratch tensors share the static shared DDR, in this order; constants have a segment
of their own.
Each input and output has a buffer of its own on the host, unless the module says that they are combined: then those of
one direction lie close together, and a few large transfers move them.

Specializations, of which one runs at a time, have the same places, with room for the largest of them.

Partitions run together: an input that several read lies in DDR once, each has a region of scratch tensors of its own,
and what they send each other has its places.

State that stays on the card has two memories, which change places with every inference: that of the input, which the
host may fill, and one that the output goes to. Specializations whose state has another shape keep one of their own
beside, so that of so many shapes there is one memory more than shapes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp

from dialects.errors import AicError
from dialects.module import combines, held_by, main_of, path_of, port_names, programs_of, specializations_of
from dialects.retained import retained_of, retaining
from dialects.tile.buffers import Buffer, Role, TensorOp, bytes_of, type_of
from dialects.tile.scratch import ALIGNMENT, channel_bytes, scratch_end

COMBINED_ALIGNMENT = 128
"""The same of a tensor within combined buffers, whose gaps are transferred too: a cache line."""
MAX_BUFFER_BYTES = (1 << 32) - 1
"""A DMA buffer states its size in 32 bits."""


@dataclass(frozen=True)
class Port:
    """An input or output of the network: its name in the model, its tensor, and its place in shared DDR."""

    name: str
    type: Buffer
    size: int
    offset: int
    position: int
    """Among the inputs, or the outputs, of the model."""


@dataclass(frozen=True)
class HostBuffer:
    """A buffer of the host, and the part of shared DDR that has the same bytes: one transfer moves them."""

    ports: tuple[Port, ...]

    @property
    def offset(self) -> int:
        """Where it lies in shared DDR."""
        return self.ports[0].offset

    @property
    def size(self) -> int:
        """Its bytes, gaps between tensors included."""
        return self.ports[-1].offset + self.ports[-1].size - self.offset


@dataclass(frozen=True)
class SharedDdr:
    """Inputs and outputs in the order of the model, buffer by buffer, and the size of the whole region in bytes."""

    inputs: tuple[HostBuffer, ...]
    """What every inference moves to the card."""
    given: tuple[HostBuffer, ...]
    """State that stays on the card, each input by itself: moved only when the host has it."""
    outputs: tuple[HostBuffer, ...]
    """What every inference moves to the host."""
    kept: tuple[Port, ...]
    """Outputs that stay on the card."""
    size: int

    @property
    def to_card(self) -> tuple[HostBuffer, ...]:
        """All buffers of inputs, in the order of DMA buffers."""
        return self.inputs + self.given

    @property
    def buffers(self) -> tuple[HostBuffer, ...]:
        """Those of inputs, then those of outputs: the order of DMA buffers."""
        return self.to_card + self.outputs

    @property
    def input_ports(self) -> tuple[Port, ...]:
        """Inputs in the order of the model."""
        return _in_order(port for buffer in self.to_card for port in buffer.ports)

    @property
    def output_ports(self) -> tuple[Port, ...]:
        """Outputs in the order of the model."""
        return _in_order((*(port for buffer in self.outputs for port in buffer.ports), *self.kept))

    @property
    def ports(self) -> tuple[Port, ...]:
        """Inputs, then outputs."""
        return self.input_ports + self.output_ports


def declared_tensors(module: ModuleOp) -> list[TensorOp]:
    """Every tensor in DDR that a program declares, in its order; of a module of programs, those of all. Raises AicError
    when one has no function `main`.
    """
    return [op for program in programs_of(module) for op in main_of(program).body.walk() if isinstance(op, TensorOp)]


def lay_out_shared_ddr(module: ModuleOp) -> SharedDdr:
    """Places of inputs, outputs and scratch tensors of a program; of a module of specializations those of the largest.

    Raises AicError when a program has no function `main`, or when specializations differ in more than shapes.
    """
    return _Declared.of(module).laid_out(module)


def largest_shared_ddr(program: ModuleOp) -> SharedDdr:
    """Places in the DDR that a program shares with its other specializations, with room for the largest."""
    return _Declared.of(program).laid_out(None)


def lay_out_each(module: ModuleOp) -> list[SharedDdr]:
    """The same of every specialization that a module holds. Raises AicError as `lay_out_shared_ddr`."""
    declared = _Declared.of(module)
    return [declared.laid_out(program) for program in declared.programs]


@dataclass(frozen=True)
class _Declared:
    """Programs of which one runs, and what each declares in DDR."""

    programs: Sequence[ModuleOp]
    tensors: Sequence[Sequence[TensorOp]]

    @staticmethod
    def of(module: ModuleOp) -> "_Declared":
        programs = specializations_of(module)
        return _Declared(programs, [declared_tensors(program) for program in programs])

    def laid_out(self, module: ModuleOp | None) -> SharedDdr:
        """Places of one of the programs, or of the largest of all: of the module that holds them."""
        own = self.programs.index(module) if module in self.programs else None
        retained = retained_of(self.programs[0])
        inputs = self._slots("input", own, retained)
        outputs = self._slots("output", own, [retaining(name) for name in retained])
        moved, end = _laid_out(
            [slot for slot in inputs if not slot.stays], 0, combined=combines(self.programs[0], "inputs")
        )
        given, end = _laid_out([slot for slot in inputs if slot.stays], end, combined=False)
        sent = [slot for slot in outputs if not slot.stays]
        results, end = _laid_out(sent, end, combined=combines(self.programs[0], "outputs"))
        kept, end = _kept([slot for slot in outputs if slot.stays], end)
        return SharedDdr(moved, given, results, kept, end + max(map(_own_bytes, self.programs)))

    def _slots(self, role: Role, own: int | None, retained: Sequence[str]) -> list["_Slot"]:
        """Inputs or outputs of the program numbered `own`, or the largest of all programs."""
        ports = [_ports(*each, role) for each in zip(self.programs, self.tensors, strict=True)]
        for program, these in zip(self.programs, ports, strict=True):
            if list(map(_kind, these)) != list(map(_kind, ports[0])):
                first = path_of(self.programs[0])
                raise AicError(f"{path_of(program)} and {first} differ in the names or types of their {role}s")
        slots: list[_Slot] = []
        for position, tensors in enumerate(zip(*ports, strict=True)):
            largest = max(tensors, key=lambda tensor: bytes_of(tensor.result))
            shapes = len({type_of(tensor.result).get_shape() for tensor in tensors})
            shown = largest if own is None else tensors[own]
            slots.append(_Slot(shown, position, bytes_of(largest.result), shapes, label_of(largest) in retained))
        return slots


def _ports(program: ModuleOp, tensors: Sequence[TensorOp], role: Role) -> list[TensorOp]:
    """Inputs or outputs of a program in the order of the model; of partitions each once. Raises AicError when these
    have others than the network.
    """
    ports = [tensor for tensor in tensors if tensor.role.data == role]
    if held_by(program) != "partitions":
        return ports
    names, known = port_names(program, role), {label_of(tensor): tensor for tensor in reversed(ports)}
    if sorted(names) != sorted(known):
        raise AicError(f"the {role}s of the network are {', '.join(names)}, those of its parts {', '.join(known)}")
    for tensor in ports:
        first = known[label_of(tensor)]
        if type_of(tensor.result) != type_of(first.result) or (role == "output" and tensor is not first):
            raise AicError(f"parts of the network do not agree on the {role} {label_of(tensor)}")
    return [known[name] for name in names]


def ports_of(program: ModuleOp, role: Role) -> list[TensorOp]:
    """Inputs or outputs of a program, or of a network of partitions, in the order of the model. Raises AicError when
    partitions have others than the network.
    """
    return _ports(program, declared_tensors(program), role)


def _own_bytes(program: ModuleOp) -> int:
    """Bytes of scratch tensors, and of what parts send each other; all parts run together."""
    each = [declared_tensors(part) for part in programs_of(program)]
    return sum(scratch_end(tensors) + channel_bytes(tensors) for tensors in each)


@dataclass(frozen=True)
class _Slot:
    """A tensor that is an input or output, and the room that its place must have."""

    tensor: TensorOp
    position: int
    room: int
    shapes: int
    """How many different shapes it has."""
    stays: bool
    """Whether it stays on the card."""

    @property
    def name(self) -> str:
        return label_of(self.tensor)

    def at(self, offset: int) -> Port:
        return Port(self.name, type_of(self.tensor.result), bytes_of(self.tensor.result), offset, self.position)


def label_of(tensor: TensorOp) -> str:
    """Name of the model's input or output that a tensor is; empty for others."""
    return "" if tensor.label is None else tensor.label.data


def _kind(tensor: TensorOp) -> tuple[object, ...]:
    """What an input or output has in common in all specializations."""
    return label_of(tensor), type_of(tensor.result).element_type


def _laid_out(slots: Sequence[_Slot], start: int, *, combined: bool) -> tuple[tuple[HostBuffer, ...], int]:
    """Tensors from `start` on, and where the next ones may start. Combined, as many as it can hold share a buffer."""
    groups: list[list[Port]] = []
    end = start
    for slot in slots:
        offset = _aligned(end, COMBINED_ALIGNMENT)
        if not combined or not groups or offset + slot.room - groups[-1][0].offset > MAX_BUFFER_BYTES:
            offset = _aligned(end, ALIGNMENT)
            groups.append([])
        groups[-1].append(slot.at(offset))
        end = offset + slot.room
    return tuple(HostBuffer(tuple(ports)) for ports in groups), _aligned(end, ALIGNMENT)


def _kept(slots: Sequence[_Slot], start: int) -> tuple[tuple[Port, ...], int]:
    """Outputs that stay on the card: as many memories each as the state has shapes, beside that of the input."""
    ports: list[Port] = []
    for slot in slots:
        ports.append(slot.at(start))
        start += slot.shapes * _aligned(slot.room, ALIGNMENT)
    return tuple(ports), start


def _in_order(ports: Iterator[Port] | Sequence[Port]) -> tuple[Port, ...]:
    return tuple(sorted(ports, key=lambda port: port.position))


def _aligned(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment
