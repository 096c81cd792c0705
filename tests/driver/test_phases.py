"""The list of phases: order, legality, what is written on the way."""

from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp, StringAttr

from aic.legality import GRAPH, SCHEDULED, SHARDED, TILED, check_level
from aic.phases import PHASE_NAMES, Observer, Phase, phases_between, run_phases
from dialects.equality import same_module
from dialects.errors import AicError
from dialects.weights import STORE_ATTRIBUTE, drop_store, locate_store, store_of
from passes.quantization.settings import Settings, set_settings
from tests.driver.programs import parsed

GRAPH_TEXT = """
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %a = graph.relu %x : (tensor<4xf32>) -> tensor<4xf32> loc("node/a")
  %b = graph.relu %x : (tensor<4xf32>) -> tensor<4xf32> loc("node/b")
  %y = graph.add %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> loc("node/y")
  func.return %y : tensor<4xf32>
}
"""


class Recorder(Observer):
    def __init__(self) -> None:
        self.events: list[str] = []

    def phase_started(self, phase: str) -> None:
        self.events.append(f"start {phase}")

    def pass_finished(self, phase: str, name: str, seconds: float) -> None:
        assert seconds >= 0
        self.events.append(f"{phase}/{name}")

    def phase_finished(self, phase: str, module: ModuleOp, seconds: float) -> None:
        self.events.append(f"end {phase}")


def test_phases_are_in_the_agreed_order() -> None:
    assert PHASE_NAMES == ("import", "graph", "quantize", "partition", "shard", "tile", "schedule", "emit")
    assert [phase.name for phase in phases_between("quantize", "shard")] == ["quantize", "partition", "shard"]


@pytest.mark.parametrize(
    ("start", "stop", "message"),
    [("graph", "import", "graph comes after import"), ("graph", "shrd", "unknown phase shrd; there are import")],
)
def test_wrong_bounds_are_refused(start: str, stop: str, message: str) -> None:
    with pytest.raises(AicError, match=message):
        phases_between(start, stop)


def test_quantize_and_partition_leave_the_module_as_it_is() -> None:
    module = parsed(GRAPH_TEXT)
    run_phases(module, phases_between("quantize", "partition"))
    assert same_module(module, parsed(GRAPH_TEXT))


def test_passes_run_in_order_and_are_timed() -> None:
    module, recorder = parsed(GRAPH_TEXT), Recorder()
    run_phases(module, [Phase("graph", "cse,dce", GRAPH), Phase("quantize", "", GRAPH)], observer=recorder)
    assert recorder.events == [
        "start graph", "graph/cse", "graph/dce", "end graph", "start quantize", "end quantize",
    ]  # fmt: skip
    assert sum(op.name == "graph.relu" for op in module.walk()) == 1


def test_fp16_has_passes_of_its_own_where_it_needs_them() -> None:
    phase = Phase("graph", "cse", GRAPH, fp16_pipeline="dce")
    assert (phase.passes(fp16=False), phase.passes(fp16=True)) == ("cse", "dce")
    assert Phase("graph", "cse", GRAPH).passes(fp16=True) == "cse"
    recorder = Recorder()
    run_phases(parsed(GRAPH_TEXT), [phase], fp16=True, observer=recorder)
    assert recorder.events[1:-1] == ["graph/dce"]


@pytest.mark.parametrize(
    ("fp16", "quantized", "listed", "ran"),
    [
        (False, False, (), "cse"),
        (False, False, ("relu",), "canonicalize"),
        (True, False, ("relu",), "dce"),
        (False, True, ("relu",), "cse"),
    ],
)
def test_nodes_that_a_module_lists_for_fp16_have_passes_of_their_own(
    fp16: bool, quantized: bool, listed: tuple[str, ...], ran: str
) -> None:
    phase = Phase("graph", "cse", GRAPH, "dce", "cse", "canonicalize")
    module, recorder = parsed(GRAPH_TEXT), Recorder()
    set_settings(module, Settings(in_float=listed))
    run_phases(module, [phase], fp16=fp16, quantized=quantized, observer=recorder)
    assert recorder.events[1:-1] == [f"graph/{ran}"]


def test_a_leftover_names_passes_operation_node_and_reason() -> None:
    with pytest.raises(AicError) as caught:
        run_phases(parsed(GRAPH_TEXT), [Phase("tile", "cse", TILED)])
    assert str(caught.value).splitlines() == [
        "phase tile (cse) left what may not stay:",
        "  graph.relu (node/a): only operations of builtin, func, tile may be here",
        "  graph.add (node/y): only operations of builtin, func, tile may be here",
    ]


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        ("graph.relu %a : (tensor<4xf32>) -> tensor<4xf32>", "tensor<4xf32> has no sharding"),
        ('tile.alloc {window = #tile.box<[1] : 0 to 4>} : memref<4xf32, "vtcm">', "only tile.reshard may be here"),
    ],
)
def test_a_sharded_module_has_shardings_and_no_buffers(operation: str, reason: str) -> None:
    module = parsed("func.func @main(%a: tensor<4xf32>) {\n  %b = " + operation + "\n  func.return\n}")
    with pytest.raises(AicError, match=reason):
        check_level(module, SHARDED, "shard")


def test_a_tiled_module_has_no_resharding() -> None:
    module = parsed("""func.func @main(%a: tensor<4xf32, #tile.sharding<ddr>>) {
      %b = tile.reshard %a : tensor<4xf32, #tile.sharding<ddr>> to tensor<4xf32, #tile.sharding<vtcm [1] : *>>
      func.return
    }""")
    check_level(module, SHARDED, "shard")
    with pytest.raises(AicError, match="must have become transfers"):
        check_level(module, TILED, "tile")


def test_a_scheduled_module_has_addresses() -> None:
    module = parsed("""func.func @main() {
      %b = tile.alloc {window = #tile.box<[1] : 0 to 4>} : memref<4xf32, "vtcm"> loc("node/b")
      func.return
    }""")
    check_level(module, TILED, "tile")
    with pytest.raises(AicError, match=r"tile.alloc \(node/b\): a buffer must have an address"):
        check_level(module, SCHEDULED, "schedule")


def test_the_error_of_a_pass_names_phase_and_pass() -> None:
    module = ModuleOp([])
    with pytest.raises(AicError, match=r"^phase shard, pass shard-tensors: .*no function @main"):
        run_phases(module, phases_between("shard", "shard"))


def test_what_is_written_continues(tmp_path: Path) -> None:
    module = parsed(GRAPH_TEXT)
    module.attributes[STORE_ATTRIBUTE] = StringAttr("elsewhere")
    key = store_of(module).add(np.arange(3, dtype=np.float32))
    run_phases(module, phases_between("quantize", "partition"), dump_dir=tmp_path / "dump")
    assert sorted(file.name for file in (tmp_path / "dump").glob("*.mlir")) == ["02.quantize.mlir", "03.partition.mlir"]

    drop_store(store_of(module).folder)
    (tmp_path / "dump").rename(tmp_path / "moved")
    written = parsed((tmp_path / "moved" / "02.quantize.mlir").read_text())
    assert written.attributes[STORE_ATTRIBUTE] == StringAttr("weights")
    locate_store(written, tmp_path / "moved")
    assert store_of(written).folder == str(tmp_path / "moved" / "weights")
    np.testing.assert_array_equal(store_of(written).stored(key), np.arange(3, dtype=np.float32))
    written.attributes[STORE_ATTRIBUTE] = module.attributes[STORE_ATTRIBUTE]
    assert same_module(written, module)
