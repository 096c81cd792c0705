"""Which nodes of a model are of which operator, without importing it."""

import os
from collections.abc import Mapping
from pathlib import Path

from aic.importer.model_file import read_model


def tensors_by_kind(path: str | os.PathLike[str]) -> Mapping[str, list[str]]:
    """The first outputs of all nodes of each operator of a model. Raises ImportFailure for a file that is none."""
    found: dict[str, list[str]] = {}
    for node in read_model(Path(path)).graph.node:
        found.setdefault(node.op_type, []).append(next(iter(node.output), ""))
    return found
