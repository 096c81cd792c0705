"""A network that grows by transposed convolutions and joins its branches, in integers: the same at every level."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from xdsl.dialects.builtin import ModuleOp

import aic
from aic.importer import import_model
from aic.interpreter.graph import GraphRunner
from aic.interpreter.sharded import run_sharded
from aic.nsp.values import load_program
from aic.phases import phases_between, run_phases
from aic.profiling import Profiler
from dialects.aic import TargetAttr
from dialects.graph.kernels import Array
from dialects.module import set_target
from dialects.quantized import contraction
from dialects.weights import drop_store, store_of
from passes.quantization.files.profile import write_profile
from passes.quantization.settings import Settings, set_settings
from tests.models.convolutional import unet


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("unet") / "unet.onnx"
    onnx.save(unet(size=16, base=4, depth=2), path)
    return path


@pytest.fixture(scope="module")
def image() -> Array:
    return np.random.default_rng(3).standard_normal((1, 3, 16, 16)).astype(np.float32)


@pytest.fixture(scope="module")
def profile(model: Path, image: Array, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("unet") / "profile.yaml"
    module = run_phases(import_model(model), phases_between("graph", "graph"), quantized=True)
    with Profiler(module, 512) as profiler:
        profiler.add({"x": image}, "image")
        write_profile(profiler.profile("tests"), path)
    return path


def quantized(model: Path, settings: Settings, cores: int) -> ModuleOp:
    module = import_model(model)
    set_target(module, TargetAttr.of("pro"), cores)
    set_settings(module, settings)
    return run_phases(module, phases_between("graph", "quantize"), quantized=True)


@pytest.mark.parametrize(
    ("precision", "per_channel", "cores"),
    [("Int8", False, 1), ("Int8", True, 3), ("Int16", True, 1), ("Int8", True, 16)],
)
def test_every_level_has_the_same_integers(
    precision: str, per_channel: bool, cores: int, model: Path, image: Array, profile: Path, tmp_path: Path
) -> None:
    settings = Settings(load_profile=str(profile), quantization_precision=precision, enable_channelwise=per_channel)
    module = quantized(model, settings, cores)
    kinds = [type(op) for op in module.walk()]
    assert contraction.ConvTransposeOp in kinds
    (expected,) = GraphRunner(module).run({"x": image}).values()
    run_phases(module, phases_between("shard", "shard"))
    (sharded,) = run_sharded(module, {"x": image}).values()
    run_phases(module, phases_between("tile", "tile"))
    (tiled,) = load_program(module).run({"x": image}).values()
    drop_store(store_of(module).folder)
    qpc = aic.compile(
        model,
        aic_num_cores=cores,
        load_profile=profile,
        quantization_precision=precision,
        enable_channelwise=per_channel,
        aic_binary_dir=tmp_path / "qpc",
    )
    (loaded,) = aic.Session(qpc.path).run({"x": image}).values()
    for result in (sharded, tiled, loaded):
        np.testing.assert_array_equal(result, expected)
    (exact,) = GraphRunner(import_model(model)).run({"x": image}).values()
    noise = float(np.square(expected - exact).sum() / np.square(exact).sum())
    assert noise < (2e-2 if precision == "Int8" else 2e-6)
