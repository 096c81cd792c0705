"""Symbols and the batch size."""

import numpy as np
import onnx
import pytest

from aic.importer import ImportFailure, import_proto
from aic.interpreter.graph import input_ports, run_graph
from dialects.module import main_of
from tests.importer.models import model, tensor


def relu(*shape: int | str | None) -> onnx.ModelProto:
    return model([onnx.helper.make_node("Relu", ["x"], ["y"])], [tensor("x", shape)], ["y"])


def bound(proto: onnx.ModelProto, symbols: dict[str, int] | None = None, batch: int | None = None) -> tuple[int, ...]:
    module = import_proto(proto, symbols=symbols, batch_size=batch)
    return input_ports(main_of(module))[0].type.get_shape()


def test_symbols_and_batch_size() -> None:
    assert bound(relu("batch", "length"), {"batch": 2, "length": 5}) == (2, 5)
    assert bound(relu("batch", "length"), {"length": 5}, batch=3) == (3, 5)
    assert bound(relu(None, 4), batch=3) == (3, 4)
    assert bound(relu("n", "n"), batch=3) == (3, 3)
    assert bound(relu(3, 4), batch=3) == (3, 4)
    assert bound(relu(2, 4), batch=8) == (8, 4)


@pytest.mark.parametrize("wanted", [(2, 12), (2, -1), (0, -1), (4, 6), (-1, 12), (2, 3, -1)])
def test_another_batch_size_reaches_reshapes(wanted: tuple[int, ...]) -> None:
    """Samples stay apart: the model for five samples gives what the model for two gives, sample by sample."""
    node = onnx.helper.make_node("Reshape", ["x", "shape"], ["y"])
    proto = model([node], [tensor("x", (2, 3, 4))], ["y"], {"shape": np.array(wanted)})
    x = np.arange(5 * 12, dtype=np.float32).reshape(5, 3, 4)
    whole = run_graph(import_proto(proto, batch_size=5), {"x": x})["y"]
    pair = run_graph(import_proto(proto), {"x": x[:2]})["y"]
    assert whole.shape == (pair.shape[0] // 2 * 5, *pair.shape[1:])
    np.testing.assert_array_equal(whole[: len(pair)], pair)


def test_inputs_of_no_one_batch_size() -> None:
    node = onnx.helper.make_node("MatMul", ["a", "b"], ["y"])
    proto = model([node], [tensor("a", (2, 3)), tensor("b", (3, 2))], ["y"])
    with pytest.raises(ImportFailure, match=r"batch size 8.*no one batch size: 'a' 2, 'b' 3"):
        import_proto(proto, batch_size=8)


@pytest.mark.parametrize(
    ("shape", "symbols", "batch", "message"),
    [
        (("batch", "length"), {}, None, "'batch' of input 'x', dimension 0.*'length' of input 'x', dimension 1"),
        (("batch", 4), {"bach": 2}, None, "no symbol 'bach'; did you mean 'batch'"),
        ((2, 4), {"batch": 2}, None, "no symbol 'batch'; there is none"),
        (("batch", 4), {"batch": 0}, None, "symbol 'batch' is 0; sizes are positive"),
        (("batch", 4), {}, 0, "batch size is 0"),
        (("batch", 4), {"batch": 2}, 8, "symbol 'batch' is 2, but the batch size is 8"),
        ((2, None), {}, None, "unknown size in input 'x', dimension 1, has no value"),
    ],
)
def test_what_cannot_be_bound(
    shape: tuple[int | str | None, ...], symbols: dict[str, int], batch: int | None, message: str
) -> None:
    with pytest.raises(ImportFailure, match=message):
        import_proto(relu(*shape), symbols=symbols, batch_size=batch)
