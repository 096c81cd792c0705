"""The options that tune the compile, from the command line to the IR, the statistics, the times and the values.

Each changes what it is documented to change, and no value beyond what the order of sums makes.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import aic
from tests.e2e.effects import Compiled, compile_and_run
from tests.models.reference import FP16_BOUND, relative_error, run
from tools import aic_exec

DRAW = np.random.default_rng(5)
IMAGE = DRAW.standard_normal((1, 64, 32, 32)).astype(np.float32)
ROW = DRAW.standard_normal((1, 2048)).astype(np.float32)
INPUTS = {"image": IMAGE, "row": ROW}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two convolutions of 64 and 128 channels, and a product whose weights take 16 MiB in fp16."""
    path = tmp_path_factory.mktemp("tuning") / "model.onnx"
    weights = {"w1": (128, 64, 3, 3), "w2": (128, 128, 3, 3), "fc": (2048, 4096)}
    tensors = [
        numpy_helper.from_array((DRAW.standard_normal(shape) / 24).astype(np.float32), name)
        for name, shape in weights.items()
    ]
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["c1"], "conv1", pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["c1"], ["s1"], "sigmoid1"),
        helper.make_node("Conv", ["s1", "w2"], ["features"], "conv2", pads=[1, 1, 1, 1]),
        helper.make_node("MatMul", ["row", "fc"], ["logits"], "product"),
    ]
    shapes = {"image": IMAGE.shape, "row": ROW.shape, "features": (1, 128, 32, 32), "logits": (1, 4096)}
    ports = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()}
    graph = helper.make_graph(
        nodes, "tuned", [ports["image"], ports["row"]], [ports["features"], ports["logits"]], tensors
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture(scope="module")
def compiled(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Compiles and runs the model with some options, once; the values are checked."""
    expected = run(model, INPUTS)
    known: dict[tuple[str, ...], Compiled] = {}

    def cached(*options: str) -> Compiled:
        if options not in known:
            known[options] = compile_and_run(model, INPUTS, options, tmp_path_factory.mktemp("run"))
            for actual, wanted in zip(known[options].outputs, expected.values(), strict=True):
                assert relative_error(actual.reshape(wanted.shape), wanted) < FP16_BOUND
        return known[options]

    return cached


def _lines(text: str, *words: str) -> str:
    """The lines that have all of some words, joined."""
    return "\n".join(line for line in text.splitlines() if all(word in line for word in words))


def test_num_cores(compiled: Any) -> None:
    one, four, eight = (compiled(f"-aic-num-cores={cores}") for cores in (1, 4, 8))
    assert "vtcm [4]" in four.ir["shard"]
    assert [run.report["cores"] for run in (one, four, eight)] == [1, 4, 8]
    assert one.report["device_us"] > four.report["device_us"] > eight.report["device_us"]


def test_num_of_instances(model: Path) -> None:
    """Instances of one program, each on cores of its own, give the same values; together they wait for DDR."""
    path = aic.compile(model, aic_num_cores=4, convert_to_fp16=True).path
    one, four = (aic.Session(path, aic_num_of_instances=instances) for instances in (1, 4))
    for name, values in one.run(INPUTS).items():
        assert np.array_equal(four.run(INPUTS)[name], values)
    alone, together = one.timing(), four.timing()
    assert (alone.instances, together.instances) == (1, 4)
    assert together.device_us > 2 * alone.device_us
    assert together.inferences_per_second > alone.inferences_per_second
    reads = [next(row for row in report.memories if row.name == "DDR read") for report in (alone, together)]
    assert reads[0].bytes == reads[1].bytes  # of one inference
    assert reads[0].utilisation < reads[1].utilisation <= 1


def test_mos(compiled: Any) -> None:
    """The more cores output channels are split over, the fewer weights each of them receives."""
    chosen, one, two, four = (compiled("-aic-num-cores=4", *o) for o in ((), ("-mos=1",), ("-mos=2",), ("-mos=4",)))
    convolution = ("graph.conv", 'loc("conv2"')
    assert ", *>> loc(" in _lines(one.ir["shard"], *convolution)
    assert "1 by 64>> loc(" in _lines(two.ir["shard"], *convolution)
    assert "0 by 32>> loc(" in _lines(four.ir["shard"], *convolution)
    received = [run.bytes("NoC received") for run in (one, two, four)]
    assert received[0] > received[1] > received[2]
    assert len({run.report["device_us"] for run in (one, two, four)}) == 3
    assert chosen.ir["shard"] != one.ir["shard"]


def test_multicast_weights(compiled: Any) -> None:
    """Left to choose, the compiler multicasts; each core by itself reads what several need as often."""
    chosen, on, off = (
        compiled("-aic-num-cores=4", "-mos=1", *o) for o in ((), ("-multicast-weights",), ("-multicast-weights=0",))
    )
    assert on.ir["tile"].replace(", multicast_weights = true", "") == chosen.ir["tile"]
    assert "tile.multicast" in _lines(on.ir["tile"], 'loc("conv2"')
    assert "tile.multicast" not in _lines(off.ir["tile"], 'loc("conv2"')
    assert off.bytes("DDR read") > 3 * on.bytes("DDR read")
    assert off.report["device_us"] > on.report["device_us"]


def test_size_split_granularity(compiled: Any) -> None:
    """What comes from DDR comes in tiles: the smaller they are, the more of them."""
    chosen, large, small = (
        compiled("-ols=1", *o) for o in ((), ("-size-split-granularity=2048",), ("-size-split-granularity=512",))
    )
    assert [run.calls("product") for run in (large, chosen, small)] == [8, 12, 32]
    assert "tile.for 32 {" in small.ir["tile"]
    assert small.calls("conv2") == chosen.calls("conv2") == 1
    assert small.report["cycles"] != chosen.report["cycles"]


def test_vtcm_working_set_limit_ratio(compiled: Any) -> None:
    """The convolution, which touches 0.9 MB of 8 MB at once, runs in parts where it may touch less."""
    whole, quarter, tenth = (
        compiled("-ols=1", *o)
        for o in ((), ("-vtcm-working-set-limit-ratio=0.25",), ("-vtcm-working-set-limit-ratio=0.08",))
    )
    assert [run.calls("conv2") for run in (whole, quarter, tenth)] == [1, 1, 2]
    assert [run.calls("product") for run in (whole, quarter, tenth)] == [12, 12, 32]
    assert "vtcm_working_set_limit_ratio = 8.000000e-02" in tenth.ir["tile"]
    assert tenth.report["cycles"] != whole.report["cycles"]


def test_allocator_dealloc_delay(compiled: Any) -> None:
    """Buffers that keep their place longer take more VTCM, and fewer instructions wait for a place."""
    none, longer = (compiled("-aic-num-cores=4", f"-allocator-dealloc-delay={delay}") for delay in (0, 10))
    waits = [run.ir["schedule"].count(" at ") for run in (none, longer)]
    addresses = [max(map(int, re.findall(r"address = (\d+)", run.ir["schedule"]))) for run in (none, longer)]
    assert waits[1] < waits[0]
    assert addresses[1] > addresses[0]
    assert longer.report["cycles"] < none.report["cycles"]
    chosen = compiled("-aic-num-cores=4")
    assert "aic.dealloc_delay = 1" in chosen.ir["schedule"]
    assert chosen.report["cycles"] < none.report["cycles"]


def test_use_producer_dma(compiled: Any) -> None:
    """What engines made is exchanged and stored from their queues, without a signal."""
    chosen, on, off = (compiled("-aic-num-cores=4", *o) for o in ((), ("-use-producer-dma",), ("-use-producer-dma=0",)))
    assert "queue = " not in off.ir["schedule"]
    assert 'queue = "hmx"' in _lines(on.ir["schedule"], "tile.exchange")
    assert 'queue = "hvx"' in _lines(on.ir["schedule"], "tile.store", 'loc("conv2"')
    waits = [run.ir["schedule"].count(" at ") for run in (on, off)]
    assert waits[0] < waits[1]
    assert on.report["cycles"] != off.report["cycles"]
    assert chosen.report["cycles"] <= max(on.report["cycles"], off.report["cycles"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-mos=0"], "-mos=0: must be at least 1"),
        (["-mos=2"], "-mos=2: output channels are split over at most all cores, of which -aic-num-cores gives 1"),
        (["-mos=1,4"], "-mos=1,4: one value per cluster needs -sdp-cluster-sizes"),
        (["-mos=some"], "-mos=some: must be an integer"),
        (["-multicast-weights=2"], "-multicast-weights=2: must be true or false (or 1 or 0), or have no value"),
        (["-size-split-granularity=511"], "-size-split-granularity=511: must be at least 512"),
        (["-size-split-granularity=2049"], "-size-split-granularity=2049: must be at most 2048"),
        (["-size-split-granularity=1e3"], "-size-split-granularity=1e3: must be an integer"),
        (["-vtcm-working-set-limit-ratio=-0.1"], "-vtcm-working-set-limit-ratio=-0.1: must be at least 0"),
        (["-vtcm-working-set-limit-ratio=1.01"], "-vtcm-working-set-limit-ratio=1.01: must be at most 1"),
        (["-vtcm-working-set-limit-ratio=half"], "-vtcm-working-set-limit-ratio=half: must be a number"),
        (["-allocator-dealloc-delay=11"], "-allocator-dealloc-delay=11: must be at most 10"),
        (["-allocator-dealloc-delay=-1"], "-allocator-dealloc-delay=-1: must be at least 0"),
        (["-ols=0"], "-ols=0: must be at least 1"),
        (["-ols=some"], "-ols=some: must be an integer"),
        (["-use-producer-dma=2"], "-use-producer-dma=2: must be true or false (or 1 or 0), or have no value"),
        (["-vtcm-working-set-limit-ratio=0.0001"], "graph.conv (conv1) does not fit into VTCM: in chunks of"),
    ],
)
def test_refused(
    model: Path, options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One message, a failure, and nothing written."""
    out = tmp_path / "out"
    assert aic_exec.main([f"-m={model}", *options, "-compile-only", f"-aic-binary-dir={out}"]) == 1
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_tuning_stays_with_the_module(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """IR text keeps its tuning; what is given later is added, as long as the phase that it changes is to come."""
    dumps, sharded = tmp_path / "ir", tmp_path / "ir" / "04.shard.mlir"
    assert aic_exec.main([f"-m={model}", "-aic-num-cores=2", "-mos=2", "-to=shard", f"-dump-dir={dumps}"]) == 0
    assert "aic.tuning = {mos = 2 : i64}" in sharded.read_text()
    again = ["-to=tile", f"-m={sharded}", "-from=tile"]
    assert aic_exec.main([*again, "-mos=2", "-size-split-granularity=512"]) == 0
    assert "aic.tuning = {mos = 2 : i64, size_split_granularity = 512 : i64}" in capsys.readouterr().out
    assert aic_exec.main([*again, "-mos=1"]) == 1
    assert "-mos changes the phase shard: it excludes -from=tile" in capsys.readouterr().err
