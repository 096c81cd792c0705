"""Networks at the levels below the graph."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from xdsl.dialects.builtin import ModuleOp

from aic.importer import import_model, import_proto
from aic.interpreter.graph import run_graph
from aic.phases import phases_between, run_phases
from dialects.aic import TargetAttr
from dialects.module import set_target
from tests.models.digits import DIGITS_BN, digits_test
from tests.models.light import drawn_path, image

Arrays = Mapping[str, npt.NDArray[Any]]


def lowered(
    source: Path | onnx.ModelProto, cores: int, stop: str = "schedule", *, fp16: bool = True, batch: int | None = None
) -> ModuleOp:
    """A model after the phase `stop`, for the SKU pro."""
    if isinstance(source, Path):
        module = import_model(source, batch_size=batch)
    else:
        module = import_proto(source, batch_size=batch)
    set_target(module, TargetAttr.of("pro"), cores)
    return run_phases(module, phases_between("graph", stop), fp16=fp16)


@dataclass(frozen=True)
class Network:
    """A model file and inputs for it."""

    path: Path
    inputs: Arrays

    def expected(self, *, fp16: bool) -> Arrays:
        """What the graph level yields."""
        return run_graph(lowered(self.path, 1, "graph", fp16=fp16), self.inputs)


def digits() -> Network:
    """The trained network of handwritten digits."""
    return Network(DIGITS_BN, {"x": digits_test()[0][:1]})


def light(name: str) -> Network:
    """A light model with drawn weights."""
    path = drawn_path(name)
    graph = onnx.load(path).graph
    constants = {tensor.name for tensor in graph.initializer}
    (given,) = [value.name for value in graph.input if value.name not in constants]
    return Network(path, {given: image(0)})


def same_bits(a: Arrays, b: Arrays) -> bool:
    """True when the outputs are equal in name, type and every bit."""
    return {n: (x.dtype, x.tobytes()) for n, x in a.items()} == {n: (x.dtype, x.tobytes()) for n, x in b.items()}


def largest_error(actual: Arrays, expected: Arrays) -> float:
    """Largest relative error (norm of the difference over the norm) of the outputs."""
    return max(
        float(np.linalg.norm(actual[n].astype(np.float64) - x) / np.linalg.norm(x.astype(np.float64)))
        for n, x in expected.items()
    )
