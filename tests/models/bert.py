"""BERT of full width and few layers, as PyTorch's exporters write it, built without PyTorch.

`older` is the tracing exporter with the eager attention of transformers: everything decomposed, scores divided by
sqrt(64), a mask of (1 - m) times the lowest float, LayerNorm from ReduceMean, GELU from Erf. `dynamo` is the dynamo
exporter with scaled-dot-product attention: q and k scaled each by 64^-1/4, a boolean mask through Where, a guard
against rows that are masked whole, LayerNormalization, GELU from Erf in another order. `tanh` is `older` with GELU's
tanh form.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto

from tests.models.builder import LOWEST, Build, ExternalData

Flavour: TypeAlias = Literal["older", "dynamo", "tanh"]

SEQUENCE = 128
HIDDEN = 768
HEADS = 12
INNER = 3072
VOCABULARY = 100


def bert(flavour: Flavour, layers: int = 2, seed: int = 0, data: ExternalData | None = None) -> onnx.ModelProto:
    """The network. Inputs are those of `tokens`; output `last_hidden_state` [1, 128, 768]."""
    build = _Dynamo(seed) if flavour == "dynamo" else _Older(seed, tanh=flavour == "tanh")
    build.data = data
    hidden = build.embeddings()
    mask = build.mask()
    for layer in range(layers):
        build.scope = f"/layer.{layer}"
        hidden = build.layer(hidden, mask)
    return build.network(hidden)


def tokens(seed: int = 0) -> Mapping[str, npt.NDArray[np.int64]]:
    """Inputs of the network: a sequence of random tokens, the last 28 of them masked."""
    rng = np.random.default_rng(seed)
    mask = np.ones((1, SEQUENCE), np.int64)
    mask[:, 100:] = 0
    return {
        "input_ids": rng.integers(0, VOCABULARY, (1, SEQUENCE)),
        "attention_mask": mask,
        "token_type_ids": rng.integers(0, 2, (1, SEQUENCE)),
    }


class _Bert(Build):
    """What all flavours have in common."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, "/embeddings")

    def heads(self, x: str) -> str:
        return self.op("Reshape", x, self.shape(1, SEQUENCE, -1, HIDDEN // HEADS))

    def embeddings(self) -> str:
        words = self.op("Gather", self.drawn(VOCABULARY, HIDDEN, scale=1), "input_ids")
        types = self.op("Gather", self.drawn(2, HIDDEN, scale=0.5), "token_type_ids")
        positions = self.op("Gather", self.drawn(512, HIDDEN, scale=0.5), self.constant([range(SEQUENCE)], np.int64))
        return self.norm(self.op("Add", self.op("Add", words, types), positions))

    def layer(self, x: str, mask: str) -> str:
        q, k, v = (self.linear(x, HIDDEN, HIDDEN) for _ in range(3))
        context = self.op("Transpose", self.attention(q, k, v, mask), perm=[0, 2, 1, 3])
        context = self.op("Reshape", context, self.shape(1, SEQUENCE, -1))
        x = self.norm(self.op("Add", self.linear(context, HIDDEN, HIDDEN), x))
        inner = self.gelu(self.linear(x, HIDDEN, INNER))
        return self.norm(self.op("Add", self.linear(inner, INNER, HIDDEN), x))

    def mask(self) -> str:
        raise NotImplementedError

    def attention(self, q: str, k: str, v: str, mask: str) -> str:
        """[1, heads, sequence, 64] from q, k, v [1, sequence, 768]."""
        raise NotImplementedError

    def norm(self, x: str) -> str:
        raise NotImplementedError

    def gelu(self, x: str) -> str:
        raise NotImplementedError

    def network(self, hidden: str) -> onnx.ModelProto:
        return self.model("bert", tokens(), {"last_hidden_state": (hidden, (1, SEQUENCE, HIDDEN))})


class _Older(_Bert):
    """The tracing exporter at opset 13, where nothing but Erf and Softmax is a single node."""

    opset = 13

    def __init__(self, seed: int, *, tanh: bool) -> None:
        super().__init__(seed)
        self.gelu_form = self._gelu_tanh if tanh else self._gelu_erf

    def mask(self) -> str:
        mask = self.op("Unsqueeze", "attention_mask", self.shape(1))
        mask = self.op("Unsqueeze", mask, self.shape(2))
        mask = self.op("Cast", mask, to=TensorProto.FLOAT)
        return self.op("Mul", self.op("Sub", self.constant(1.0), mask), self.constant(LOWEST))

    def attention(self, q: str, k: str, v: str, mask: str) -> str:
        queries = self.op("Transpose", self.heads(q), perm=[0, 2, 1, 3])
        keys = self.op("Transpose", self.heads(k), perm=[0, 2, 3, 1])
        values = self.op("Transpose", self.heads(v), perm=[0, 2, 1, 3])
        scores = self.op("Div", self.op("MatMul", queries, keys), self.constant(8.0))
        return self.op("MatMul", self.op("Softmax", self.op("Add", scores, mask), axis=-1), values)

    def norm(self, x: str) -> str:
        centred = self.op("Sub", x, self.op("ReduceMean", x, axes=[-1]))
        variance = self.op("ReduceMean", self.op("Pow", centred, self.constant(2.0)), axes=[-1])
        deviation = self.op("Sqrt", self.op("Add", variance, self.constant(1e-12)))
        scaled = self.op("Mul", self.op("Div", centred, deviation), self.drawn(HIDDEN, scale=0.1, mean=1))
        return self.op("Add", scaled, self.drawn(HIDDEN, scale=0.1))

    def gelu(self, x: str) -> str:
        return self.gelu_form(x)

    def _gelu_erf(self, x: str) -> str:
        erf = self.op("Erf", self.op("Div", x, self.constant(2**0.5)))
        return self.op("Mul", self.op("Mul", x, self.op("Add", erf, self.constant(1.0))), self.constant(0.5))

    def _gelu_tanh(self, x: str) -> str:
        cubic = self.op("Mul", self.op("Pow", x, self.constant(3.0)), self.constant(0.044715))
        inner = self.op("Mul", self.op("Add", x, cubic), self.constant((2 / np.pi) ** 0.5))
        outer = self.op("Add", self.op("Tanh", inner), self.constant(1.0))
        return self.op("Mul", self.op("Mul", x, self.constant(0.5)), outer)


class _Dynamo(_Bert):
    """The dynamo exporter at opset 18, with scaled-dot-product attention."""

    def mask(self) -> str:
        mask = self.op("Cast", "attention_mask", to=TensorProto.BOOL)
        indices = np.stack([np.zeros(SEQUENCE), np.arange(SEQUENCE)], axis=-1)
        mask = self.op("GatherND", mask, self.constant(indices[None, None, None], np.int64), batch_dims=0)
        return self.op("And", self.constant(np.ones((1, 1, SEQUENCE, 1)), np.bool_), mask)

    def attention(self, q: str, k: str, v: str, mask: str) -> str:
        queries, keys, values = (self.op("Transpose", self.heads(x), perm=[0, 2, 1, 3]) for x in (q, k, v))
        flat = self.op("Reshape", keys, self.shape(-1, SEQUENCE, HIDDEN // HEADS))
        flat = self.op("Transpose", flat, perm=[0, 2, 1])
        keys = self.op("Reshape", flat, self.shape(1, HEADS, HIDDEN // HEADS, SEQUENCE))
        root = self.constant((HIDDEN // HEADS) ** -0.25)
        scores = self.op("MatMul", self.op("Mul", queries, root), self.op("Mul", keys, root))
        added = self.op("Where", mask, self.constant(0.0), self.constant(LOWEST))
        weights = self.op("Softmax", self.op("Add", scores, added), axis=-1)
        guarded = self.op("Where", self.op("IsNaN", weights), self.constant(0.0), weights)
        return self.op("MatMul", guarded, values)

    def norm(self, x: str) -> str:
        return self.layer_norm(x, HIDDEN, 1e-12)

    def gelu(self, x: str) -> str:
        erf = self.op("Erf", self.op("Div", x, self.constant(2**0.5)))
        return self.op("Mul", x, self.op("Mul", self.constant(0.5), self.op("Add", erf, self.constant(1.0))))
