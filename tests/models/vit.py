"""A vision transformer as PyTorch's dynamo exporter writes it, built without PyTorch, of any size."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from tests.models.builder import LOWEST, Build


@dataclass(frozen=True)
class Sizes:
    """Of a network whose images have `side` rows and columns, in patches of `patch` rows and columns."""

    layers: int = 2
    heads: int = 3
    head_dim: int = 32
    side: int = 40
    patch: int = 8
    batch: int = 1
    classes: int = 10

    @property
    def width(self) -> int:
        """Numbers per patch."""
        return self.heads * self.head_dim

    @property
    def patches(self) -> int:
        """Patches of an image."""
        return (self.side // self.patch) ** 2


def images(sizes: Sizes = Sizes()) -> Mapping[str, npt.NDArray[Any]]:
    """Input of the network."""
    shape = (sizes.batch, 3, sizes.side, sizes.side)
    return {"pixel_values": np.random.default_rng(1).standard_normal(shape, np.float32)}


def vit(sizes: Sizes = Sizes(), seed: int = 0) -> onnx.ModelProto:
    """Patches and a token of the class through layers of attention; output `logits` [batch, classes]."""
    build = _Vit(sizes, seed)
    hidden = build.embeddings()
    for layer in range(sizes.layers):
        build.scope = f"/vit/layer.{layer}"
        hidden = build.layer(hidden)
    return build.classified(hidden)


class _Vit(Build):
    def __init__(self, sizes: Sizes, seed: int) -> None:
        super().__init__(seed, "/vit")
        self.sizes = sizes

    def embeddings(self) -> str:
        s = self.sizes
        weight, bias = self.drawn(s.width, 3, s.patch, s.patch, scale=0.1), self.drawn(s.width, scale=0.1)
        patches = self.op("Conv", "pixel_values", weight, bias, strides=[s.patch] * 2, kernel_shape=[s.patch] * 2)
        patches = self.op("Reshape", patches, self.shape(s.batch, s.width, s.patches))
        patches = self.op("Transpose", patches, perm=[0, 2, 1])
        token = self.op("Expand", self.drawn(1, 1, s.width, scale=1), self.shape(s.batch, 1, s.width))
        joined = self.op("Concat", token, patches, axis=1)
        return self.op("Add", joined, self.drawn(1, s.patches + 1, s.width, scale=0.5))

    def layer(self, x: str) -> str:
        s = self.sizes
        normed = self.layer_norm(x, s.width)
        queries, keys, values = (self.heads_apart(self.linear(normed, s.width, s.width)) for _ in range(3))
        context = self.op("Transpose", self.attention(queries, keys, values), perm=[0, 2, 1, 3])
        context = self.op("Reshape", context, self.shape(s.batch, s.patches + 1, -1))
        x = self.op("Add", self.linear(context, s.width, s.width), x)
        inner = self.linear(self.layer_norm(x, s.width), s.width, 4 * s.width)
        erf = self.op("Erf", self.op("Div", inner, self.constant(2**0.5)))
        half = self.op("Mul", inner, self.op("Add", erf, self.constant(1.0)))
        return self.op("Add", self.linear(self.op("Mul", half, self.constant(0.5)), 4 * s.width, s.width), x)

    def heads_apart(self, x: str) -> str:
        shape = self.shape(self.sizes.batch, self.sizes.patches + 1, -1, self.sizes.head_dim)
        return self.op("Transpose", self.op("Reshape", x, shape), perm=[0, 2, 1, 3])

    def attention(self, queries: str, keys: str, values: str) -> str:
        """With the mask of ones that the exporter leaves."""
        s, root = self.sizes, self.constant(self.sizes.head_dim**-0.25)
        length = s.patches + 1
        flat = self.op("Reshape", keys, self.shape(-1, length, s.head_dim))
        flat = self.op("Transpose", flat, perm=[0, 2, 1])
        keys = self.op("Reshape", flat, self.shape(s.batch, s.heads, s.head_dim, length))
        scores = self.op("MatMul", self.op("Mul", queries, root), self.op("Mul", keys, root))
        every = self.constant(np.ones((1, 1, length, length)), np.bool_)
        mask = self.op("Where", every, self.constant(0.0), self.constant(LOWEST))
        weights = self.op("Softmax", self.op("Add", scores, mask), axis=-1)
        guarded = self.op("Where", self.op("IsNaN", weights), self.constant(0.0), weights)
        return self.op("MatMul", guarded, values)

    def classified(self, x: str) -> onnx.ModelProto:
        s = self.sizes
        self.scope = "/classifier"
        first = self.op("Gather", self.layer_norm(x, s.width), self.constant(0, np.int64), axis=1)
        logits = self.linear(first, s.width, s.classes)
        return self.model("vit", images(s), {"logits": (logits, (s.batch, s.classes))})
