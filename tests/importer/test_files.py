"""Model files: binary, text, external data, and everything that can be wrong with them."""

import resource
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from aic.importer import ImportFailure, import_model, import_proto
from aic.importer.wire import without_payloads
from aic.interpreter.graph import run_graph
from dialects.aic import WeightAttr
from dialects.graph.constant import ConstantOp
from dialects.weights import store_of
from tests.importer.models import linear, model, tensor

X = np.random.default_rng(1).standard_normal((3, 64)).astype(np.float32)


def expected(proto: onnx.ModelProto) -> np.ndarray:
    w, b = (numpy_helper.to_array(tensor) for tensor in proto.graph.initializer)
    return X @ w + b


def outputs_of(path: Path) -> np.ndarray:
    return run_graph(import_model(path, symbols={"batch": 3}), {"x": X})["y"]


def test_weights_stay_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "linear.onnx"
    onnx.save(linear(), path)
    module = import_model(path, batch_size=3)
    (weight,) = [op.value for op in module.walk() if isinstance(op, ConstantOp) and isinstance(op.value, WeightAttr)]
    entry = store_of(module).entries[weight.key.data]
    assert entry.file == path
    assert path.read_bytes()[entry.offset :][: 64 * 64 * 4] == linear().graph.initializer[0].raw_data
    np.testing.assert_allclose(run_graph(module, {"x": X})["y"], expected(linear()), rtol=1e-5)


def test_values_in_float_data(tmp_path: Path) -> None:
    proto = linear()
    for initializer in proto.graph.initializer:
        values = numpy_helper.to_array(initializer).copy()
        initializer.ClearField("raw_data")
        initializer.float_data.extend(values.reshape(-1).tolist())
    onnx.save(proto, tmp_path / "m.onnx")
    np.testing.assert_allclose(outputs_of(tmp_path / "m.onnx"), expected(linear()), rtol=1e-5)


def test_external_data(tmp_path: Path) -> None:
    onnx.save(linear(), tmp_path / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
    np.testing.assert_allclose(outputs_of(tmp_path / "m.onnx"), expected(linear()), rtol=1e-5)


@pytest.mark.parametrize("text", [onnx.printer.to_text, str], ids=["onnx", "protobuf"])
def test_text(tmp_path: Path, text: object) -> None:
    assert callable(text)
    nodes = [onnx.helper.make_node("Add", ["x", "b"], ["y"])]
    proto = model(nodes, [tensor("x", [2])], ["y"], {"b": np.array([1, 2], np.float32)})
    proto.graph.output[0].CopyFrom(tensor("y", [2]))
    (tmp_path / "m.onnxtxt").write_text(text(proto))
    module = import_model(tmp_path / "m.onnxtxt")
    np.testing.assert_array_equal(run_graph(module, {"x": np.array([1, 1], np.float32)})["y"], [2, 3])


def test_every_cut_of_a_file_is_refused(tmp_path: Path) -> None:
    onnx.save(linear(), tmp_path / "whole.onnx")
    data = (tmp_path / "whole.onnx").read_bytes()
    cut = tmp_path / "cut.onnx"
    for size in [*range(0, 200, 7), *range(200, len(data), 997), len(data) - 1]:
        cut.write_bytes(data[:size])
        with pytest.raises(ImportFailure, match=r"cut\.onnx"):
            outputs_of(cut)


def test_noise_is_refused_or_read_but_never_crashes(tmp_path: Path) -> None:
    onnx.save(linear(16), tmp_path / "whole.onnx")
    data = (tmp_path / "whole.onnx").read_bytes()
    random = np.random.default_rng(0)
    noisy = tmp_path / "noisy.onnx"
    for _ in range(150):
        broken = bytearray(data)
        for position in random.integers(0, len(data), 3):
            broken[position] = random.integers(0, 256)
        noisy.write_bytes(bytes(broken))
        with suppress(ImportFailure):  # anything else fails the test
            import_model(noisy, batch_size=1)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty"), (b"hello, this is not a model", "corrupt"), (bytes(100), "corrupt|no graph")],
)
def test_what_is_no_model(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(ImportFailure, match=message):
        import_model(tmp_path / "m.onnx")


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ImportFailure, match=r"missing\.onnx: cannot read the model: No such file"):
        import_model(tmp_path / "missing.onnx")


def test_text_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "m.onnxtxt").write_text("<ir_version: 8> oops")
    with pytest.raises(ImportFailure, match=r"neither ONNX text .* nor protobuf text"):
        import_model(tmp_path / "m.onnxtxt")


def test_missing_external_files_are_all_named(tmp_path: Path) -> None:
    proto = linear()
    onnx.save(proto, tmp_path / "m.onnx", save_as_external_data=True, all_tensors_to_one_file=False, size_threshold=0)
    for file in tmp_path.iterdir():
        if file.suffix != ".onnx":
            file.unlink()
    with pytest.raises(ImportFailure, match=r"data file .*b is missing|data file .*w is missing") as caught:
        import_model(tmp_path / "m.onnx", batch_size=1)
    assert str(caught.value).count("is missing") == 2


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("location", "../m.data", "not below the model's folder"),
        ("offset", "100000000", "too short"),
        ("offset", "many", "not a number"),
        ("length", "8", "8 bytes of data for float32"),
    ],
)
def test_wrong_external_data(tmp_path: Path, key: str, value: str, message: str) -> None:
    onnx.save(linear(), tmp_path / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
    proto = onnx.load(tmp_path / "m.onnx", load_external_data=False)
    weight = next(initializer for initializer in proto.graph.initializer if initializer.name == "w")
    for entry in weight.external_data:
        if entry.key == key:
            entry.value = value
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(ImportFailure, match=message):
        import_model(tmp_path / "m.onnx", batch_size=1)


def test_a_tensor_with_too_few_bytes(tmp_path: Path) -> None:
    proto = linear()
    proto.graph.initializer[0].dims[0] = 65
    onnx.save(proto, tmp_path / "m.onnx")
    with pytest.raises(ImportFailure, match="tensor 'w': 16384 bytes of data"):
        import_model(tmp_path / "m.onnx", batch_size=1)


def test_data_beyond_2_gib_is_mapped_not_read(tmp_path: Path) -> None:
    proto = linear()
    weight = proto.graph.initializer[0]
    values = weight.raw_data
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    offset = (2 << 30) + 4096
    for key, value in (("location", "big.data"), ("offset", str(offset)), ("length", str(len(values)))):
        weight.external_data.add(key=key, value=value)
    onnx.save(proto, tmp_path / "m.onnx")
    with (tmp_path / "big.data").open("wb") as file:  # sparse: takes no room
        file.seek(offset)
        file.write(values)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    np.testing.assert_allclose(outputs_of(tmp_path / "m.onnx"), expected(linear()), rtol=1e-5)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_stripping_leaves_small_messages_alone() -> None:
    data = linear(4).SerializeToString()
    assert without_payloads(data) == data


def test_stripping_keeps_everything_but_payloads() -> None:
    stripped = onnx.ModelProto.FromString(without_payloads(linear().SerializeToString()))
    whole = linear()
    assert stripped.ByteSize() < 2000
    assert stripped.graph.node == whole.graph.node
    assert [t.name for t in stripped.graph.initializer] == ["w", "b"]
    assert list(stripped.graph.initializer[0].dims) == [64, 64]


def test_a_model_in_memory_is_left_alone() -> None:
    proto = linear()
    before = proto.SerializeToString()
    import_proto(proto, batch_size=1)
    assert proto.SerializeToString() == before
