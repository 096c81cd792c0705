"""Decoders as PyTorch's exporters write them, built without PyTorch: in the manner of Llama and of GPT-2, of any size.

`older` is the tracing exporter, which writes masks with minus infinity; `dynamo` the dynamo exporter, which writes them
with the lowest float. Both write scaled-dot-product attention with a guard against rows that are masked whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto

from tests.models.builder import LOWEST, Build

Flavour: TypeAlias = Literal["older", "dynamo"]


@dataclass(frozen=True)
class Sizes:
    """Of a decoder. Keys and values have `kv_heads` heads; GPT-2's have as many as the queries."""

    layers: int = 2
    heads: int = 6
    kv_heads: int = 2
    head_dim: int = 32
    inner: int = 320
    length: int = 40
    batch: int = 1
    vocabulary: int = 100

    @property
    def width(self) -> int:
        """Numbers per token."""
        return self.heads * self.head_dim


def llama(flavour: Flavour, sizes: Sizes = Sizes(), seed: int = 0) -> onnx.ModelProto:
    """RMS normalizations, rotary embeddings, grouped queries, a gated perceptron. Inputs are those of `tokens`; output
    `logits` [batch, length, vocabulary].
    """
    return _Llama(flavour, sizes, seed).network("llama")


def gpt2(flavour: Flavour, sizes: Sizes = Sizes(), seed: int = 0) -> onnx.ModelProto:
    """Layer normalizations, learned positions, linear layers as Gemm on matrices, queries, keys and values by one."""
    return _Gpt2(flavour, sizes, seed).network("gpt2")


def tokens(sizes: Sizes = Sizes(), padded: int = 8, *, left: bool = False) -> Mapping[str, npt.NDArray[Any]]:
    """Inputs of the networks: random tokens, some of the last (or first) masked."""
    shape = (sizes.batch, sizes.length)
    mask = np.ones(shape, np.int64)
    padded = min(padded, sizes.length - 1)
    mask[:, :padded] = 0
    if not left:
        mask = mask[:, ::-1].copy()
    return {"input_ids": np.random.default_rng(1).integers(0, sizes.vocabulary, shape), "attention_mask": mask}


class _Decoder(Build):
    """What both have in common."""

    def __init__(self, flavour: Flavour, sizes: Sizes, seed: int) -> None:
        super().__init__(seed, "/model")
        self.flavour, self.sizes = flavour, sizes

    def network(self, name: str) -> onnx.ModelProto:
        sizes = self.sizes
        hidden = self.embeddings()
        condition = self.condition()
        for layer in range(sizes.layers):
            self.scope = f"/model/layers.{layer}"
            hidden = self.layer(hidden, condition)
        self.scope = "/lm_head"
        logits = self.op("MatMul", self.norm(hidden), self.drawn(sizes.width, sizes.vocabulary, scale=0.1))
        shape = (sizes.batch, sizes.length, sizes.vocabulary)
        return self.model(name, tokens(sizes), {"logits": (logits, shape)})

    def embeddings(self) -> str:
        raise NotImplementedError

    def layer(self, x: str, condition: str) -> str:
        raise NotImplementedError

    def norm(self, x: str) -> str:
        raise NotImplementedError

    def condition(self) -> str:
        """Which keys each query sees: not later than itself, and not masked."""
        length = self.sizes.length
        positions = np.arange(length)
        if self.flavour == "older":
            earlier = self.op(
                "LessOrEqual",
                self.constant(positions[None, None, None], np.int64),
                self.constant(positions[None, None, :, None], np.int64),
            )
        else:
            earlier = self.constant(np.tri(length)[None, None], np.bool_)
        mask = self.op("Reshape", self.op("Cast", "attention_mask", to=TensorProto.BOOL), self.shape(-1, 1, 1, length))
        return self.op("And", earlier, mask)

    def heads_apart(self, x: str) -> str:
        shape = self.shape(self.sizes.batch, self.sizes.length, -1, self.sizes.head_dim)
        return self.op("Transpose", self.op("Reshape", x, shape), perm=[0, 2, 1, 3])

    def attention(self, queries: str, keys: str, values: str, condition: str) -> str:
        """[batch, length, width] from heads apart, as many of keys and values as of queries."""
        sizes, root = self.sizes, self.constant(self.sizes.head_dim**-0.25)
        if self.flavour == "older":
            turned = self.op("Transpose", keys, perm=[0, 1, 3, 2])
        else:
            flat = self.op("Reshape", keys, self.shape(-1, sizes.length, sizes.head_dim))
            flat = self.op("Transpose", flat, perm=[0, 2, 1])
            turned = self.op("Reshape", flat, self.shape(sizes.batch, sizes.heads, sizes.head_dim, sizes.length))
        scores = self.op("MatMul", self.op("Mul", queries, root), self.op("Mul", turned, root))
        number = float("-inf") if self.flavour == "older" else LOWEST
        mask = self.op("Where", condition, self.constant(0.0), self.constant(number))
        weights = self.op("Softmax", self.op("Add", scores, mask), axis=-1)
        guarded = self.op("Where", self.op("IsNaN", weights), self.constant(0.0), weights)
        return self.op("Transpose", self.op("MatMul", guarded, values), perm=[0, 2, 1, 3])


class _Llama(_Decoder):
    def embeddings(self) -> str:
        sizes = self.sizes
        rates = 10000.0 ** (-np.arange(0, sizes.head_dim, 2) / sizes.head_dim)
        angles = np.tile(np.outer(np.arange(sizes.length), rates), 2)[None, None]
        self.cos, self.sin = self.constant(np.cos(angles)), self.constant(np.sin(angles))
        return self.op("Gather", self.drawn(sizes.vocabulary, sizes.width, scale=1), "input_ids")

    def norm(self, x: str) -> str:
        square = self.op("ReduceMean", self.op("Pow", x, self.constant(2.0)), self.shape(-1))
        root = self.op("Sqrt", self.op("Add", square, self.constant(1e-6)))
        inverse = self.op("Reciprocal", root) if self.flavour == "dynamo" else self.op("Div", self.constant(1.0), root)
        return self.op("Mul", self.drawn(self.sizes.width, scale=0.1, mean=1), self.op("Mul", x, inverse))

    def layer(self, x: str, condition: str) -> str:
        sizes = self.sizes
        normed = self.norm(x)
        queries, keys, values = (
            self.heads_apart(self.projected(normed, sizes.width, heads * sizes.head_dim))
            for heads in (sizes.heads, sizes.kv_heads, sizes.kv_heads)
        )
        keys, values = self.repeated(self.rotated(keys)), self.repeated(values)
        context = self.attention(self.rotated(queries), keys, values, condition)
        context = self.op("Reshape", context, self.shape(sizes.batch, sizes.length, -1))
        x = self.op("Add", x, self.projected(context, sizes.width, sizes.width))
        normed = self.norm(x)
        gate = self.projected(normed, sizes.width, sizes.inner)
        gate = self.op("Mul", gate, self.op("Sigmoid", gate))
        inner = self.op("Mul", gate, self.projected(normed, sizes.width, sizes.inner))
        return self.op("Add", x, self.projected(inner, sizes.inner, sizes.width))

    def projected(self, x: str, rows: int, columns: int) -> str:
        return self.op("MatMul", x, self.drawn(rows, columns, scale=rows**-0.5))

    def rotated(self, x: str) -> str:
        half = self.sizes.head_dim // 2
        first = self.op("Slice", x, self.shape(0), self.shape(half), self.shape(3), self.shape(1))
        second = self.op("Slice", x, self.shape(half), self.shape(2**63 - 1), self.shape(3), self.shape(1))
        turned = self.op("Concat", self.op("Neg", second), first, axis=-1)
        return self.op("Add", self.op("Mul", x, self.cos), self.op("Mul", turned, self.sin))

    def repeated(self, x: str) -> str:
        s, times = self.sizes, self.sizes.heads // self.sizes.kv_heads
        x = self.op("Unsqueeze", x, self.shape(2))
        x = self.op("Expand", x, self.shape(s.batch, s.kv_heads, times, s.length, s.head_dim))
        return self.op("Reshape", x, self.shape(s.batch, s.heads, s.length, s.head_dim))


class _Gpt2(_Decoder):
    def embeddings(self) -> str:
        sizes = self.sizes
        words = self.op("Gather", self.drawn(sizes.vocabulary, sizes.width, scale=1), "input_ids")
        places = self.drawn(sizes.length + 3, sizes.width, scale=0.5)
        return self.op("Add", words, self.op("Gather", places, self.constant([range(sizes.length)], np.int64)))

    def norm(self, x: str) -> str:
        return self.layer_norm(x, self.sizes.width)

    def layer(self, x: str, condition: str) -> str:
        width, inner = self.sizes.width, self.sizes.inner
        queries, keys, values = self.split(self.dense(self.norm(x), width, 3 * width), 3, axis=2)
        parts = (self.heads_apart(part) for part in (queries, keys, values))
        x = self.op("Add", self.dense(self.attention(*parts, condition), width, width), x)
        return self.op("Add", x, self.dense(self.gelu(self.dense(self.norm(x), width, inner)), inner, width))

    def dense(self, x: str, rows: int, columns: int) -> str:
        """A linear layer on a matrix of all tokens."""
        flat = self.op("Reshape", x, self.shape(-1, rows))
        weight, bias = self.drawn(rows, columns, scale=rows**-0.5), self.drawn(columns, scale=0.1)
        product = self.op("Gemm", flat, weight, bias, alpha=1.0, beta=1.0)
        return self.op("Reshape", product, self.shape(self.sizes.batch, self.sizes.length, columns))

    def gelu(self, x: str) -> str:
        cubic = self.op("Mul", self.op("Pow", x, self.constant(3.0)), self.constant(0.044715))
        inner = self.op("Mul", self.op("Add", x, cubic), self.constant((2 / np.pi) ** 0.5))
        outer = self.op("Add", self.op("Tanh", inner), self.constant(1.0))
        return self.op("Mul", self.op("Mul", x, self.constant(0.5)), outer)
