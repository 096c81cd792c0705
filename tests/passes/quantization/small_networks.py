"""Small networks to quantize: built op by op, profiled, brought to integers, and compared with what they were."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp, TensorType, f32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region, SSAValue

from aic.interpreter.graph import GraphRunner
from aic.profiling import Profiler
from dialects.element_types import is_float
from dialects.graph.base import GraphOp, tensor_type
from dialects.graph.constant import ConstantOp
from dialects.graph.contraction import ConvOp, MatmulOp
from dialects.graph.locations import model_location
from dialects.graph.properties import Plain
from dialects.module import main_of
from dialects.quantized.parameters import Parameters
from dialects.quantized.types import UniformType
from dialects.weights import store_of
from passes.quantization.files.profile import write_profile
from passes.quantization.names import float_values
from passes.quantization.scales import attach
from passes.quantization.settings import Settings, set_settings
from tests.passes.running import apply

Floats = npt.NDArray[np.float32]
WINDOW: Mapping[str, Plain] = {"strides": (1, 1), "dilations": (1, 1), "pads": (0, 0, 0, 0)}


class Network:
    """A function `main` of one input and one output that grows op by op; every op is named after its number."""

    def __init__(self, shape: Sequence[int], seed: int = 0, bias: float = 1 / 8):
        self.random = np.random.default_rng(seed)
        self.block = Block(arg_types=[TensorType(f32, shape)])
        self.block.args[0].name_hint = "x"
        self.module = ModuleOp([])
        self.store = store_of(self.module)
        self.shape = tuple(shape)
        self.bias = bias

    @property
    def input(self) -> SSAValue:
        """The input of the network."""
        return self.block.args[0]

    def constant(self, values: npt.ArrayLike) -> SSAValue:
        """A constant of fp32."""
        op = ConstantOp(self.store.constant(np.asarray(values, np.float32)))
        op.location = model_location(f"constant{len(self.block.ops)}")
        self.block.add_op(op)
        return op.output

    def op(self, kind: type[GraphOp], operands: Sequence[SSAValue], **properties: Plain) -> SSAValue:
        """The result of an op."""
        return self.put(kind.of(operands, properties))

    def put(self, op: GraphOp) -> SSAValue:
        """The result of an op, at the end."""
        op.location = model_location(f"op{len(self.block.ops)}")
        self.block.add_op(op)
        return op.output

    def normal(self, *shape: int) -> Floats:
        """Numbers as weights have them."""
        return self.random.normal(size=shape).astype(np.float32)

    def conv(self, x: SSAValue, features: int, kernel: int = 1, *, bias: bool = True, **properties: Plain) -> SSAValue:
        """A convolution that keeps rows and columns, its results about as large as its operands."""
        depth = tensor_type(x).get_shape()[-1]
        weight = self.constant(self.normal(kernel, kernel, depth, features) / np.sqrt(kernel * kernel * depth))
        more = [self.constant(self.normal(features) * self.bias)] if bias else []
        pads = (kernel // 2,) * 4
        return self.op(ConvOp, [x, weight, *more], **{**WINDOW, "pads": pads, **properties})

    def matmul(self, x: SSAValue, features: int, **properties: Plain) -> SSAValue:
        """A product with a constant, its results about as large as its operand."""
        depth = tensor_type(x).get_shape()[-1]
        weight = self.constant(self.normal(depth, features) / np.sqrt(max(depth, 1)))
        return self.op(MatmulOp, [x, weight, self.constant(self.normal(features) * self.bias)], **properties)

    def returning(self, y: SSAValue) -> "Network":
        """The network whose output is `y`."""
        self.block.add_op(ReturnOp(y))
        self.module.body.block.add_op(FuncOp("main", ([self.input.type], [y.type]), Region(self.block)))
        self.module.verify()
        return self

    def samples(self, count: int, seed: int = 1) -> list[dict[str, Floats]]:
        """Inputs."""
        random = np.random.default_rng(seed)
        (name,) = (port.name for port in GraphRunner(self.module).inputs)
        return [{name: random.normal(size=self.shape).astype(np.float32)} for _ in range(count)]


def quantized(network: Network, folder: Path, settings: Settings) -> ModuleOp:
    """The network on integers, scales by a profile of some inputs."""
    path = folder / "profile.yaml"
    with Profiler(network.module, 512) as profiler:
        for inputs in network.samples(4):
            profiler.add(inputs, "a sample")
        write_profile(profiler.profile("test"), path)
    module = network.module.clone()
    set_settings(module, replace(settings, load_profile=str(path)))
    return apply(module, "attach-scales,quantize-operations")


def quantized_by_hand(network: Network, others: Mapping[int, float] | None = None) -> ModuleOp:
    """The network on integers of scale 0.05, but for the results of some ops, by their numbers."""
    module = network.module.clone()
    for number, value in enumerate(float_values(main_of(module)).values()):
        attach(value, UniformType.of(Parameters((others or {}).get(number, 0.05), 0), 8))
    return apply(module, "quantize-operations")


def scales(module: ModuleOp) -> list[UniformType]:
    """The types of all integers that have scales."""
    values = [op.results[0] for op in module.walk() if isinstance(op, GraphOp | ConstantOp)]
    elements = [tensor_type(value).element_type for value in values]
    return [element for element in elements if isinstance(element, UniformType)]


def noise(module: ModuleOp, network: Network) -> float:
    """Signal to quantization noise of a network on integers, in dB, on one of the inputs that were profiled."""
    (inputs,) = network.samples(1)
    (expected,) = GraphRunner(network.module).run(inputs).values()
    (actual,) = GraphRunner(module).run(inputs).values()
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    error = float(np.square(actual.astype(np.float64) - expected).sum())
    return np.inf if error == 0 else 10 * np.log10(float(np.square(expected.astype(np.float64)).sum()) / error)


def in_float(module: ModuleOp) -> set[str]:
    """Names of the ops that compute on numbers, conversions aside."""
    ops = [op for op in module.walk() if isinstance(op, GraphOp) and op.name.startswith("graph.")]
    return {op.name for op in ops if is_float(op.result_type.element_type)}
