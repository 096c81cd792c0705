"""How compilation grows: with the layers of a network, up to weights beyond 2 GiB, and with the number of cores.

BERT in fp16, its weights in a file beside the model. Times are those of the processor, of which the least counts: they
are the same however busy the machine is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from bench.compilation import compiled, in_new_folder
from bench.measurement import Measurement
from bench.networks import Network, bert_with_data
from bench.processes import ProcessUse

LAYERS = (6, 12, 24, 48, 96)
"""96 layers have 2.7 GB of weights."""
CORES = (1, 2, 4, 8, 16)
DOUBLING_BAR = 2.2
"""What twice the layers may cost."""
CORES_BAR = 1.3
"""What more cores may cost."""
_LAYERS_ON_CORES = 12
_ALL_CORES = 16
_MB = 1e6


@dataclass(frozen=True)
class Curves:
    """What was measured: least seconds of the processor and greatest memory in bytes, by layers on 16 cores, and the
    seconds by cores of 12 layers.
    """

    seconds_of_layers: Mapping[int, float]
    memory_of_layers: Mapping[int, int]
    model_of_layers: Mapping[int, int]
    seconds_of_cores: Mapping[int, float]

    def allowed_memory(self, layers: int) -> float:
        """Bytes of memory that a model of its size may take."""
        return 1.3 * self.model_of_layers[layers] + 500 * _MB

    def measurements(self) -> Iterator[Measurement]:
        """The curves against their bars."""
        for fewer, more in pairwise(self.seconds_of_layers):
            yield Measurement(
                f"compile BERT of {more} layers, processor",
                self.seconds_of_layers[more],
                "s",
                f"{fewer} layers",
                self.seconds_of_layers[fewer],
                DOUBLING_BAR,
            )
        for layers, peak in self.memory_of_layers.items():
            yield Measurement(
                f"compile BERT of {layers} layers, peak memory",
                peak / _MB,
                "MB",
                "1.3 x model + 500 MB",
                self.allowed_memory(layers) / _MB,
                1.0,
            )
        (one, alone), *others = self.seconds_of_cores.items()
        for cores, seconds in others:
            what = f"compile BERT of {_LAYERS_ON_CORES} layers for {cores} cores, processor"
            yield Measurement(what, seconds, "s", f"{one} core", alone, CORES_BAR)


def measure_scale(rounds: int) -> Curves:
    """Compiles BERT of every number of layers, and for every number of cores, in turns."""
    networks = {layers: bert_with_data(layers) for layers in LAYERS}
    of_layers = {layers: list[ProcessUse]() for layers in LAYERS}
    of_cores = {cores: list[ProcessUse]() for cores in CORES}
    for _ in range(rounds):
        for layers, uses in of_layers.items():
            uses.append(_compilation(networks[layers], _ALL_CORES))
        for cores, uses in of_cores.items():
            uses.append(_compilation(networks[_LAYERS_ON_CORES], cores))
    return Curves(
        {layers: min(use.processor_seconds for use in uses) for layers, uses in of_layers.items()},
        {layers: max(use.peak_bytes for use in uses) for layers, uses in of_layers.items()},
        {layers: network.bytes for layers, network in networks.items()},
        {cores: min(use.processor_seconds for use in uses) for cores, uses in of_cores.items()},
    )


def _compilation(network: Network, cores: int) -> ProcessUse:
    return in_new_folder(lambda folder: compiled(network, folder, cores))
