"""Networks at the level of the graph, run with NumPy on the host."""

from collections.abc import Mapping
from functools import cache

from xdsl.dialects.builtin import ModuleOp

from aic.interpreter.graph import GraphRunner
from aic.partitions.graph import PartsRunner
from aic.specializations.network import Network
from aic.tensors import Array, Signature, TensorInfo
from dialects.graph.ports import input_ports, output_ports
from dialects.module import held_by, main_of, path_of, programs_of, specializations_of
from dialects.port_scales import port_scales_of
from dialects.retained import retained_of, retaining


def graph_signatures(module: ModuleOp) -> list[Signature]:
    """What each program of a module takes and gives."""
    return [_signature(program) for program in programs_of(module)]


def _signature(program: ModuleOp) -> Signature:
    main, retained, scales = main_of(program), retained_of(program), port_scales_of(program)
    kept = [retaining(name) for name in retained]
    inputs = tuple(TensorInfo.of_port(port, scales) for port in input_ports(main))
    outputs = tuple(TensorInfo.of_port(port, scales) for port in output_ports(main) if port.name not in kept)
    return Signature(path_of(program), inputs, outputs, retained)


class GraphNetwork:
    """Runs the program that inputs are for, or all of its parts, and keeps its state."""

    def __init__(self, module: ModuleOp) -> None:
        networks = specializations_of(module)
        parts = {n: PartsRunner(each) for n, each in enumerate(networks) if held_by(each) == "partitions"}
        whole = {n: _signature(each) for n, each in enumerate(networks) if n not in parts}
        signatures = [parts[n].ports.signature if n in parts else whole[n] for n in range(len(networks))]
        self.network = Network(signatures)
        self._runner = cache(lambda number: parts.get(number) or GraphRunner(networks[number]))

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs by name, but for those that stay. Raises AicError as `Network.run` and `GraphRunner.run`."""
        return self.network.run(inputs, lambda number, given: self._runner(number).run(given))
