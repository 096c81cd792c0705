"""What quantization costs a network, tensor by tensor and node by node, on sample inputs.

Of every tensor that becomes integers: its range, its scale, how much saturates, and how far the quantized network is
from the one in fp32, in steps between integers. Of every node that computes on integers: the outputs' signal-to-noise
ratio (SQNR) when it alone is quantized. Nodes with the lowest are worth keeping in fp16 first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import inf, log10
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from aic.interpreter.graph import GraphRunner
from dialects.graph.base import GraphOp, tensor_type
from dialects.graph.constant import ConstantOp
from dialects.graph.kernels import Array
from dialects.graph.locations import node_name, tensor_name
from dialects.module import main_of
from dialects.quantized.base import QuantizedOp
from dialects.quantized.contraction import QuantizedContractionOp
from dialects.quantized.conversion import DequantizeOp, QuantizeOp, RequantizeOp
from dialects.quantized.parameters import LIMITS, dequantized, quantized
from dialects.quantized.types import UniformType
from dialects.weights import WeightStore, store_of

_DECIBEL = 10.0
_CONVERSIONS = (QuantizeOp, DequantizeOp, RequantizeOp)


@dataclass(frozen=True)
class TensorError:
    """A tensor that is integers in the quantized network, over all samples."""

    name: str
    low: float
    """Least value in fp32."""
    high: float
    scale: float
    offset: int
    bits: int
    saturated: float
    """Share of the values in fp32 that lie beyond the integers."""
    mean_steps: float
    """Mean distance of the quantized network's values from those in fp32, in steps."""
    largest_steps: float
    sqnr_db: float
    """Of the tensor, in the quantized network."""


@dataclass(frozen=True)
class NodeSensitivity:
    """A node that computes on integers."""

    node: str
    tensor: str
    """What it makes; `-node-precision-info` knows it by this name."""
    kind: str
    sqnr_db: float
    """Of the network's outputs when only this node is quantized."""


@dataclass(frozen=True)
class QuantizationReport:
    """All tensors in the order of the network, all nodes from the most sensitive on, and the network as a whole."""

    network: str
    samples: int
    sqnr_db: Mapping[str, float]
    """Of each output of the quantized network."""
    tensors: Sequence[TensorError]
    nodes: Sequence[NodeSensitivity]

    def as_plain(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return asdict(self)


@dataclass
class _Error:
    """Sums over samples."""

    signal: float = 0.0
    noise: float = 0.0

    def add(self, exact: Array, approximate: Array) -> None:
        wide = exact.astype(np.float64)
        self.signal += float(np.square(wide).sum())
        self.noise += float(np.square(wide - approximate).sum())

    @property
    def sqnr_db(self) -> float:
        """Signal to noise in decibels; infinite without noise."""
        if self.noise == 0:
            return inf
        return _DECIBEL * log10(self.signal / self.noise) if self.signal else -inf


@dataclass
class _TensorSums:
    """What is counted of a tensor."""

    element: UniformType
    low: float = inf
    high: float = -inf
    count: int = 0
    saturated: int = 0
    steps: float = 0.0
    largest: float = 0.0
    error: _Error = field(default_factory=_Error)

    def add(self, exact: Array, integers: Array) -> None:
        scaling, (least, greatest) = self.element.scaling, LIMITS[self.element.bits]
        values = dequantized(integers, scaling.scale, scaling.offset)
        steps = np.abs(values - exact) / scaling.scale
        places = exact / np.float32(scaling.scale) + scaling.offset
        self.low, self.high = min(self.low, float(exact.min())), max(self.high, float(exact.max()))
        self.count += exact.size
        self.saturated += int(((places < least - 0.5) | (places > greatest + 0.5)).sum())
        self.steps += float(steps.sum(dtype=np.float64))
        self.largest = max(self.largest, float(steps.max()))
        self.error.add(exact, values)

    def as_error(self, name: str) -> TensorError:
        scaling = self.element.scaling
        return TensorError(
            name,
            self.low,
            self.high,
            scaling.scale,
            scaling.offset,
            self.element.bits,
            self.saturated / self.count,
            self.steps / self.count,
            self.largest,
            self.error.sqnr_db,
        )


def make_report(
    network: str, graph: ModuleOp, integers: ModuleOp, samples: Iterable[Mapping[str, npt.NDArray[Any]]]
) -> QuantizationReport:
    """Report of a network: `graph` is ready to be quantized, `integers` is the same after the quantize phase."""
    runner, quantized_runner = GraphRunner(graph), GraphRunner(integers)
    nodes = _quantized_nodes(integers)
    alterations = {op: _Alteration(op, store_of(integers)) for op in nodes}
    by_tensor = {tensor_name(op): op for op in main_of(graph).body.block.ops if isinstance(op, GraphOp)}
    tensors: dict[str, _TensorSums] = {}
    outputs: dict[str, _Error] = {}
    alone = {op: _Error() for op in nodes}
    count = 0
    for inputs in samples:
        count += 1
        exact: dict[str, Array] = {}
        expected = runner.run(inputs, lambda op, result, exact=exact: exact.__setitem__(tensor_name(op), result))
        actual = quantized_runner.run(inputs, lambda op, result, exact=exact: _compare(tensors, exact, op, result))
        for name, values in expected.items():
            outputs.setdefault(name, _Error()).add(values, actual[name])
        for op, alteration in alterations.items():
            if tensor_name(op) not in by_tensor:
                continue
            approximate = runner.run(inputs, alter=alteration)
            for name, values in expected.items():
                alone[op].add(values, approximate[name])
    ranked = [
        NodeSensitivity(node_name(op), tensor_name(op), op.name.partition(".")[2], error.sqnr_db)
        for op, error in alone.items()
        if error.signal
    ]
    return QuantizationReport(
        network,
        count,
        {name: error.sqnr_db for name, error in outputs.items()},
        [sums.as_error(name) for name, sums in tensors.items()],
        sorted(ranked, key=lambda node: node.sqnr_db),
    )


def _quantized_nodes(module: ModuleOp) -> list[QuantizedOp]:
    """The ops that compute on integers, conversions not among them."""
    ops = main_of(module).body.block.ops
    return [op for op in ops if isinstance(op, QuantizedOp) and not isinstance(op, _CONVERSIONS)]


def _compare(tensors: dict[str, _TensorSums], exact: Mapping[str, Array], op: Operation, result: Array) -> None:
    """Counts a result of the quantized network, where it is integers that stand for a tensor of the network in fp32."""
    element, name = tensor_type(op.results[0]).element_type, tensor_name(op)
    if not isinstance(element, UniformType) or element.channel_axis is not None or isinstance(op, QuantizeOp):
        return
    if name in exact and exact[name].shape == result.shape and result.size:
        tensors.setdefault(name, _TensorSums(element)).add(exact[name], result)


class _Alteration:
    """What one quantized node makes of a network in fp32: its weight and its result as their integers mean them."""

    def __init__(self, op: QuantizedOp, store: WeightStore):
        self._tensor = tensor_name(op)
        self._element = tensor_type(op.output).element_type
        self._weight_name, self._weight = "", np.empty(0, np.float32)
        weight = op.operands[1].owner if isinstance(op, QuantizedContractionOp) else None
        if isinstance(weight, ConstantOp):
            self._weight_name = tensor_name(weight)
            self._weight = _meant(weight, store)

    def __call__(self, op: GraphOp | ConstantOp, values: Array) -> Array:
        if isinstance(op, ConstantOp):
            same = self._weight.size == values.size and self._weight_name == tensor_name(op)
            return self._weight.reshape(values.shape) if same else values
        if tensor_name(op) != self._tensor or not isinstance(self._element, UniformType):
            return values
        scaling = self._element.scaling
        integers = quantized(values, scaling.scale, scaling.offset, self._element.bits)
        return dequantized(integers, scaling.scale, scaling.offset)


def _meant(constant: ConstantOp, store: WeightStore) -> npt.NDArray[np.float32]:
    """The numbers that a constant of integers means."""
    element, integers = constant.value.type.element_type, store.held(constant.value).astype(np.int64)
    assert isinstance(element, UniformType)
    scales, offsets = (store.held(values) for values in (element.scales, element.offsets))
    return dequantized(integers, scales.astype(np.float32), offsets)
