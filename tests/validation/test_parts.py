"""Networks in parts are validated as a whole, and a mistake in one of them is found and named."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

import aic
import aic.phases
from aic.validation import Drift, PassValidator
from dialects.errors import AicError
from dialects.graph.channels import ReceiveOp
from dialects.graph.elementwise import AddOp
from dialects.weights import drop_store
from passes import get_all_passes
from passes.rewriting.precision import Precision
from passes.slice_tensors import SliceTensorsPass
from tests.models.digits import DIGITS_BN, digits_test
from tests.partitions.networks import forget, scheduled
from tests.validation import wrong_passes as wrong
from tests.validation.networks import three_convolutions
from tests.validation.wrong_passes import plant
from tools.aic_exec import main

WAYS: dict[str, dict[str, Any]] = {
    "clusters": {"aic_num_cores": 6, "sdp_cluster_sizes": (3, 3)},
    "cards": {"aic_num_cores": 3, "mdp_auto_partition": 2},
}
CALIBRATION = [{"x": image[None].astype("f")} for image in digits_test()[0][:4]]
PRECISIONS: dict[str, dict[str, Any]] = {
    "fp32": {},
    "fp16": {"convert_to_fp16": True},
    "integers": {"convert_to_quantize": True, "calibration_inputs": CALIBRATION},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return three_convolutions(tmp_path_factory.mktemp("model"))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("way", WAYS)
def test_no_pass_drifts(way: str, precision: str) -> None:
    validator = PassValidator()
    aic.compile(DIGITS_BN, observer=validator, **WAYS[way], **PRECISIONS[precision])
    found = {verdict.name: verdict for verdict in validator.verdicts if verdict.phase not in ("graph", "quantize")}
    assert max(verdict.difference.used for verdict in found.values()) < 0.7
    divides = found["partition-clusters" if way == "clusters" else "partition-devices"]
    assert divides.changed
    assert divides.precision is Precision.EXACT
    assert found["shard-tensors"].changed
    assert [verdict.level for verdict in validator.verdicts if verdict.phase == "emit"] == ["tile"]


@pytest.mark.parametrize("kind", ["sliced", "mixed"])
def test_slices_are_held_to_roundings(kind: str) -> None:
    validator = PassValidator()
    forget(scheduled(kind, validator))
    (verdict,) = [verdict for verdict in validator.verdicts if verdict.name == "slice-tensors"]
    assert verdict.changed
    assert verdict.precision is Precision.ROUNDING
    assert 0 <= verdict.difference.used < 0.7


@pytest.mark.parametrize(
    ("phase", "change", "first"),
    [
        ("partition", wrong.perturb_constant, "graph.conv of node 'second' in {}"),
        ("partition", wrong.swap_operands, "graph.sub of node 'subtract' in {}"),
        ("tile", wrong.shift_halo, "tile.compute of node 'second' in {}"),
        ("schedule", wrong.shift_halo, "tile.compute of node 'second' in {}"),
    ],
)
@pytest.mark.parametrize("way", WAYS)
def test_a_mistake_in_a_part_is_named(
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    phase: str,
    change: Callable[[ModuleOp], None],
    first: str,
) -> None:
    plant(monkeypatch, phase, change)
    with pytest.raises(Drift) as caught:
        aic.compile(model, validate_passes=True, **WAYS[way])
    assert f"phase {phase}, pass plant-mistake: " in str(caught.value)
    assert first.format("cluster" if way == "clusters" else "Partition") in str(caught.value)


def drop_summand(module: ModuleOp) -> None:
    """A sum over devices leaves one of them out."""
    got = {op.output: op for op in module.walk() if isinstance(op, ReceiveOp)}
    total = next(op for op in module.walk() if isinstance(op, AddOp) and any(v in got for v in op.operands))
    own = next(value for value in total.operands if value not in got)
    total.output.replace_all_uses_with(own)


@pytest.mark.parametrize(("change", "node"), [(wrong.scale_columns, "/11/Gemm"), (drop_summand, "/13/Gemm")])
def test_a_wrong_slicing_is_named(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[ModuleOp], None], node: str
) -> None:
    @dataclass(frozen=True)
    class WrongSlicing(SliceTensorsPass):
        def apply(self, ctx: Context, op: ModuleOp) -> None:
            super().apply(ctx, op)
            change(op)

    passes = {**get_all_passes(), WrongSlicing.name: lambda: WrongSlicing}
    monkeypatch.setattr(aic.phases, "get_all_passes", lambda: passes)
    with pytest.raises(Drift) as caught:
        scheduled("sliced", PassValidator())
    drop_store(f"{DIGITS_BN}.weights")
    message = str(caught.value)
    assert "phase partition, pass slice-tensors: values drift beyond its precision" in message
    assert f"first: graph.matmul of node '{node}' in all/all_slice00" in message


def test_the_command_shows_what_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["-aic-num-cores=2", "-sdp-cluster-sizes=1,1", "-validate-passes", "-to=schedule"]
    assert main([f"-m={DIGITS_BN}", *arguments]) == 0
    assert "partition-clusters" in capsys.readouterr().err


def test_quantization_of_parts_cannot_be_compared() -> None:
    from passes.set_quantization import SetQuantizationPass

    module = scheduled("pipelined")
    quantizing = type("Quantizing", (SetQuantizationPass,), {"PRECISION": Precision.QUANTIZED})
    with pytest.raises(AicError, match="cannot be compared step by step"):
        PassValidator().between_passes("", None, module, quantizing())
    forget(module)
