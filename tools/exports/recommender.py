"""A recommender: wide-and-deep, its embedding tables far larger than all its other weights."""

from itertools import pairwise
from typing import Any

from tools.exports.network import SEED, Network, library

_TABLES = 8
_ROWS = 1 << 19
_WIDTH = 64
"""8 tables of 2^19 rows of 64 numbers are 1 GiB of fp32."""
_DENSE = 13
_BATCH = 16


def wide_deep() -> Network:
    """The chance of a click for 16 pairs of user and item: a linear model of crossed features (wide) beside a
    perceptron on embeddings and numbers (deep).
    """
    torch = library("torch")
    nn = torch.nn

    class WideDeep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide = nn.Embedding(_ROWS, 1)
            self.tables = nn.ModuleList(nn.Embedding(_ROWS, _WIDTH) for _ in range(_TABLES))
            sizes = (_TABLES * _WIDTH + _DENSE, 1024, 512, 256)
            layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.ReLU())]
            self.deep = nn.Sequential(*layers, nn.Linear(sizes[-1], 1))

        def forward(self, crosses: Any, categories: Any, numbers: Any) -> Any:
            wide = self.wide(crosses).sum(dim=1)
            embedded = [table(categories[:, n]) for n, table in enumerate(self.tables)]
            return torch.sigmoid(wide + self.deep(torch.cat([*embedded, numbers], dim=1)))

    torch.manual_seed(SEED)
    crosses, categories = torch.randint(0, _ROWS, (_BATCH, 4)), torch.randint(0, _ROWS, (_BATCH, _TABLES))
    return Network(
        WideDeep().eval(),
        (crosses, categories, torch.randn(_BATCH, _DENSE)),
        ("crosses", "categories", "numbers"),
        ("click",),
    )
