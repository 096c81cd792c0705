"""Quantized networks: right compilations pass, and what a pass does wrong with integers is found and named."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from xdsl.dialects.builtin import FloatAttr, IntegerAttr, ModuleOp, f64, i64
from xdsl.ir import Operation

import aic
import passes.quantization.rules.contraction as rules
import passes.quantization.rules.unary as unary_rules
from aic.compiler import lower
from aic.importer import import_model
from aic.options import options_from_keywords
from aic.tensors import TensorInfo
from aic.validation import Drift, PassValidator
from aic.validation.inputs import drawn_inputs, input_ranges
from aic.validation.observer import EMISSION
from dialects.errors import AicError
from dialects.graph.constant import ConstantOp
from dialects.quantized.conversion import QuantizeOp
from dialects.quantized.kernels.weights import BIAS, MULTIPLIER, SHIFT, WEIGHT_OFFSET
from dialects.tile.reshard import ReshardOp
from dialects.weights import store_of
from passes.rewriting.precision import Precision
from tests.e2e.test_quantized_models import QDQ, small
from tests.models import cache as files
from tests.models.digits import DIGITS_BN, DIGITS_DYN, digits_test
from tests.models.encoder import ENCODER, encoder_calibration
from tests.models.quantized import IMAGE, image_net, token_net
from tests.models.symbolic import Sizes, decoder, prompt
from tests.validation import wrong_passes as wrong
from tests.validation.wrong_passes import plant
from tools import aic_exec

IMAGES = [{"x": image[None]} for image in digits_test()[0][:4]]
DIGITS: Mapping[str, Any] = {"model": DIGITS_BN, "convert_to_quantize": True, "calibration_inputs": IMAGES}


def verdicts(**keywords: Any) -> dict[str, Any]:
    """What is found of each pass, the last time that it runs."""
    first = next(iter(keywords["calibration_inputs"])) if "calibration_inputs" in keywords else None
    validator = PassValidator(None if first is None else lambda _: first)
    aic.compile(**keywords, observer=validator)
    return {verdict.name: verdict for verdict in validator.verdicts}


@pytest.mark.parametrize(
    "settings",
    [
        {"enable_channelwise": True, "enable_rowwise": True},
        {"quantization_precision": "Int16"},
        {"quantization_precision_bias": "Int8", "quantization_schema_activations": "asymmetric"},
        {"quantization_calibration": "Percentile", "percentile_calibration_value": 98.0},
        {"quantization_schema_constants": "symmetric_with_power2_scale"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_no_pass_drifts(settings: Mapping[str, Any]) -> None:
    """Roundings make use of half a step, and integers are the same bits from level to level."""
    found = verdicts(**DIGITS, aic_num_cores=3, **settings)
    assert 0.9 < found["quantize-operations"].difference.used < 0.95
    assert found["quantize-operations"].difference.error > 1e-5
    for name in ("lower-uniform-types", "shard-tensors", "tile-operations", "insert-waits", EMISSION):
        assert found[name].precision is Precision.EXACT, name
        assert found[name].difference.used == 0, name


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    "lists",
    [
        {"keep_original_precision_for_nodes": ["Erf", "MatMul"], "execute_nodes_in_fp16": ["Add"]},
        {"execute_nodes_in_fp16": ["Softmax", "Erf", "LayerNormalization"]},
        {"keep_original_precision_for_nodes": ["Softmax"], "convert_to_fp16": True},
    ],
    ids=["original and fp16", "fp16", "all else in fp16"],
)
def test_networks_of_mixed_precision_do_not_drift(bits: int, lists: Mapping[str, Any]) -> None:
    tokens = [{name: values[:4] for name, values in encoder_calibration().items()}]
    found = verdicts(
        model=ENCODER,
        onnx_define_symbol={"batch": 4},
        convert_to_quantize=True,
        calibration_inputs=tokens,
        quantization_precision=f"Int{bits}",
        aic_num_cores=2,
        **lists,
    )
    assert 0.9 < found["quantize-operations"].difference.used < 0.95
    assert 0.1 < found["convert-to-fp16"].difference.used <= 1
    assert found["shard-tensors"].difference.used < 1


@pytest.mark.parametrize("name", ["image", "tokens"])
@pytest.mark.parametrize("arrived", [True, False], ids=["qdq", "float"])
def test_operations_of_all_kinds_do_not_drift(name: str, arrived: bool) -> None:
    model, inputs = small(name, QDQ)
    if arrived:
        found = verdicts(model=model)
    else:
        plain = files.kept({"image": image_net, "tokens": token_net}[name](), f"float-{name}")
        found = verdicts(model=plain, convert_to_quantize=True, calibration_inputs=[inputs])
    assert 0.9 < found["quantize-operations"].difference.used < 0.95


# ----------------------------------------------------------------------------------------------------------- mistakes

Table = np.ndarray[Any, np.dtype[np.int32]]


def column_changed(row: int, change: Callable[[Table], Any]) -> Callable[[pytest.MonkeyPatch], None]:
    """One column of the table of every contraction, another."""

    def planted(patch: pytest.MonkeyPatch) -> None:
        right = rules.make_table

        def make_table(*arguments: Any) -> Table:
            table = right(*arguments)
            table[row, 1] = change(table[row, 1])
            return table

        patch.setattr(rules, "make_table", make_table)

    return planted


def results_of_neighbours(patch: pytest.MonkeyPatch) -> None:
    """Tables whose entries are one place off."""
    right = unary_rules.results
    patch.setattr(unary_rules, "results", lambda *arguments: np.roll(right(*arguments), 3))


def limits_left_out(patch: pytest.MonkeyPatch) -> None:
    """Contractions forget their activations."""
    patch.setattr(rules, "limits_between", lambda low, high, wanted: (-128, 127))


def weights_truncated(patch: pytest.MonkeyPatch) -> None:
    """Integers of weights are rounded down."""
    patch.setattr(rules, "quantized", lambda x, scale, offset, bits: np.floor(x / scale + offset).astype(np.int8))


@pytest.mark.parametrize(
    "planted",
    [
        column_changed(MULTIPLIER, lambda m: m ^ (1 << 24)),
        column_changed(SHIFT, lambda s: s + 1),
        column_changed(WEIGHT_OFFSET, lambda z: z + 1),
        column_changed(BIAS, lambda b: -b - 1000),
        weights_truncated,
    ],
    ids=["a bit of a multiplier", "a shift", "a zero point", "a bias", "weights"],
)
def test_wrong_integers_of_a_contraction_are_found(
    planted: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    planted(monkeypatch)
    with pytest.raises(Drift, match=r"half a step between integers, operation by operation") as caught:
        aic.compile(**DIGITS, validate_passes=True)
    assert "phase quantize, pass quantize-operations: " in str(caught.value)
    assert "first: quantized.conv of node '/0/Conv', which makes '/2/Relu_output_0': off by " in str(caught.value)


@pytest.mark.parametrize(
    ("planted", "first"),
    [(results_of_neighbours, "quantized.look_up of node 'n2'"), (limits_left_out, "quantized.conv of node 'n11'")],
    ids=["a table", "limits"],
)
def test_a_mistake_with_other_operations_is_found(
    planted: Callable[[pytest.MonkeyPatch], None], first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = np.random.default_rng(0)
    options: Mapping[str, Any] = {
        "convert_to_quantize": True,
        "calibration_inputs": [{"x": draw.standard_normal(IMAGE).astype(np.float32)}],
        "quantization_schema_activations": "symmetric",
    }
    planted(monkeypatch)
    with pytest.raises(Drift, match="quantize-operations") as caught:
        aic.compile(files.kept(image_net(), "float-image"), validate_passes=True, **options)
    assert f"first: {first}" in str(caught.value)


def flip_a_bit(module: ModuleOp) -> None:
    """Of a multiplier of the third convolution."""
    table = _convolution(module, 2).operands[2].owner
    if isinstance(table, ReshardOp):
        table = table.input.owner
    assert isinstance(table, ConstantOp)
    store = store_of(module)
    values = np.array(store.held(table.value))
    values[MULTIPLIER, 0] ^= 1 << 25
    table.value = store.constant(values, table.value.type)


def move_zero(module: ModuleOp) -> None:
    """The third convolution reads integers with another zero point."""
    op = _convolution(module, 2)
    op.properties["input_offset"] = IntegerAttr(op.properties["input_offset"].value.data + 1, i64)


def move_input(module: ModuleOp) -> None:
    """The input is quantized with another zero point."""
    op = wrong.first(module, QuantizeOp)
    op.properties["offset"] = IntegerAttr(op.properties["offset"].value.data + 1, i64)


def _convolution(module: ModuleOp, number: int) -> Operation:
    return [op for op in module.walk() if op.name == "quantized.conv"][number]


@pytest.mark.parametrize(
    ("phase", "change", "node"),
    [
        ("quantize", flip_a_bit, "quantized.conv of node '/5/Conv'"),
        ("quantize", move_zero, "quantized.conv of node '/5/Conv'"),
        ("quantize", move_input, "quantized.quantize of node 'x'"),
        ("shard", flip_a_bit, "tile.reshard of node '/5/Conv'"),
        ("shard", move_zero, "quantized.conv of node '/5/Conv'"),
    ],
)
@pytest.mark.parametrize("promise", [Precision.EXACT, Precision.ROUNDING])
def test_integers_are_held_to_the_bit(
    phase: str, change: Callable[[ModuleOp], None], node: str, promise: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, phase, change, PRECISION=promise)
    with pytest.raises(Drift, match=r"\(equal bits\)") as caught:
        aic.compile(**DIGITS, validate_passes=True)
    assert f"phase {phase}, pass plant-mistake: " in str(caught.value)
    assert f"first: {node}" in str(caught.value)


def test_numbers_between_integers_are_held_to_fp16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores of an attention on another scale, in a network whose products are integers."""

    def rescale(module: ModuleOp) -> None:
        op = next(op for op in module.walk() if op.name == "graph.attention")
        op.properties["scale"] = FloatAttr(op.properties["scale"].value.data * 1.01, f64)

    plant(monkeypatch, "quantize", rescale, PRECISION=Precision.FP16)
    draw = np.random.default_rng(0)
    inputs = [{"x": draw.standard_normal((2, 12, 64)).astype(np.float32)}]
    with pytest.raises(Drift, match=r"roundings to fp16\)\n  first: graph.attention of node 'n"):
        aic.compile(
            files.kept(token_net(), "float-tokens"),
            convert_to_quantize=True,
            calibration_inputs=inputs,
            validate_passes=True,
        )


# ------------------------------------------------------------------------------------------------------------- inputs


def test_drawn_inputs_lie_in_the_range_of_the_profile(tmp_path: Path) -> None:
    shifted = [7 + 3 * image["x"] for image in IMAGES]
    for number, image in enumerate(shifted):
        image.tofile(tmp_path / f"{number}.raw")
    (tmp_path / "list.txt").write_text("".join(f"{tmp_path}/{number}.raw\n" for number in range(len(IMAGES))))
    profile = tmp_path / "profile.yaml"
    model = [f"-m={DIGITS_BN}", "-validate-passes"]
    assert aic_exec.main([*model, f"-input-list-file={tmp_path}/list.txt", f"-dump-profile={profile}"]) == 0
    options = options_from_keywords(model=DIGITS_BN, load_profile=profile)
    low, high = input_ranges(lower(options, "import"))["x"]
    assert (low, high) == (np.min(shifted), np.max(shifted))
    tensors = [TensorInfo("x", np.dtype(np.float32), (64, 64))]
    for distribution in ("uniform", "gaussian"):
        drawn = drawn_inputs(tensors, {}, distribution, {"x": (low, high)})["x"]
        assert low <= drawn.min() < low + (high - low) / 10
        assert high - (high - low) / 10 < drawn.max() <= high
    assert aic_exec.main([*model, f"-load-profile={profile}", "-run-on-interpreter"]) == 0


def test_drawn_inputs_lie_where_integers_of_the_model_reach() -> None:
    model, inputs = small("image", QDQ)
    low, high = input_ranges(import_model(model))["x"]
    assert (low, high) == (pytest.approx(inputs["x"].min(), abs=1.5), pytest.approx(inputs["x"].max(), abs=1.5))


def test_calibration_inputs_are_what_is_run() -> None:
    with pytest.raises(AicError, match=r"calibration_inputs are empty"):
        aic.compile(DIGITS_BN, validate_passes=True, calibration_inputs=[])
    with pytest.raises(AicError, match=r"missing inputs: 'x'"):
        aic.compile(DIGITS_BN, validate_passes=True, calibration_inputs=[{"y": IMAGES[0]["x"]}])
    with pytest.raises(AicError, match=r"calibration_inputs are for convert_to_quantize, or for validate_passes"):
        aic.compile(DIGITS_BN, calibration_inputs=IMAGES)
    generated = (image for image in IMAGES)
    aic.compile(DIGITS_BN, convert_to_quantize=True, validate_passes=True, calibration_inputs=generated)


def test_each_of_several_shapes_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shapes.json").write_text(json.dumps({"specializations": [{"batch": "1"}, {"batch": "3"}]}))
    images = digits_test()[0].astype(np.float32)
    keywords: dict[str, Any] = {
        "network_specialization_config": tmp_path / "shapes.json",
        "convert_to_quantize": True,
        "calibration_inputs": [{"x": images[:1]}, {"x": images[1:4]}],
    }
    validator = PassValidator()
    aic.compile(DIGITS_DYN, observer=validator, **keywords)
    found = [verdict for verdict in validator.verdicts if verdict.name == "quantize-operations"]
    assert [verdict.changed for verdict in found] == [True, True]
    assert all(0.5 < verdict.difference.used < 1 for verdict in found)
    weights_truncated(monkeypatch)
    with pytest.raises(Drift, match=r"in spec0 \(batch=1\): phase quantize, pass quantize-operations: ") as caught:
        aic.compile(DIGITS_DYN, validate_passes=True, **keywords)
    assert "first: quantized.conv of node '/0/Conv'" in str(caught.value)


@pytest.mark.parametrize("bits", ["Int8", "Int16"])
def test_masks_of_the_lowest_fp32_are_clamped_and_no_drift(bits: str, tmp_path: Path) -> None:
    """They are selected by what is computed, so that they are no constants of a sum."""
    sizes = Sizes()
    path = tmp_path / "decoder.onnx"
    onnx.save(decoder("llama", sizes), path)
    cache = np.zeros((1, sizes.kv_heads, sizes.context, sizes.head_dim), np.float32)
    state = {f"past_{kind}.{layer}": cache for kind in ("key", "value") for layer in range(sizes.layers)}
    aic.compile(
        path,
        onnx_define_symbol={"sequence": 8},
        convert_to_quantize=True,
        calibration_inputs=[{**prompt(sizes, 8, 8), **state}],
        quantization_precision=bits,
        validate_passes=True,
    )
