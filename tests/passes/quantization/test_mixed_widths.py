"""Integers of 8 and of 16 bits in one network, as external files have them: who meets others gets as many bits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from xdsl.dialects.builtin import ModuleOp

import aic
from aic.compiler import lower
from aic.options import options_from_keywords
from dialects.graph.base import tensor_type
from dialects.graph.locations import tensor_name
from dialects.module import main_of
from dialects.quantized.base import QuantizedOp
from dialects.quantized.types import UniformType
from tests.models.nodes import Nodes
from tests.models.reference import run

SHAPE = [16, 24]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two products of `x`, their sum, its share of a constant, a product of values, and a last product."""
    net = Nodes(17)
    first, second = (net.constant(net.random.normal(size=(24, 24)) / 5) for _ in range(2))
    last, gain = net.constant(net.random.normal(size=(24, 8)) / 5), net.constant(net.random.uniform(1, 2, 24))
    net.nodes += [
        helper.make_node("MatMul", ["x", first], ["a"], "first"),
        helper.make_node("MatMul", ["x", second], ["b"], "second"),
        helper.make_node("Add", ["a", "b"], ["sum"], "add"),
        helper.make_node("Mul", ["sum", gain], ["share"], "gain"),
        helper.make_node("Transpose", ["b"], ["turned"], "turn", perm=[1, 0]),
        helper.make_node("MatMul", ["turned", "share"], ["product"], "values"),
        helper.make_node("MatMul", ["product", last], ["y"], "last"),
    ]
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", SHAPE), ("y", [24, 8]))]
    graph = helper.make_graph(net.nodes, "widths", ports[:1], ports[1:], net.initializers)
    path = tmp_path_factory.mktemp("widths") / "widths.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def inputs() -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    return {"x": np.random.default_rng(1).standard_normal(SHAPE).astype(np.float32)}


def scales(model: Path, bits: Mapping[str, int], path: Path) -> Path:
    """A file with the ranges of tensors in integers of so many bits. It names no weight."""
    whole = onnx.load(model)
    whole.graph.output.extend(onnx.ValueInfoProto(name=name) for name in bits if name not in ("x", "y"))
    values = {**inputs(), **run(whole, inputs())}
    steps = {name: float(np.abs(values[name]).max()) / ((1 << (width - 1)) - 1) for name, width in bits.items()}
    lines = [
        f"- {{NodeOutputName: {name}, Precision: int{bits[name]}, Scale: {step!r}, Offset: 0}}"
        for name, step in steps.items()
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def widths(module: ModuleOp) -> dict[str, tuple[int, ...]]:
    """Bits of operands and result of every operation on integers, by the tensor that it makes."""
    found: dict[str, tuple[int, ...]] = {}
    for op in main_of(module).body.block.ops:
        if isinstance(op, QuantizedOp) and op.name.endswith(("matmul", "add", "mul")):
            elements = [tensor_type(value).element_type for value in (*op.operands[:2], op.output)]
            found[tensor_name(op)] = tuple(e.bits for e in elements if isinstance(e, UniformType))
    return found


EVERYWHERE = dict.fromkeys(("x", "a", "b", "sum", "share", "product", "y"), 16)


@pytest.mark.parametrize(
    ("bits", "expected", "error"),
    [
        (EVERYWHERE, dict.fromkeys(("a", "b", "sum", "share", "product", "y"), (16, 16, 16)), 1e-3),
        (
            {**EVERYWHERE, "a": 8, "share": 8, "y": 8},
            {
                "a": (16, 16, 8),
                "b": (16, 16, 16),
                "sum": (16, 16, 16),
                "share": (16, 16, 8),
                "product": (16, 16, 16),
                "y": (16, 16, 8),
            },
            0.03,
        ),
    ],
    ids=["16 bits", "8 and 16 bits"],
)
def test_weights_that_are_not_listed_have_the_bits_of_the_data(
    model: Path, tmp_path: Path, bits: Mapping[str, int], expected: Mapping[str, tuple[int, ...]], error: float
) -> None:
    external = scales(model, bits, tmp_path / "scales.yaml")
    module = lower(options_from_keywords(model=model, external_quantization=external), "quantize")
    assert widths(module) == expected
    qpc = aic.compile(model, external_quantization=external, aic_num_cores=2, validate_passes=True)
    found, wanted = aic.Session(qpc.path).run(inputs())["y"], run(model, inputs())["y"]
    assert np.abs(found - wanted).max() < error * np.abs(wanted).max()
