"""Running a network with the interpreters of its level: a program, or the parts of one that work together."""

from collections.abc import Callable, Mapping
from enum import StrEnum, auto
from typing import Literal, Protocol, TypeAlias

import numpy as np
from xdsl.dialects.builtin import ModuleOp, TensorType

from aic.interpreter.graph import Alteration, GraphRunner, Observer
from aic.interpreter.parts import Mail, Running, run_parts
from aic.interpreter.sharded import start_sharded
from aic.nsp.values import load_program
from aic.nsp.values.memory import Constants
from aic.partitions.graph import PartsRunner
from aic.partitions.ports import NetworkPorts, PartPorts
from aic.tensors import TensorInfo
from dialects.element_types import stored_dtype
from dialects.errors import AicError
from dialects.graph.kernels import Array
from dialects.graph.model import ModelOp
from dialects.graph.ports import input_ports, output_ports
from dialects.module import held_by, main_of, path_of, programs_of
from dialects.port_scales import port_scales_of
from dialects.tile.buffers import TensorOp, type_of
from dialects.tile.instructions import InstructionOp
from dialects.tile.reshard import ReshardOp, sharding_of

Start: TypeAlias = Callable[[ModuleOp, Mapping[str, Array], Mail], Running]
"""Sets a program to work on its own inputs."""
ConstantsOf: TypeAlias = Callable[[ModuleOp], Constants]
"""Reads the constants of a program that lie elsewhere than in its weight store."""


class Runner(Protocol):
    """A network of the graph dialect, made ready to run many times."""

    def run(
        self, inputs: Mapping[str, Array], observe: Observer | None = None, alter: Alteration | None = None
    ) -> dict[str, Array]:
        """As `GraphRunner.run`."""
        ...


class RunLevel(StrEnum):
    """Which interpreter runs a program; of several parts, the lowest of theirs."""

    GRAPH = auto()
    SHARDED = auto()
    TILE = auto()


_DOWNWARDS = (RunLevel.GRAPH, RunLevel.SHARDED, RunLevel.TILE)


def networks_of(module: ModuleOp) -> list[ModuleOp]:
    """The networks that a module holds: those inside, at any depth, parts that work together as one; the module itself
    when there are none in it.
    """
    inner = [op for op in module.body.block.ops if isinstance(op, ModuleOp)]
    if not inner or held_by(module) == "partitions":
        return [module]
    return [network for each in inner for network in networks_of(each)]


def level_of(network: ModuleOp) -> RunLevel:
    """The level of a network. Raises AicError when a program has no `@main`, or only names a network."""
    return max(map(_level_of, programs_of(network)), key=_DOWNWARDS.index)


def _level_of(module: ModuleOp) -> RunLevel:
    block = main_of(module).body.block
    for op in block.ops:
        if isinstance(op, ModelOp):
            raise AicError(f"{op.name} {op.file}: the network is not imported yet, nothing can run")
        if isinstance(op, TensorOp | InstructionOp):
            return RunLevel.TILE
        if any(isinstance(value.type, TensorType) and sharding_of(value) is not None for value in op.results):
            return RunLevel.SHARDED
    return RunLevel.GRAPH


def inputs_of(network: ModuleOp) -> list[TensorInfo]:
    """What a network takes, at any level."""
    if held_by(network) == "partitions":
        return list(_ports_of(network).signature.inputs)
    return _tensors_of(network, "input")


def _ports_of(network: ModuleOp) -> NetworkPorts:
    """Inputs and outputs of the parts of a network. Raises AicError where these do not fit each other."""
    parts = {path_of(part): part for part in programs_of(network)}
    return NetworkPorts.of(
        network,
        {
            name: PartPorts.of(part, _tensors_of(part, "input"), _tensors_of(part, "output"))
            for name, part in parts.items()
        },
    )


def _tensors_of(module: ModuleOp, role: Literal["input", "output"]) -> list[TensorInfo]:
    """What a program takes or gives, at any level."""
    main, scales = main_of(module), port_scales_of(module)
    if _level_of(module) is not RunLevel.TILE:
        ports = input_ports(main) if role == "input" else output_ports(main)
        return [TensorInfo.of_port(port, scales) for port in ports]
    tensors = [op for op in main.body.block.ops if isinstance(op, TensorOp) and op.role.data == role]
    named = [(op.label.data, type_of(op.result)) for op in tensors if op.label is not None]
    return [TensorInfo.of(name, stored_dtype(kind.element_type), kind.get_shape(), scales) for name, kind in named]


def run_network(
    network: ModuleOp, inputs: Mapping[str, Array], constants: ConstantsOf | None = None
) -> dict[str, Array]:
    """Outputs by name. Inputs are converted to the element types that the network takes.

    `constants` read those of tile programs that lie elsewhere than in the weight store. Raises AicError when the
    network cannot be run.
    """

    def start(part: ModuleOp, given: Mapping[str, Array], mail: Mail) -> Running:
        match _level_of(part):
            case RunLevel.GRAPH:
                return GraphRunner(part).start(given, mail)
            case RunLevel.SHARDED:
                return start_sharded(part, given, mail)
            case RunLevel.TILE:
                return load_program(part, constants and constants(part), mail=mail).start(given)

    return run_programs(network, inputs, start)


def run_programs(network: ModuleOp, inputs: Mapping[str, Array], start: Start) -> dict[str, Array]:
    """Outputs by name of a network whose programs are set to work by `start`. Inputs are converted to the element types
    that the network takes. Raises AicError where they, or its parts, do not fit.
    """
    mail, given = Mail(), converted(network, inputs)
    with np.errstate(all="ignore"):
        if held_by(network) != "partitions":
            return run_parts({"": start(network, given, mail)}, mail)
        parts = {path_of(part): part for part in programs_of(network)}
        return _ports_of(network).run(given, lambda name, own: start(parts[name], own, mail), mail)


def converted(network: ModuleOp, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Those of the inputs that a network takes, in its element types. Raises AicError where one is missing."""
    taken = inputs_of(network)
    missing = [tensor.name for tensor in taken if tensor.name not in inputs]
    if missing:
        raise AicError(f"missing inputs: {', '.join(map(repr, missing))}")
    return {tensor.name: np.asarray(inputs[tensor.name]).astype(tensor.dtype, copy=False) for tensor in taken}


def graph_runner(graph: ModuleOp) -> Runner:
    """A network of the graph dialect, ready to run. Raises AicError as `GraphRunner`."""
    return PartsRunner(graph) if held_by(graph) == "partitions" else GraphRunner(graph)


def unsharded(network: ModuleOp) -> ModuleOp:
    """The graph that a sharded network was made of, for the graph's interpreter: its operations, and no reshards."""
    graph = network.clone()
    for op in [op for part in programs_of(graph) for op in main_of(part).body.block.ops if isinstance(op, ReshardOp)]:
        op.output.replace_all_uses_with(op.input)
        op.detach()
        op.erase()
    return graph
