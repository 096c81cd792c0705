"""What a network in parts takes and gives: whose inputs and outputs are whose, and where slices of state lie.

State that stays on cards is seen as one array by its name, whichever slices of it the cards have.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from aic.interpreter.parts import Mail, Outputs, Running, run_each
from aic.signatures import Tensors, tile_tensors
from aic.tensors import Array, Shape, Signature, TensorInfo
from dialects.errors import AicError
from dialects.module import path_of, port_names, programs_of
from dialects.retained import StateSlice, retained_of, retaining, state_slices_of

Start: TypeAlias = Callable[[str, Mapping[str, Array]], Running]
"""Starts a part of a name on its inputs."""


@dataclass(frozen=True)
class PartPorts:
    """Inputs and outputs of a part, as it has them itself."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    retained: tuple[str, ...]
    """Inputs that stay with the part."""
    slices: Mapping[str, StateSlice]
    """Those of them of which it has a slice, and of their outputs."""

    @staticmethod
    def of(part: ModuleOp, inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo]) -> "PartPorts":
        """Raises AicError when the part does not say what it keeps, or has no slice of what it says."""
        ports = PartPorts(tuple(inputs), tuple(outputs), retained_of(part), state_slices_of(part))
        known = {tensor.name: tensor.shape for tensor in ports.inputs}
        for name, piece in ports.slices.items():
            shape = known.get(name, ())
            fits = name in ports.retained and 0 <= piece.dim < len(shape)
            if not fits or not 0 <= piece.first <= piece.size - shape[piece.dim]:
                raise AicError(f"{path_of(part)}: {name!r} {list(shape)} is no slice of state as it says: {piece}")
        return ports

    def whole(self, tensor: TensorInfo) -> TensorInfo:
        """An input or output as the network has it."""
        piece = self.slice_of(tensor.name)
        return tensor if piece is None else replace(tensor, shape=piece.whole(tensor.shape))

    def slice_of(self, name: str) -> StateSlice | None:
        """Of an input or output, which slice the part has; None for all of it."""
        found = (piece for state, piece in self.slices.items() if name in (state, retaining(state)))
        return next(found, None)


@dataclass(frozen=True)
class NetworkPorts:
    """Inputs and outputs of a network, and of its parts by their names."""

    signature: Signature
    parts: Mapping[str, PartPorts]
    outputs: Mapping[str, TensorInfo]
    """All outputs in the order of the network, those that stay as well."""

    @staticmethod
    def of(network: ModuleOp, parts: Mapping[str, PartPorts]) -> "NetworkPorts":
        """Raises AicError that lists where parts do not fit each other or what the network says."""
        problems = [*_problems(network, list(parts.values())), *_partial_state(parts)]
        if problems:
            raise AicError("; ".join(dict.fromkeys(problems)))
        inputs = {tensor.name: part.whole(tensor) for part in parts.values() for tensor in part.inputs}
        outputs = {tensor.name: part.whole(tensor) for part in parts.values() for tensor in part.outputs}
        kept = {name for part in parts.values() for name in part.retained}
        names, results = port_names(network, "input"), port_names(network, "output")
        retained = tuple(name for name in names if name in kept)
        given = tuple(outputs[name] for name in results if name not in map(retaining, retained))
        signature = Signature(path_of(network), tuple(inputs[name] for name in names), given, retained)
        return NetworkPorts(signature, parts, {name: outputs[name] for name in results})

    def run(self, inputs: Mapping[str, Array], start: Start, mail: Mail) -> Outputs:
        """All outputs of one inference in which `start` starts a part on its inputs. Raises AicError that lists all
        inputs that do not fit, and as `run_each`.
        """
        given = self.given(inputs)
        return self.gathered(run_each({name: start(name, given[name]) for name in self.parts}, mail))

    def given(self, inputs: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
        """What of the network's inputs each part gets. Raises AicError that lists all inputs that do not fit."""
        problems = list(self._misfits(inputs))
        if problems:
            raise AicError("inputs do not fit: " + "; ".join(problems))
        return {name: self._given(part, inputs) for name, part in self.parts.items()}

    def gathered(self, outputs: Mapping[str, Outputs]) -> Outputs:
        """The network's outputs, of those of each part: slices of state go where they belong."""
        sliced = {retaining(name) for part in self.parts.values() for name in part.slices}
        found = {name: np.empty(self.outputs[name].shape, self.outputs[name].dtype) for name in sliced}
        for part, own in outputs.items():
            for name, output in own.items():
                if name not in sliced:
                    found[name] = output
                    continue
                piece = self.parts[part].slice_of(name)
                found[name][... if piece is None else piece.place(output.shape)] = output
        return {name: found[name] for name in self.outputs}

    def _misfits(self, inputs: Mapping[str, Array]) -> Iterator[str]:
        known = {tensor.name: tensor for tensor in self.signature.inputs}
        for name, tensor in known.items():
            array = inputs.get(name)
            if array is None:
                yield f"{name}: missing"
            elif (array.shape, array.dtype) != (tensor.shape, tensor.dtype):
                given = f"{array.dtype} {list(array.shape)} given"
                yield f"{name}: {given}, {tensor.dtype} {list(tensor.shape)} expected"
        yield from (f"{name}: the network has no such input" for name in sorted(inputs.keys() - known.keys()))

    def _given(self, part: PartPorts, inputs: Mapping[str, Array]) -> dict[str, Array]:
        found: dict[str, Array] = {}
        for tensor in part.inputs:
            piece = part.slice_of(tensor.name)
            whole = inputs[tensor.name]
            found[tensor.name] = whole if piece is None else whole[piece.place(tensor.shape)]
        return found


def _problems(network: ModuleOp, parts: Sequence[PartPorts]) -> Iterator[str]:
    kept = {retaining(name) for part in parts for name in part.retained}
    for role in ("input", "output"):
        found: dict[str, list[tuple[TensorInfo, PartPorts]]] = {}
        for part in parts:
            for tensor in part.inputs if role == "input" else part.outputs:
                found.setdefault(tensor.name, []).append((tensor, part))
        stated = port_names(network, role)
        if sorted(stated) != sorted(found):
            yield f"the {role}s of the network are {_listed(stated)}, those of its parts {_listed(list(found))}"
        for name, each in found.items():
            if len({part.whole(tensor) for tensor, part in each}) > 1:
                yield f"parts have {role} {name!r} with several shapes or types"
            if role == "output" and len(each) > 1 and name not in kept:
                yield f"several parts give the output {name!r}"
        if role == "output" and kept and found.keys() <= kept:
            yield "all outputs stay on cards: the host would get none"


def _partial_state(parts: Mapping[str, PartPorts]) -> Iterator[str]:
    """State that is not all on the cards, or that is an input of a part that does not keep it."""
    for state in sorted({name for part in parts.values() for name in part.retained}):
        users = {
            name: (part, tensor.shape) for name, part in parts.items() for tensor in part.inputs if tensor.name == state
        }
        others = [name for name, (part, _) in users.items() if state not in part.retained]
        if others:
            yield f"{state!r} stays on cards, but is an input of {', '.join(others)}"
        if not _covered([(part.slice_of(state), shape) for part, shape in users.values()]):
            yield f"no card has some of {state!r}"


def _covered(pieces: Sequence[tuple[StateSlice | None, Shape]]) -> bool:
    """Whether slices of one dimension come to all of it."""
    if any(piece is None for piece, _ in pieces):
        return True
    slices = [(piece, shape) for piece, shape in pieces if piece is not None]
    if len({(piece.dim, piece.size) for piece, _ in slices}) > 1:
        return False
    end = 0
    for first, extent in sorted((piece.first, shape[piece.dim]) for piece, shape in slices):
        if first > end:
            return False
        end = max(end, first + extent)
    return bool(slices) and end == slices[0][0].size


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) or "none"


def ports_of_parts(network: ModuleOp, tensors: Tensors = tile_tensors) -> NetworkPorts:
    """What a network in parts takes and gives, by the inputs and outputs of its programs. Raises AicError where these
    do not fit each other.
    """
    parts = {path_of(part): part for part in programs_of(network)}
    ports = {name: PartPorts.of(part, tensors(part, "input"), tensors(part, "output")) for name, part in parts.items()}
    return NetworkPorts.of(network, ports)
