"""A network of parts at the level of the graph, run with NumPy on the host."""

from collections.abc import Mapping

from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr

from aic.interpreter.graph import GraphRunner
from aic.interpreter.parts import Mail, run_parts
from aic.tensors import Array, Signature, TensorInfo
from dialects.errors import AicError
from dialects.graph.ports import Port
from dialects.module import INPUTS, OUTPUTS, path_of, programs_of


class PartsRunner:
    """All parts of a module, made ready to run many times."""

    def __init__(self, module: ModuleOp) -> None:
        """Raises AicError as `GraphRunner`, and when the module names an input or output that no part has."""
        self._runners = {path_of(part): GraphRunner(part) for part in programs_of(module)}
        inputs = {port.name: _info(port) for runner in self._runners.values() for port in runner.inputs}
        outputs = {port.name: _info(port) for runner in self._runners.values() for port in runner.outputs}
        self.signature = Signature("", _ordered(module, INPUTS, inputs), _ordered(module, OUTPUTS, outputs))

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs by name. Raises AicError as `GraphRunner.run`, and for inputs that no part has."""
        known = {tensor.name for tensor in self.signature.inputs}
        if unknown := sorted(inputs.keys() - known):
            raise AicError(f"{', '.join(map(repr, unknown))}: the network has no such input")
        mail = Mail()
        running = {
            name: runner.start({p.name: inputs[p.name] for p in runner.inputs if p.name in inputs}, mail)
            for name, runner in self._runners.items()
        }
        outputs = run_parts(running, mail)
        return {tensor.name: outputs[tensor.name] for tensor in self.signature.outputs}


def _info(port: Port) -> TensorInfo:
    return TensorInfo(port.name, port.dtype, port.type.get_shape())


def _ordered(module: ModuleOp, attribute: str, found: Mapping[str, TensorInfo]) -> tuple[TensorInfo, ...]:
    """Inputs or outputs in the order of the network."""
    listed = module.attributes.get(attribute)
    names = [name.data for name in listed.data if isinstance(name, StringAttr)] if isinstance(listed, ArrayAttr) else []
    if set(names) != set(found):
        raise AicError(f"{attribute} = {listed}: the parts have {', '.join(map(repr, found)) or 'none'}")
    return tuple(found[name] for name in names)
