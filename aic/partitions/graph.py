"""A network of parts at the level of the graph, run with NumPy on the host."""

from collections.abc import Mapping

from xdsl.dialects.builtin import ModuleOp

from aic.interpreter.graph import Alteration, GraphRunner, Observer
from aic.interpreter.parts import Mail
from aic.partitions.ports import ports_of_parts
from aic.signatures import graph_tensors
from aic.tensors import Array
from dialects.module import path_of, programs_of


class PartsRunner:
    """All parts of a module, made ready to run many times."""

    def __init__(self, module: ModuleOp) -> None:
        """Raises AicError as `GraphRunner` and `NetworkPorts`."""
        self._runners = {path_of(part): GraphRunner(part) for part in programs_of(module)}
        self.ports = ports_of_parts(module, graph_tensors)

    def run(
        self, inputs: Mapping[str, Array], observe: Observer | None = None, alter: Alteration | None = None
    ) -> dict[str, Array]:
        """Outputs by name. Raises AicError as `GraphRunner.run`, and for inputs that do not fit."""
        mail = Mail()
        return self.ports.run(inputs, lambda name, given: self._runners[name].start(given, mail, observe, alter), mail)
