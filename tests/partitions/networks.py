"""Small networks over several cards, as QPCs, and how they run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from aic.importer import import_model
from aic.interpreter.parts import Mail, run_parts
from aic.nsp.values import load_program
from aic.partitions.multi_device import LoadedNetwork, write
from aic.partitions.nodes import node_names
from aic.phases import Observer, phases_between, run_phases
from dialects.aic import TargetAttr
from dialects.module import main_of, path_of, programs_of, set_target
from dialects.tile.buffers import TensorOp
from dialects.weights import drop_store, store_of
from passes.partitioning.configuration import CONFIGURATION, Configuration, Connection, Device, Partition
from tests.models.digits import DIGITS_BN

SLOW_MEMORY = {"ddr_bytes_per_second": 1e9, "pcie_latency_seconds": 0.0}
"""A card on which slicing even a small network is worthwhile."""

Arrays = Mapping[str, npt.NDArray[Any]]
KINDS = ("pipelined", "sliced")


def scheduled(kind: str, observer: Observer | None = None) -> ModuleOp:
    """The trained digits over cards 0 and 1 as a pipeline, over cards 4 and 2 that share the work, or `mixed`: over two
    that do, and one that follows them.
    """
    module = import_model(DIGITS_BN)
    set_target(module, TargetAttr.of("pro", SLOW_MEMORY), 2)
    nodes = node_names(DIGITS_BN)
    if kind == "pipelined":
        cut = nodes.index("/8/Add")
        first = Partition("Partition0", (Device(0, 2),), tuple(nodes[:cut]))
        last = Partition("Partition1", (Device(1, 2),), tuple(nodes[cut:]))
        module.attributes[CONFIGURATION] = Configuration((first, last), (Connection((0, 1), "p2p"),)).to_attribute()
    elif kind == "mixed":
        cut = 11
        both = Partition("first", (Device(0, 2), Device(1, 2)), tuple(nodes[:cut]))
        last = Partition("last", (Device(2, 4),), tuple(nodes[cut:]))
        module.attributes[CONFIGURATION] = Configuration((both, last), (Connection((0, 1, 2), "p2p"),)).to_attribute()
    else:
        both = Partition("all", (Device(4, 2), Device(2, 3)))
        module.attributes[CONFIGURATION] = Configuration((both,), (Connection((2, 4), "p2p"),)).to_attribute()
    run_phases(module, phases_between("graph", "schedule"), fp16=True, observer=observer)
    return module


def written(kind: str, path: Path) -> ModuleOp:
    """The same written to a file, too."""
    module = scheduled(kind)
    write(module, path)
    return module


def outputs_of(module: ModuleOp, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
    """What a scheduled module of parts gives."""
    mail = Mail()
    programs = {path_of(part): load_program(part, mail=mail) for part in programs_of(module)}
    return _run(module, programs, inputs, mail)


def outputs_of_loaded(network: LoadedNetwork, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
    """What a network from a QPC gives."""
    mail = Mail()
    programs = {
        path_of(part): load_program(part, network.constants[path_of(part)].stored_bytes, mail=mail)
        for part in programs_of(network.module)
    }
    return _run(network.module, programs, inputs, mail)


def _run(module: ModuleOp, programs: Mapping[str, Any], inputs: Arrays, mail: Mail) -> dict[str, npt.NDArray[Any]]:
    given = {path_of(part): {name: inputs[name] for name in _inputs(part)} for part in programs_of(module)}
    return run_parts({name: program.start(given[name]) for name, program in programs.items()}, mail)


def _inputs(part: ModuleOp) -> list[str]:
    tensors = [op for op in main_of(part).body.walk() if isinstance(op, TensorOp) and op.role.data == "input"]
    return [tensor.label.data for tensor in tensors if tensor.label is not None]


def forget(module: ModuleOp) -> None:
    """Drops the weights of a network."""
    drop_store(store_of(module).folder)
