"""Models that onnxruntime's tools have quantized: our integers are those of its kernels, and the card's are ours."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import pytest
from onnx import helper
from xdsl.dialects.builtin import ModuleOp

import aic
from aic.importer import import_model
from aic.interpreter.graph import GraphRunner
from aic.interpreter.sharded import run_sharded
from aic.nsp.values import load_program
from aic.phases import phases_between, run_phases
from dialects.aic import TargetAttr
from dialects.module import set_target
from dialects.weights import drop_store, store_of
from tests.models import cache as files
from tests.models import reference
from tests.models.digits import DATA, DIGITS_DYN, digits_test
from tests.models.quantized import (
    IMAGE,
    RECIPES,
    TOKENS,
    Inputs,
    Recipe,
    gaps,
    image_net,
    own_integers,
    quantized,
    run_with_integers,
    token_net,
)

QDQ, QDQ_SYMMETRIC, OPERATORS_SYMMETRIC, OPERATORS = RECIPES
FOLDER = TemporaryDirectory(prefix="aic-quantized-")
by_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)


@cache
def digits(recipe: Recipe) -> Path:
    with np.load(DATA / "digits_calib.npz") as data:
        samples = [{"x": images} for images in np.split(data["x"], 8)]
    return quantized(DIGITS_DYN, samples, recipe, _place(f"digits-{recipe.name}"))


@cache
def small(name: str, recipe: Recipe) -> tuple[Path, Inputs]:
    """One of the small networks with inputs."""
    model, shape = {"image": (image_net, IMAGE), "tokens": (token_net, TOKENS)}[name]
    random = np.random.default_rng(7)
    *samples, inputs = [{"x": random.standard_normal(shape).astype(np.float32)} for _ in range(5)]
    return quantized(files.kept(model(), f"float-{name}"), samples, recipe, _place(f"{name}-{recipe.name}")), inputs


def _place(name: str) -> Path:
    """A file that goes when the tests are done."""
    return Path(FOLDER.name) / f"{name}.onnx"


def lowered(model: Path, stop: str, cores: int = 1, **symbols: int) -> ModuleOp:
    module = import_model(model, symbols=symbols)
    set_target(module, TargetAttr.of("pro"), cores)
    return run_phases(module, phases_between("import", stop))


@by_recipe
def test_digits_have_the_integers_of_onnxruntime(recipe: Recipe) -> None:
    """But for 3 in 10^5, by 1, or after a sum by 2. An average whose result has the scale of its operand, as in models
    with QuantizeLinear, often ends in a half: we round it up, onnxruntime to even.
    """
    images, classes, _ = digits_test()
    module = lowered(digits(recipe), "quantize", batch=len(images))
    expected = run_with_integers(digits(recipe), {"x": images})
    found = gaps(own_integers(module, {"x": images}), expected)
    halves = () if recipe.operators else ("/9/", "/10/", "/12/")
    others = {name: gap for name, gap in found.items() if not name.startswith(halves or " ")}
    assert len(others) >= 7
    assert max(gap.share for gap in others.values()) <= 3e-5, others
    assert max(gap.steps for gap in found.values()) <= 2, found
    (logits,) = GraphRunner(module).run({"x": images}).values()
    right, right_there = (int((values.argmax(axis=1) == classes).sum()) for values in (logits, expected["logits"]))
    assert right >= right_there >= 447


@by_recipe
@pytest.mark.parametrize("name", ["image", "tokens"])
def test_small_networks_have_the_integers_of_onnxruntime(name: str, recipe: Recipe) -> None:
    """All of them, up to a softmax, which we compute in fp16."""
    model, inputs = small(name, recipe)
    found = gaps(own_integers(lowered(model, "quantize"), inputs), run_with_integers(model, inputs))
    exact = {name for name, gap in found.items() if not gap.steps}
    assert len(exact) >= 10
    if name == "image":
        assert exact == set(found)
    assert max(gap.steps for gap in found.values()) <= 5, found


@pytest.mark.parametrize(
    ("name", "recipe", "cores"),
    [
        ("digits", QDQ, 1),
        ("digits", QDQ, 3),
        ("digits", OPERATORS, 16),
        ("image", QDQ_SYMMETRIC, 1),
        ("image", OPERATORS, 3),
        ("image", QDQ, 16),
    ],
)
def test_every_level_has_the_same_integers(name: str, recipe: Recipe, cores: int, tmp_path: Path) -> None:
    model, inputs = (digits(recipe), {"x": digits_test()[0][:5]}) if name == "digits" else small(name, recipe)
    symbols = {"batch": 5} if name == "digits" else {}
    module = lowered(model, "quantize", cores, **symbols)
    (expected,) = GraphRunner(module).run(inputs).values()
    run_phases(module, phases_between("shard", "shard"))
    (sharded,) = run_sharded(module, inputs).values()
    run_phases(module, phases_between("tile", "tile"))
    (tiled,) = load_program(module).run(inputs).values()
    drop_store(store_of(module).folder)
    qpc = aic.compile(model, onnx_define_symbol=symbols, aic_num_cores=cores, aic_binary_dir=tmp_path / "qpc")
    (loaded,) = aic.Session(qpc.path).run(inputs).values()
    for result in (sharded, tiled, loaded):
        np.testing.assert_array_equal(result, expected)


@by_recipe
def test_no_more_ops_than_the_network_has(recipe: Recipe) -> None:
    """ReLUs are limits of the op before them, and nothing is brought to another scale."""
    names = [op.name for op in lowered(digits(recipe), "quantize", batch=2).walk() if op.name != "graph.constant"]
    assert [name for name in names if name.startswith(("graph", "quantized"))] == [
        "quantized.quantize", "graph.reshape", "quantized.conv", "quantized.conv", "quantized.add", "graph.max_pool",
        "quantized.conv", "quantized.conv", "quantized.add", "quantized.average_pool", "graph.transpose",
        "graph.reshape", "quantized.matmul", "quantized.matmul", "quantized.dequantize",
    ]  # fmt: skip


@pytest.mark.parametrize("recipe", [OPERATORS_SYMMETRIC, OPERATORS], ids=lambda recipe: recipe.name)
def test_inputs_and_outputs_that_are_integers(recipe: Recipe, tmp_path: Path) -> None:
    path, source, result = _without_ends(digits(recipe), tmp_path / "bare.onnx")
    images = run_with_integers(digits(recipe), {"x": digits_test()[0][:32]})["x"]
    (expected,) = reference.run(path, {source: images}).values()
    qpc = aic.compile(path, onnx_define_symbol={"batch": 32}, aic_num_cores=2)
    found = aic.Session(qpc.path).run({source: images})[result]
    assert found.dtype == expected.dtype == images.dtype
    np.testing.assert_array_equal(found, expected)


def test_text_between_phases_keeps_scales(tmp_path: Path) -> None:
    model, inputs = small("image", QDQ)
    whole = aic.compile(model, dump_dir=tmp_path)
    for number, phase in enumerate(("graph", "quantize")):
        text = tmp_path / f"{number:02d}.{('import', 'graph')[number]}.mlir"
        parts = aic.compile(text, from_phase=phase)
        assert "quantized.as" in text.read_text()
        (expected,), (found,) = (list(aic.Session(qpc.path).run(inputs).values()) for qpc in (whole, parts))
        np.testing.assert_array_equal(found, expected)


def _without_ends(model: Path, path: Path) -> tuple[Path, str, str]:
    """The model from the integers of its input to those of its output; the names of these."""
    changed = onnx.load(model)
    graph = changed.graph
    (first,) = (node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] == "x")
    (last,) = (node for node in graph.node if node.output[0] == "logits")
    (zero,) = (tensor for tensor in graph.initializer if tensor.name == first.input[2])
    source, result = first.output[0], last.input[0]
    graph.node.remove(first)
    graph.node.remove(last)
    del graph.input[:], graph.output[:]
    graph.input.append(helper.make_tensor_value_info(source, zero.data_type, ["batch", 1, 8, 8]))
    graph.output.append(helper.make_tensor_value_info(result, zero.data_type, ["batch", 10]))
    onnx.save(changed, path)
    return path, source, result
