"""Networks whose inputs have symbols for dimensions: ResNet-18, BERT, and decoders that keep keys and values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from tests.models.builder import LOWEST, Build, ExternalData
from tests.models.nodes import Nodes

Dims: TypeAlias = Sequence[int | str]


def resnet18(width: int = 64, classes: int = 1000) -> onnx.ModelProto:
    """Input `image` [batch, 3, height, width], output `logits`."""
    build = Nodes()
    x = build.conv("image", 3, width, 7, 2, then="Relu")
    x = build.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = width
    for stage in range(4):
        outputs = width << stage
        for block in range(2):
            stride = 2 if stage and not block else 1
            y = build.conv(build.conv(x, channels, outputs, 3, stride, then="Relu"), outputs, outputs, 3)
            short = build.conv(x, channels, outputs, 1, stride) if stride > 1 else x
            x, channels = build.op("Relu", build.op("Add", y, short)), outputs
    pooled = build.op("Flatten", build.op("GlobalAveragePool", x), axis=1)
    logits = build.linear(pooled, channels, classes)
    return _model(
        build, {"image": ("float32", ["batch", 3, "height", "width"])}, {"logits": (logits, ["batch", classes])}
    )


@dataclass(frozen=True)
class Sizes:
    """Of a transformer. Keys and values of a decoder have `kv_heads` heads; its caches have room for `context`."""

    layers: int = 2
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 32
    inner: int = 256
    vocabulary: int = 96
    context: int = 48

    @property
    def width(self) -> int:
        """Numbers per token."""
        return self.heads * self.head_dim


BERT_BASE = Sizes(layers=12, heads=12, head_dim=64, inner=3072, vocabulary=30522, context=512)


def bert(sizes: Sizes = Sizes()) -> onnx.ModelProto:
    """Inputs `input_ids` and `attention_mask` [batch, sequence], output `hidden`. Shapes are computed in the graph, as
    exporters write it.
    """
    build = _Transformer(sizes)
    build.scope = "/embeddings"
    words = build.op("Gather", build.drawn(sizes.vocabulary, sizes.width, scale=1), "input_ids")
    length = build.op("Gather", build.op("Shape", "input_ids"), build.constant([1], np.int64), axis=0)
    places = build.drawn(sizes.context, sizes.width, scale=0.5)
    x = build.op("Add", words, build.op("Slice", places, build.shape(0), length, build.shape(0)))
    mask = build.op("Cast", build.op("Unsqueeze", "attention_mask", build.shape(1, 2)), to=TensorProto.BOOL)
    for layer in range(sizes.layers):
        build.scope = f"/layer.{layer}"
        parts = [build.heads_apart(build.linear(x, sizes.width, sizes.width), sizes.heads) for _ in range(3)]
        context = build.attention(*parts, mask)
        x = build.layer_norm(build.op("Add", build.linear(context, sizes.width, sizes.width), x), sizes.width)
        inner = build.gelu(build.linear(x, sizes.width, sizes.inner))
        x = build.layer_norm(build.op("Add", build.linear(inner, sizes.inner, sizes.width), x), sizes.width)
    tokens: Dims = ["batch", "sequence"]
    inputs: Mapping[str, tuple[str, Dims]] = {"input_ids": ("int64", tokens), "attention_mask": ("int64", tokens)}
    return _model(build, inputs, {"hidden": (x, [*tokens, sizes.width])})


def decoder(
    kind: Literal["gpt2", "llama"], sizes: Sizes = Sizes(), data: ExternalData | None = None
) -> onnx.ModelProto:
    """Inputs `input_ids` and `position_ids` [1, sequence], and of each layer `past_key.N` and `past_value.N` [1,
    kv_heads, context, head_dim]; outputs `logits`, `past_key.N_RetainedState` and `past_value.N_RetainedState`.

    A token at position p writes its keys and values at p, and sees those up to there; one at -1 is padding, and writes
    none. `data` takes its weights.
    """
    build = _Llama(sizes) if kind == "llama" else _Gpt2(sizes)
    build.data = data
    return build.network()


class _Transformer(Build):
    """What the networks have in common."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(0, "/model")
        self.sizes = sizes

    def heads_apart(self, x: str, heads: int) -> str:
        apart = self.op("Reshape", x, self.shape(0, 0, heads, self.sizes.head_dim))
        return self.op("Transpose", apart, perm=[0, 2, 1, 3])

    def attention(self, queries: str, keys: str, values: str, seen: str) -> str:
        """[batch, sequence, width] from heads apart; `seen` says which keys each query sees."""
        scores = self.op("MatMul", queries, self.op("Transpose", keys, perm=[0, 1, 3, 2]))
        scores = self.op("Mul", scores, self.constant(self.sizes.head_dim**-0.5))
        mask = self.op("Where", seen, self.constant(0.0), self.constant(LOWEST))
        weights = self.op("Softmax", self.op("Add", scores, mask), axis=-1)
        together = self.op("Transpose", self.op("MatMul", weights, values), perm=[0, 2, 1, 3])
        return self.op("Reshape", together, self.shape(0, 0, self.sizes.width))

    def gelu(self, x: str) -> str:
        half = self.op("Mul", x, self.constant(0.5))
        erf = self.op("Erf", self.op("Div", x, self.constant(2**0.5)))
        return self.op("Mul", half, self.op("Add", erf, self.constant(1.0)))


class _Decoder(_Transformer):
    def network(self) -> onnx.ModelProto:
        sizes = self.sizes
        room = self.constant(np.arange(sizes.context)[None, None, :, None], np.int64)
        across = self.constant(np.arange(sizes.context)[None, None, None, :], np.int64)
        places = self.op("Unsqueeze", "position_ids", self.shape(1, 2))
        self.landing = self.op("Cast", self.op("Equal", room, places), to=TensorProto.FLOAT)
        hit = self.op("ReduceSum", self.landing, self.shape(-1), keepdims=1)
        self.hit = self.op("Greater", hit, self.constant(0.5))
        seen = self.op("LessOrEqual", across, self.op("Unsqueeze", "position_ids", self.shape(1, 3)))
        x = self.embeddings()
        states: dict[str, tuple[str, Dims]] = {}
        for layer in range(sizes.layers):
            self.scope = f"/model/layers.{layer}"
            queries, keys, values = self.projections(self.norm(x))
            kept = [self.written(f"past_{what}.{layer}", new) for what, new in (("key", keys), ("value", values))]
            for what, state in zip(("key", "value"), kept, strict=True):
                states[f"past_{what}.{layer}"] = (state, [1, sizes.kv_heads, sizes.context, sizes.head_dim])
            context = self.attention(queries, *map(self.repeated, kept), seen)
            x = self.op("Add", x, self.op("MatMul", context, self.drawn(sizes.width, sizes.width, scale=0.1)))
            x = self.op("Add", x, self.perceptron(self.norm(x)))
        self.scope = "/lm_head"
        logits = self.op("MatMul", self.norm(x), self.drawn(sizes.width, sizes.vocabulary, scale=0.3))
        tokens: Dims = [1, "sequence"]
        inputs: dict[str, tuple[str, Dims]] = {"input_ids": ("int64", tokens), "position_ids": ("int64", tokens)}
        inputs |= {name: ("float32", dims) for name, (_, dims) in states.items()}
        outputs = {"logits": (logits, [*tokens, sizes.vocabulary])}
        outputs |= {f"{name}_RetainedState": state for name, state in states.items()}
        return _model(self, inputs, outputs)

    def written(self, name: str, new: str) -> str:
        """What is kept, with new rows in their places."""
        return self.op("Where", self.hit, self.op("MatMul", self.landing, new), name)

    def repeated(self, x: str) -> str:
        s = self.sizes
        if s.heads == s.kv_heads:
            return x
        x = self.op(
            "Expand", self.op("Unsqueeze", x, self.shape(2)), self.shape(1, s.kv_heads, s.heads // s.kv_heads, 1, 1)
        )
        return self.op("Reshape", x, self.shape(1, s.heads, s.context, s.head_dim))

    def embeddings(self) -> str:
        return self.op("Gather", self.drawn(self.sizes.vocabulary, self.sizes.width, scale=1), "input_ids")

    def norm(self, x: str) -> str:
        raise NotImplementedError

    def projections(self, x: str) -> tuple[str, str, str]:
        raise NotImplementedError

    def perceptron(self, x: str) -> str:
        raise NotImplementedError


class _Llama(_Decoder):
    def embeddings(self) -> str:
        rates = 10000.0 ** (-np.arange(0, self.sizes.head_dim, 2) / self.sizes.head_dim)
        angles = np.tile(np.outer(np.arange(self.sizes.context), rates), 2)
        self.cos, self.sin = (
            self.op("Unsqueeze", self.op("Gather", self.constant(table), "position_ids"), self.shape(1))
            for table in (np.cos(angles), np.sin(angles))
        )
        return super().embeddings()

    def norm(self, x: str) -> str:
        square = self.op("ReduceMean", self.op("Pow", x, self.constant(2.0)), self.shape(-1))
        root = self.op("Sqrt", self.op("Add", square, self.constant(1e-6)))
        return self.op("Mul", self.drawn(self.sizes.width, scale=0.1, mean=1), self.op("Div", x, root))

    def projections(self, x: str) -> tuple[str, str, str]:
        s = self.sizes
        queries, keys, values = (
            self.heads_apart(self.op("MatMul", x, self.drawn(s.width, heads * s.head_dim, scale=0.1)), heads)
            for heads in (s.heads, s.kv_heads, s.kv_heads)
        )
        return self.rotated(queries), self.rotated(keys), values

    def rotated(self, x: str) -> str:
        first, second = self.split(x, 2, axis=3)
        turned = self.op("Concat", self.op("Neg", second), first, axis=-1)
        return self.op("Add", self.op("Mul", x, self.cos), self.op("Mul", turned, self.sin))

    def perceptron(self, x: str) -> str:
        s = self.sizes
        gate, up = (self.op("MatMul", x, self.drawn(s.width, s.inner, scale=0.1)) for _ in range(2))
        inner = self.op("Mul", self.op("Mul", gate, self.op("Sigmoid", gate)), up)
        return self.op("MatMul", inner, self.drawn(s.inner, s.width, scale=0.1))


class _Gpt2(_Decoder):
    def embeddings(self) -> str:
        places = self.op("Gather", self.drawn(self.sizes.context, self.sizes.width, scale=0.5), "position_ids")
        return self.op("Add", super().embeddings(), places)

    def norm(self, x: str) -> str:
        return self.layer_norm(x, self.sizes.width)

    def projections(self, x: str) -> tuple[str, str, str]:
        s = self.sizes
        together = self.linear(x, s.width, 3 * s.width)
        queries, keys, values = (self.heads_apart(part, s.heads) for part in self.split(together, 3, axis=2))
        return queries, keys, values

    def perceptron(self, x: str) -> str:
        inner = self.gelu(self.linear(x, self.sizes.width, self.sizes.inner))
        return self.linear(inner, self.sizes.inner, self.sizes.width)


def _model(
    build: Build | Nodes, inputs: Mapping[str, tuple[str, Dims]], outputs: Mapping[str, tuple[str, Dims]]
) -> onnx.ModelProto:
    """The network: types and dimensions of inputs, tensors and dimensions of outputs."""
    ends = [helper.make_node("Identity", [tensor], [name], f"/{name}") for name, (tensor, _) in outputs.items()]
    graph = helper.make_graph(
        [*build.nodes, *ends],
        "network",
        [_port(name, np.dtype(kind), dims) for name, (kind, dims) in inputs.items()],
        [_port(name, np.dtype(np.float32), dims) for name, (_, dims) in outputs.items()],
        build.initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", build.opset)], ir_version=8)


def _port(name: str, dtype: np.dtype[Any], dims: Dims) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), dims)


def prompt(sizes: Sizes, length: int, padded_to: int) -> dict[str, npt.NDArray[np.int64]]:
    """Drawn tokens at the first positions, and padding behind them."""
    tokens = np.zeros((1, padded_to), np.int64)
    tokens[0, :length] = np.random.default_rng(0).integers(0, sizes.vocabulary, length)
    positions = np.arange(padded_to)
    return {"input_ids": tokens, "position_ids": np.where(positions < length, positions, -1)[None]}
