"""Networks over clusters of cores: values of the whole network, at every level and from the QPC; balanced stages."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from onnx import TensorProto, helper, save
from xdsl.dialects.builtin import ModuleOp

import aic
from aic.importer import import_model, import_proto
from aic.interpreter.graph import GraphRunner
from aic.interpreter.parts import Mail, Running, run_parts
from aic.interpreter.sharded import start_sharded
from aic.load import load_qpc, validate_qpc
from aic.nsp.parts_report import PartsReport
from aic.nsp.values import load_program
from aic.phases import phases_between, run_phases
from aic.qpc.container import NETWORK_DESC, open_container
from aic.qpc.descriptor import parse_descriptor
from dialects.aic import TargetAttr
from dialects.errors import AicError
from dialects.graph.ports import input_ports
from dialects.module import main_of, path_of, programs_of, set_target
from dialects.weights import drop_store, store_of
from passes.partition_clusters import CLUSTERS, clusters
from tests.models.bert import bert, tokens
from tests.models.cache import kept
from tests.models.digits import DIGITS_BN, digits_test
from tests.models.light import batched_resnet50, drawn_path, image
from tests.models.reference import relative_error, run

Arrays = dict[str, npt.NDArray[Any]]
CALIBRATION = [{"x": images[None].astype("f")} for images in digits_test()[0][:16]]
X = {"x": digits_test()[0][100:101].astype("f")}


def outputs_of_levels(module: ModuleOp, inputs: Arrays) -> dict[str, Arrays]:
    """What a graph that is divided into parts gives at every level."""
    names = {path_of(part): [port.name for port in input_ports(main_of(part))] for part in programs_of(module)}

    def together(start: Callable[[ModuleOp, Arrays, Mail], Running]) -> Arrays:
        mail = Mail()
        own = {part: {name: inputs[name] for name in names[path_of(part)]} for part in programs_of(module)}
        return run_parts({path_of(part): start(part, given, mail) for part, given in own.items()}, mail)

    def lower(phase: str) -> None:
        run_phases(module, phases_between(phase, phase), fp16=True)

    found = {"graph": together(lambda part, given, mail: GraphRunner(part).start(given, mail))}
    lower("shard")
    found["sharded"] = together(start_sharded)
    lower("tile")
    found["tile"] = together(lambda part, given, mail: load_program(part, mail=mail).start(given))
    lower("schedule")
    found["scheduled"] = together(lambda part, given, mail: load_program(part, mail=mail).start(given))
    return found


@pytest.mark.parametrize("sizes", [(1, 1), (3, 2), (2, 2, 2, 1)], ids=str)
def test_digits_at_every_level(sizes: Sequence[int]) -> None:
    module = import_model(DIGITS_BN)
    set_target(module, TargetAttr.of("pro"), sum(sizes))
    run_phases(module, phases_between("graph", "quantize"), fp16=True)
    whole = GraphRunner(module).run(X)["logits"]
    module.attributes[CLUSTERS] = clusters(sizes)
    run_phases(module, phases_between("partition", "partition"), fp16=True)
    assert len(list(programs_of(module))) == len(sizes)
    levels = outputs_of_levels(module, X)
    np.testing.assert_array_equal(levels["graph"]["logits"], whole)
    for level in ("sharded", "tile", "scheduled"):
        assert relative_error(levels[level]["logits"], whole) < 5e-3
    np.testing.assert_array_equal(levels["tile"]["logits"], levels["scheduled"]["logits"])
    drop_store(store_of(module).folder)


def test_a_transformer_at_every_level() -> None:
    """Its mask is an input that layers of all clusters read."""
    model = bert("older", layers=2)
    module = import_proto(model)
    set_target(module, TargetAttr.of("pro"), 4)
    module.attributes[CLUSTERS] = clusters((1, 1, 1, 1))
    run_phases(module, phases_between("graph", "partition"), fp16=True)
    inputs = dict(tokens())
    expected = run(model, inputs)
    for outputs in outputs_of_levels(module, inputs).values():
        for name, array in outputs.items():
            assert relative_error(array, expected[name]) < 5e-3
    drop_store(store_of(module).folder)


def compiled(model: Path, folder: Path, cores: int, **options: Any) -> aic.Session:
    qpc = aic.compile(model, aic_num_cores=cores, aic_binary_dir=folder, **options)
    assert not validate_qpc(qpc.path).errors
    return aic.Session(qpc.path)


def test_integers_are_those_of_the_whole_network(tmp_path: Path) -> None:
    quantized = {"convert_to_quantize": True, "calibration_inputs": CALIBRATION, "enable_channelwise": True}
    whole = compiled(DIGITS_BN, tmp_path / "whole", 4, **quantized)
    for sizes, mos in (((2, 2), None), ((1, 3), (1, 2)), ((1, 1, 1, 1), 1)):
        divided = compiled(DIGITS_BN, tmp_path / str(sizes), 4, sdp_cluster_sizes=sizes, mos=mos, **quantized)
        for number in range(3):
            x = {"x": digits_test()[0][number : number + 1].astype("f")}
            np.testing.assert_array_equal(divided.run(x)["logits"], whole.run(x)["logits"])


def test_nothing_of_the_compile_is_in_the_file(tmp_path: Path) -> None:
    """The profile lies in another folder every time; the file is the same, and knows no settings."""
    quantized = {"convert_to_quantize": True, "calibration_inputs": CALIBRATION}
    one, other = (
        compiled(DIGITS_BN, tmp_path / name, 4, sdp_cluster_sizes=(2, 2), dump_dir=tmp_path / f"{name}-ir", **quantized)
        for name in ("one", "other")
    )
    assert one.path.read_bytes() == other.path.read_bytes()
    assert "aic.quantization" not in load_qpc(one.path).module.attributes


def test_integers_of_resnet50(tmp_path: Path) -> None:
    model = drawn_path("resnet50")
    inputs = {"gpu_0/data_0": image(0)}
    quantized = {"convert_to_quantize": True, "calibration_inputs": [inputs]}
    whole = compiled(model, tmp_path / "whole", 8, **quantized)
    divided = compiled(model, tmp_path / "divided", 8, sdp_cluster_sizes=(4, 4), **quantized)
    for name, array in whole.run(inputs).items():
        np.testing.assert_array_equal(divided.run(inputs)[name], array)


def test_stages_of_resnet50_are_balanced(tmp_path: Path) -> None:
    """A batch of 8 on clusters: none waits long for the others, and the whole keeps pace with the slowest."""
    model = kept(batched_resnet50(8), "resnet50-8-clusters")
    for sizes in ((2, 2), (4, 4, 4, 2), (8, 8)):
        folder = tmp_path / str(sizes)
        session = compiled(model, folder, sum(sizes), convert_to_fp16=True, sdp_cluster_sizes=sizes)
        report = session.timing()
        assert isinstance(report, PartsReport)
        times = [part.time_us for part in report.parts]
        assert max(times) <= 1.15 * min(times)
        assert 1e6 / report.inferences_per_second == pytest.approx(max(times), rel=0.05)
        assert report.device_us < sum(part.alone_us for part in report.parts) * 1.05
        assert [part.cores for part in report.parts] == list(sizes)
        assert sum(part.nodes for part in report.parts) > 80
        (folder / "programqpc.bin").unlink()


def test_what_the_host_is_told(tmp_path: Path) -> None:
    session = compiled(DIGITS_BN, tmp_path / "q", 4, convert_to_fp16=True, sdp_cluster_sizes=(3, 1))
    with open_container(session.path) as segments:
        descriptor = parse_descriptor(segments[NETWORK_DESC].data)
    assert (descriptor.num_cores, descriptor.cluster_offsets) == (4, (0, 3))
    assert [binding.name for binding in (*descriptor.inputs, *descriptor.outputs)] == ["x", "logits"]
    assert (session.cores, [tensor.name for tensor in session.inputs]) == (4, ["x"])
    with pytest.raises(AicError, match="x"):
        session.run({})
    with pytest.raises(AicError, match="clusters of cores runs once"):
        aic.Session(session.path, aic_num_of_instances=2)
    np.testing.assert_array_equal(session.run_checked(X, seed=3)["logits"], session.run(X)["logits"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sdp_cluster_sizes": (2, 3)}, "clusters of 2, 3 cores have 5, the network is for 4"),
        ({"sdp_cluster_sizes": (1, 1, 2)}, "3 clusters; there can be 2 or 4"),
        ({"sdp_cluster_sizes": (0, 4)}, "each value must be at least 1"),
        ({"sdp_cluster_sizes": (2, 2), "mos": (1, 3)}, "mos is 3 for a cluster of 2 cores"),
        ({"sdp_cluster_sizes": (2, 2), "mos": (1, 2, 1)}, "mos has 3 values for 2 clusters"),
        ({"mos": (1, 2)}, "one value per cluster needs -sdp-cluster-sizes"),
        ({"sdp_cluster_sizes": (2, 2), "retained_state": True}, "-retained-state together are not supported yet"),
    ],
)
def test_what_does_not_fit_is_told(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(AicError, match=message):
        aic.compile(DIGITS_BN, aic_num_cores=4, aic_binary_dir=tmp_path / "q", **options)
    assert not (tmp_path / "q").exists()


def test_fewer_operations_than_clusters(tmp_path: Path) -> None:
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", ports[:1], ports[1:])
    save(helper.make_model(graph), tmp_path / "one.onnx")
    with pytest.raises(AicError, match="4 clusters, but 1 operations"):
        aic.compile(
            tmp_path / "one.onnx", aic_num_cores=4, sdp_cluster_sizes=(1, 1, 1, 1), aic_binary_dir=tmp_path / "q"
        )
