"""`-output-node-name`: tensors inside a network, at every level, against onnxruntime."""

from pathlib import Path

import onnx
import pytest

from aic.compiler import lower
from aic.options import options_from_keywords
from tests.e2e.levels import outputs_of_levels
from tests.models import digits, reference

ASKED = ("/1/BatchNormalization", "/3/Add_output_0", "/7/Relu:0", "/11/Gemm_output_0")
"""What the next Relu otherwise goes into, a residual sum, the result of a Relu, rows of a product."""
TENSORS = ("/1/BatchNormalization_output_0", "/3/Add_output_0", "/7/Relu_output_0", "/11/Gemm_output_0")


@pytest.mark.parametrize("fp16", [False, True], ids=["fp32", "fp16"])
@pytest.mark.parametrize("cores", [1, 3])
def test_every_level_gives_them(cores: int, fp16: bool, tmp_path: Path) -> None:
    model = onnx.load(digits.DIGITS_BN)
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in TENSORS)
    images = {"x": digits.digits_test()[0][:1]}
    expected = reference.run(model, images)
    options = options_from_keywords(model=digits.DIGITS_BN, output_node_name=ASKED, aic_num_cores=cores)
    levels = outputs_of_levels(lower(options, "import"), images, fp16=fp16, folder=tmp_path)
    assert len(levels) == 5
    for level, outputs in levels.items():
        assert list(outputs) == ["logits", *TENSORS], level
        for name, wanted in expected.items():
            bound = reference.fp16_bound(model, images, name) if fp16 else reference.FP32_BOUND
            assert reference.relative_error(outputs[name], wanted) <= bound, (level, name)


def test_a_layer_whose_result_is_asked_for_is_not_fused() -> None:
    def separate_activations(*asked: str) -> int:
        options = options_from_keywords(model=digits.DIGITS_BN, output_node_name=asked)
        return sum(op.name == "graph.relu" for op in lower(options, "graph").walk())

    assert separate_activations("/11/Gemm") == separate_activations() + 1
