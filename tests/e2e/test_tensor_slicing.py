"""Networks over several devices that share the work on each tensor: at every level what the whole network gives.

Where networks are small, a card with slow memory makes that worthwhile.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.ir import Operation

from aic.importer import import_model
from aic.interpreter.graph import GraphRunner
from aic.phases import phases_between, run_phases
from dialects.aic import TargetAttr
from dialects.element_types import tensor_bytes
from dialects.graph.base import GraphOp, tensor_type
from dialects.graph.channels import SendOp
from dialects.graph.constant import ConstantOp
from dialects.module import DEVICE, main_of, programs_of, set_target
from dialects.weights import drop_store, store_of
from passes.partitioning.split import Part, split_program
from passes.slice_tensors import SLICES, Slicing
from tests.e2e.parts import outputs_of_parts
from tests.models import bert, decoders, reference
from tests.models.cache import kept
from tests.models.digits import DATA, DIGITS_DYN, digits_test
from tests.models.quantized import RECIPES, quantized

Arrays = Mapping[str, npt.NDArray[Any]]
Network = tuple[onnx.ModelProto, Arrays]

SLOW_MEMORY = {"ddr_bytes_per_second": 1e9, "pcie_latency_seconds": 0.0}
FOLDER = TemporaryDirectory(prefix="aic-slices-")

NETWORKS = {
    "bert": lambda: (bert.bert("older", layers=1), bert.tokens()),
    "llama": lambda: (decoders.llama("dynamo", decoders.Sizes(layers=1)), decoders.tokens()),
    "gpt2": lambda: (decoders.gpt2("older", decoders.Sizes(layers=1, kv_heads=6)), decoders.tokens()),
}


@cache
def network(name: str) -> tuple[Path, Arrays, str, npt.NDArray[Any], float]:
    """A model, its inputs, its output's name, what onnxruntime gives, and the error that fp16 may have."""
    model, inputs = NETWORKS[name]()
    path, output = kept(model, f"sliced_{name}"), model.graph.output[0].name
    return path, inputs, output, reference.run(path, inputs)[output], reference.fp16_bound(path, inputs, output)


def imported(path: Path, cores: int, overrides: Mapping[str, float] = {}, **symbols: int) -> ModuleOp:
    module = import_model(path, symbols=symbols)
    set_target(module, TargetAttr.of("pro", dict(overrides)), cores)
    return module


def slice_over(module: ModuleOp, devices: int, cores: tuple[int, ...] = ()) -> None:
    module.attributes[SLICES] = Slicing(range(devices), cores).as_attribute()
    run_phases(module, phases_between("partition", "partition"))


def weights_of(module: ModuleOp) -> int:
    """Bytes of a program's constants."""
    return sum(tensor_bytes(op.value.type) for op in module.walk() if isinstance(op, ConstantOp))


@pytest.mark.parametrize(
    ("name", "devices", "cores", "overrides"),
    [
        ("bert", 2, (4, 4), {}),
        ("bert", 4, (1, 2, 3, 4), {}),
        ("llama", 2, (7, 7), SLOW_MEMORY),
        ("llama", 4, (2, 2, 2, 2), SLOW_MEMORY),
        ("gpt2", 2, (1, 1), SLOW_MEMORY),
        ("gpt2", 3, (16, 16, 16), SLOW_MEMORY),
    ],
)
def test_transformer(name: str, devices: int, cores: tuple[int, ...], overrides: Mapping[str, float]) -> None:
    path, inputs, output, expected, bound = network(name)
    module = imported(path, 4, overrides)
    run_phases(module, phases_between("graph", "graph"), fp16=True)
    whole = weights_of(module)
    slice_over(module, devices, cores)
    parts = list(programs_of(module))
    assert len(parts) == devices
    assert max(map(weights_of, parts)) < 0.75 * whole
    levels = outputs_of_parts(module, inputs, fp16=True)
    for outputs in levels.values():
        assert reference.relative_error(outputs[output], expected) <= bound
    np.testing.assert_array_equal(levels["tile"][output], levels["schedule"][output])
    drop_store(store_of(module).folder)


@cache
def integers() -> Path:
    with np.load(DATA / "digits_calib.npz") as data:
        samples = [{"x": images} for images in np.split(data["x"], 8)]
    return quantized(DIGITS_DYN, samples, RECIPES[0], Path(FOLDER.name) / "digits.onnx")


@pytest.mark.parametrize(("devices", "cores", "batch"), [(2, 1, 1), (2, 16, 5), (4, 3, 1), (4, 4, 8)])
def test_integers_are_the_same(devices: int, cores: int, batch: int) -> None:
    images = digits_test()[0][:batch]
    module = imported(integers(), cores, SLOW_MEMORY, batch=batch)
    run_phases(module, phases_between("graph", "quantize"))
    (expected,) = GraphRunner(module).run({"x": images}).values()
    slice_over(module, devices)
    assert any(isinstance(op, SendOp) for op in module.walk())
    for outputs in outputs_of_parts(module, {"x": images}).values():
        (result,) = outputs.values()
        np.testing.assert_array_equal(result, expected)
    drop_store(store_of(module).folder)


def test_slices_within_a_pipeline() -> None:
    """Three parts that follow each other, the first and the second of which are sliced: what passes between them goes
    from first device to first device.
    """
    path, inputs, output, expected, bound = network("bert")
    module = imported(path, 4)
    run_phases(module, phases_between("graph", "graph"), fp16=True)
    ops: list[Operation] = [op for op in main_of(module).body.block.ops if isinstance(op, GraphOp)]
    third = len(ops) // 3
    of = {op: min(n // third, 2) for n, op in enumerate(ops)}
    parts = [Part("a", {SLICES: Slicing([0, 1]).as_attribute()}), Part("b", {SLICES: Slicing([2, 3]).as_attribute()})]
    split_program(module, [*parts, Part("c", {DEVICE: IntegerAttr(4, i64)})], of, lambda here, there: "p2p")
    run_phases(module, phases_between("partition", "partition"))
    names = [part.sym_name.data for part in programs_of(module) if part.sym_name is not None]
    assert names == ["a_slice00", "a_slice01", "b_slice00", "b_slice01", "c"]
    peers = {op.channel.peer.data for op in module.walk() if isinstance(op, SendOp)}
    assert peers <= set(names)
    for outputs in outputs_of_parts(module, inputs, fp16=True).values():
        assert reference.relative_error(outputs[output], expected) <= bound
    drop_store(store_of(module).folder)


@pytest.mark.parametrize(("devices", "exchanges"), [(2, 3), (4, 4)])
def test_a_layer_of_real_width(devices: int, exchanges: int) -> None:
    """With the numbers of the card: weights of a layer are halved and more, with few exchanges of little. No byte of
    them is copied.
    """
    layers = 3
    path = kept(bert.bert("older", layers=layers), "sliced_layers")
    module = imported(path, 14)
    run_phases(module, phases_between("graph", "graph"), fp16=True)
    held = set(store_of(module).arrays)
    slice_over(module, devices)
    assert set(store_of(module).arrays) == held
    first, *_ = programs_of(module)
    sent = [op for op in main_of(first).body.block.ops if isinstance(op, SendOp)]
    assert len(sent) / (devices - 1) <= exchanges * layers
    assert sum(tensor_bytes(tensor_type(op.input)) for op in sent) <= layers * 4 * 128 * 768 * 2
    drop_store(store_of(module).folder)
