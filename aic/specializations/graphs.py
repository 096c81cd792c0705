"""Networks at the level of the graph, run with NumPy on the host."""

from collections.abc import Mapping
from functools import cache

from xdsl.dialects.builtin import ModuleOp

from aic.interpreter.graph import GraphRunner
from aic.partitions.graph import PartsRunner
from aic.signatures import graph_tensors, signature_of
from aic.specializations.network import Network
from aic.tensors import Array, Signature
from dialects.module import held_by, programs_of, specializations_of


def graph_signatures(module: ModuleOp) -> list[Signature]:
    """What each program of a module takes and gives."""
    return [signature_of(program, graph_tensors) for program in programs_of(module)]


class GraphNetwork:
    """Runs the program that inputs are for, or all of its parts, and keeps its state."""

    def __init__(self, module: ModuleOp) -> None:
        networks = specializations_of(module)
        parts = {n: PartsRunner(each) for n, each in enumerate(networks) if held_by(each) == "partitions"}
        whole = {n: signature_of(each, graph_tensors) for n, each in enumerate(networks) if n not in parts}
        signatures = [parts[n].ports.signature if n in parts else whole[n] for n in range(len(networks))]
        self.network = Network(signatures)
        self._runner = cache(lambda number: parts.get(number) or GraphRunner(networks[number]))

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs by name, but for those that stay. Raises AicError as `Network.run` and `GraphRunner.run`."""
        return self.network.run(inputs, lambda number, given: self._runner(number).run(given))
