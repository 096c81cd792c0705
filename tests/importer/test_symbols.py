"""Symbols and the batch size."""

import onnx
import pytest

from aic.importer import ImportFailure, import_proto
from aic.interpreter.graph import input_ports, main_function
from tests.importer.models import model, tensor


def relu(*shape: int | str | None) -> onnx.ModelProto:
    return model([onnx.helper.make_node("Relu", ["x"], ["y"])], [tensor("x", shape)], ["y"])


def bound(proto: onnx.ModelProto, symbols: dict[str, int] | None = None, batch: int | None = None) -> tuple[int, ...]:
    module = import_proto(proto, symbols=symbols, batch_size=batch)
    return input_ports(main_function(module))[0].type.get_shape()


def test_symbols_and_batch_size() -> None:
    assert bound(relu("batch", "length"), {"batch": 2, "length": 5}) == (2, 5)
    assert bound(relu("batch", "length"), {"length": 5}, batch=3) == (3, 5)
    assert bound(relu(None, 4), batch=3) == (3, 4)
    assert bound(relu("n", "n"), batch=3) == (3, 3)
    assert bound(relu(3, 4), batch=3) == (3, 4)


@pytest.mark.parametrize(
    ("shape", "symbols", "batch", "message"),
    [
        (("batch", "length"), {}, None, "'batch' of input 'x', dimension 0.*'length' of input 'x', dimension 1"),
        (("batch", 4), {"bach": 2}, None, "no symbol 'bach'; did you mean 'batch'"),
        ((2, 4), {"batch": 2}, None, "no symbol 'batch'; there is none"),
        (("batch", 4), {"batch": 0}, None, "symbol 'batch' is 0; sizes are positive"),
        (("batch", 4), {}, 0, "batch size is 0"),
        ((2, 4), {}, 8, "batch size 8, but the model fixes the first dimension of 'x' to 2"),
        (("batch", 4), {"batch": 2}, 8, "symbol 'batch' is 2, but the batch size is 8"),
        ((2, None), {}, None, "unknown size in input 'x', dimension 1, has no value"),
    ],
)
def test_what_cannot_be_bound(
    shape: tuple[int | str | None, ...], symbols: dict[str, int], batch: int | None, message: str
) -> None:
    with pytest.raises(ImportFailure, match=message):
        import_proto(relu(*shape), symbols=symbols, batch_size=batch)
