"""Opens a QPC for the runtime, whether it is for one card or for several."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from aic.emit import name_of
from aic.load import load_qpc
from aic.partitions.multi_device import load
from aic.qpc.container import MDP_META_INFO, examine_container, map_file
from aic.tensors import Array
from dialects.aic import DenseAttr, WeightAttr
from dialects.weights import WeightStore


@dataclass(frozen=True)
class OpenedNetwork:
    """A network from a QPC: the module with all its programs, and where their constants lie."""

    name: str
    module: ModuleOp
    _stores: Mapping[str, WeightStore]
    """By the part that they are for, or for all under the empty name."""

    def stored(self, program: ModuleOp, constant: WeightAttr | DenseAttr) -> Array:
        """A constant of a program, as memory holds it."""
        return self._stores.get(name_of(program), self._stores.get("", _NO_STORE)).stored_bytes(constant)


_NO_STORE = WeightStore("", {})


def open_network(path: Path) -> OpenedNetwork:
    """The network in a QPC. Raises AicError when it is malformed, contradicts itself, or holds no program of ours."""
    if MDP_META_INFO in examine_container(map_file(path)).segments:
        network = load(path)
        return OpenedNetwork(network.info.name, network.module, network.constants)
    loaded = load_qpc(path)
    return OpenedNetwork(loaded.descriptor.name, loaded.module, {"": loaded.constants})
