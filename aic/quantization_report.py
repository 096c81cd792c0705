"""What quantization costs a network, tensor by tensor and node by node, on sample inputs.

Of every tensor that becomes integers: its range, its scale, how much saturates, and how far the quantized network is
from the one in fp32, in steps between integers. Of every node that computes on integers: the outputs' signal-to-noise
ratio (SQNR) when it alone does, in a network in fp32: it reads its operands as integers, weights too, and its result is
integers. Nodes with the lowest are worth keeping in fp16 first. For each only what depends on it is computed again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import inf, isfinite, log10
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import ReturnOp
from xdsl.ir import SSAValue

from aic.interpreter.graph import GraphRunner
from aic.successors import Successors, first_of, operands_of
from dialects.element_types import is_float
from dialects.graph.base import GraphOp, tensor_type
from dialects.graph.constant import ConstantOp
from dialects.graph.evaluation import evaluate
from dialects.graph.kernels import Array
from dialects.graph.locations import node_name, tensor_name
from dialects.module import main_of
from dialects.quantized.base import QuantizedOp
from dialects.quantized.conversion import DequantizeOp, QuantizeOp, RequantizeOp
from dialects.quantized.meaning import numbers_meant
from dialects.quantized.parameters import LIMITS, dequantized, quantized
from dialects.quantized.types import UniformType
from dialects.weights import WeightStore, store_of
from passes.quantization.names import float_values

_DECIBEL = 10.0
_CONVERSIONS = (QuantizeOp, DequantizeOp, RequantizeOp)
_MOST_RUNS = 128
"""Nodes that are quantized alone, over all samples: of large networks on the first samples only."""


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
    """Of the network's outputs when only this node computes on integers."""


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
        """The report as JSON has it, which knows no infinity: null where there is no noise."""
        return cast(dict[str, Any], _as_json(asdict(self)))


def _as_json(value: object) -> object:
    match value:
        case dict():
            return {key: _as_json(each) for key, each in cast(dict[str, object], value).items()}
        case list():
            return [_as_json(each) for each in cast(list[object], value)]
        case float():
            return value if isfinite(value) else None
        case _:
            return value


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
        if not exact.size:
            return
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
    """Report of a network: `graph` is what `Marked` has kept from before the quantize phase, `integers` what became."""
    plain, quantized_runner = _Network(graph), GraphRunner(integers)
    successors, store = Successors(integers), store_of(integers)
    nodes = _quantized_nodes(graph, successors)
    tensors = _quantized_tensors(graph, successors)
    outputs: dict[str, _Error] = {}
    alone = {op: _Error() for op in nodes}
    ranked_samples = max(1, _MOST_RUNS // max(1, len(nodes)))
    count = 0
    for count, inputs in enumerate(samples, 1):
        made: dict[SSAValue, Array] = {}
        expected = plain.run(inputs)
        actual = quantized_runner.run(inputs, lambda op, result, made=made: made.__setitem__(op.results[0], result))
        for name, values in expected.items():
            outputs.setdefault(name, _Error()).add(values, actual[name])
        for value, (own, sums) in tensors.items():
            sums.add(plain.values[value], made[own])
        if count > ranked_samples:
            continue
        for op, successor in nodes.items():
            approximate = plain.outputs_with(op, _on_integers(op, successor, plain.values, store))
            for name, values in expected.items():
                alone[op].add(values, approximate[name])
    names = {value: name for name, value in float_values(main_of(graph)).items()}
    ranked = [
        NodeSensitivity(node_name(op), tensor_name(op), nodes[op].name.partition(".")[2], error.sqnr_db)
        for op, error in alone.items()
        if error.signal
    ]
    return QuantizationReport(
        network,
        count,
        {name: error.sqnr_db for name, error in outputs.items()},
        [sums.as_error(names[value]) for value, (_, sums) in tensors.items() if sums.count],
        sorted(ranked, key=lambda node: node.sqnr_db),
    )


def _quantized_nodes(graph: ModuleOp, successors: Successors) -> dict[GraphOp, QuantizedOp]:
    """The operations that became such on integers, conversions not among them, with these."""
    found = {op: successors.of(op) for op in main_of(graph).body.block.ops if isinstance(op, GraphOp)}
    return {op: new for op, new in found.items() if isinstance(new, QuantizedOp) and not isinstance(new, _CONVERSIONS)}


def _quantized_tensors(graph: ModuleOp, successors: Successors) -> dict[SSAValue, tuple[SSAValue, _TensorSums]]:
    """The values that became integers, with these and what is to be counted of them."""
    block = main_of(graph).body.block
    values = [*block.args, *(op.output for op in block.ops if isinstance(op, GraphOp))]
    found = {value: successors.integers_of(value) for value in values if is_float(tensor_type(value).element_type)}
    sums: dict[SSAValue, tuple[SSAValue, _TensorSums]] = {}
    for value, own in found.items():
        element = None if own is None else tensor_type(own).element_type
        if own is not None and isinstance(element, UniformType):
            sums[value] = (own, _TensorSums(element))
    return sums


def _on_integers(
    op: GraphOp, successor: QuantizedOp, values: Mapping[SSAValue, Array], store: WeightStore
) -> npt.NDArray[np.floating]:
    """The numbers that an operation on integers makes of the exact values of its operands."""
    read = dict(zip(operands_of(successor), first_of(op, successor).operands, strict=False))
    operands: list[Array] = []
    for own in successor.operands:
        element = tensor_type(own).element_type
        if isinstance(own.owner, ConstantOp):
            operands.append(store.held(own.owner.value))
        else:
            assert isinstance(element, UniformType)
            scaling = element.scaling
            operands.append(quantized(values[read[own]], scaling.scale, scaling.offset, element.bits))
    element = tensor_type(successor.output).element_type
    assert isinstance(element, UniformType)
    return numbers_meant(evaluate(successor, operands), element, store).astype(np.float32)


class _Network:
    """A network in fp32 whose values are kept, to compute again what depends on one of them."""

    def __init__(self, graph: ModuleOp):
        self.values: dict[SSAValue, Array] = {}
        """Of the last inference."""
        main = main_of(graph)
        self._runner = GraphRunner(graph)
        self._arguments = dict(zip(main.body.block.args, self._runner.inputs, strict=True))
        self._ops = [op for op in main.body.block.ops if isinstance(op, GraphOp)]
        returned = main.body.block.last_op
        assert isinstance(returned, ReturnOp)
        self._outputs = dict(zip(self._runner.outputs, returned.operands, strict=True))

    def run(self, inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, Array]:
        """Outputs by name."""
        self.values = self._runner.constants
        self.values.update((value, inputs[port.name]) for value, port in self._arguments.items())
        return self._runner.run(inputs, lambda op, result: self.values.__setitem__(op.results[0], result))

    def outputs_with(self, op: GraphOp, result: Array) -> dict[str, Array]:
        """Outputs by name of the last inference, if an operation's result had been another."""
        altered: dict[SSAValue, Array] = {op.output: result}
        for later in self._ops[self._ops.index(op) + 1 :]:
            if any(value in altered for value in later.operands):
                operands = [altered.get(value, self.values[value]) for value in later.operands]
                altered[later.output] = evaluate(later, operands)
        return {
            port.name: altered.get(value, self.values[value]).astype(port.dtype)
            for port, value in self._outputs.items()
        }
