"""A network of parts at the level of the graph, run with NumPy on the host."""

from collections.abc import Mapping, Sequence

from xdsl.dialects.builtin import ModuleOp

from aic.interpreter.graph import Alteration, GraphRunner, Observer
from aic.interpreter.parts import Mail
from aic.partitions.ports import NetworkPorts, PartPorts
from aic.tensors import Array, TensorInfo
from dialects.graph.ports import Port
from dialects.module import path_of, programs_of
from dialects.port_scales import port_scales_of


class PartsRunner:
    """All parts of a module, made ready to run many times."""

    def __init__(self, module: ModuleOp) -> None:
        """Raises AicError as `GraphRunner` and `NetworkPorts`."""
        parts = {path_of(part): part for part in programs_of(module)}
        self._runners = {name: GraphRunner(part) for name, part in parts.items()}
        ports = {
            name: PartPorts.of(parts[name], _infos(runner.inputs, parts[name]), _infos(runner.outputs, parts[name]))
            for name, runner in self._runners.items()
        }
        self.ports = NetworkPorts.of(module, ports)

    def run(
        self, inputs: Mapping[str, Array], observe: Observer | None = None, alter: Alteration | None = None
    ) -> dict[str, Array]:
        """Outputs by name. Raises AicError as `GraphRunner.run`, and for inputs that do not fit."""
        mail = Mail()
        return self.ports.run(inputs, lambda name, given: self._runners[name].start(given, mail, observe, alter), mail)


def _infos(ports: Sequence[Port], part: ModuleOp) -> list[TensorInfo]:
    scales = port_scales_of(part)
    return [TensorInfo.of_port(port, scales) for port in ports]
