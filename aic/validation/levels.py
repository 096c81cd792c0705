"""Running a network with the interpreters of its level: a program, or the parts of one that work together."""

from collections.abc import Callable, Mapping
from enum import StrEnum, auto
from typing import Protocol, TypeAlias

import numpy as np
from xdsl.dialects.builtin import ModuleOp, TensorType

from aic.interpreter.graph import Alteration, GraphRunner, Observer
from aic.interpreter.parts import Mail, Running, run_parts
from aic.interpreter.sharded import start_sharded
from aic.nsp.values import load_program
from aic.nsp.values.memory import Constants
from aic.partitions.graph import PartsRunner
from aic.partitions.ports import ports_of_parts
from aic.signatures import PortRole, graph_tensors, tile_tensors
from aic.tensors import TensorInfo
from dialects.errors import AicError
from dialects.graph.kernels import Array
from dialects.graph.model import ModelOp
from dialects.module import held_by, main_of, path_of, programs_of
from dialects.tile.buffers import TensorOp
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
        return list(ports_of_parts(network, _tensors_of).signature.inputs)
    return _tensors_of(network, "input")


def _tensors_of(program: ModuleOp, role: PortRole) -> list[TensorInfo]:
    """What a program takes or gives, at any level."""
    return (tile_tensors if _level_of(program) is RunLevel.TILE else graph_tensors)(program, role)


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
        return ports_of_parts(network, _tensors_of).run(given, lambda name, own: start(parts[name], own, mail), mail)


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
