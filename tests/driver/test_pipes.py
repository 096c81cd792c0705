"""The commands, run as users run them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from aic.phases import PHASES
from dialects.weights import drop_store
from tests.lit.commands import Completed, run_line
from tests.models.digits import DATA, DIGITS_BN, DIGITS_DYN, digits_test
from tools.reference import pages


def run(line: str, *, fails: bool = False) -> Completed:
    done = run_line(line)
    assert (done.code == 1) == fails, done.stderr
    return done


@pytest.mark.parametrize("fp16", [False, True])
def test_passes_on_text_give_what_the_driver_gives(tmp_path: Path, fp16: bool) -> None:
    precision = "-convert-to-fp16" if fp16 else ""
    run(f"aic-exec -m={DIGITS_BN} -aic-num-cores=4 {precision} -compile-only -aic-binary-dir={tmp_path}/out")
    stages = [f"aic-translate --import-onnx {DIGITS_BN} --aic-num-cores 4 --weights {tmp_path}/weights"]
    stages += [f"aic-opt -p '{pipeline}'" for phase in PHASES if (pipeline := phase.passes(fp16=fp16))]
    stages += [f"aic-translate --emit-qpc -o {tmp_path}/piped.bin"]
    run(" | ".join(stages))
    assert (tmp_path / "piped.bin").read_bytes() == (tmp_path / "out" / "programqpc.bin").read_bytes()


def test_the_hash_seed_does_not_matter(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "tools.aic_exec", f"-m={DIGITS_BN}", "-aic-num-cores=4", "-convert-to-fp16"]
        subprocess.run(
            [*command, "-compile-only", f"-aic-binary-dir={tmp_path / seed}", f"-dump-dir={tmp_path / 'dump'}"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=DATA.parents[1],
            check=True,
        )
        (tmp_path / "dump").rename(tmp_path / f"dump{seed}")
    for file in (tmp_path / "dump1").glob("*.mlir"):
        assert file.read_text() == (tmp_path / "dump2" / file.name).read_text(), file.name
    assert (tmp_path / "1/programqpc.bin").read_bytes() == (tmp_path / "2/programqpc.bin").read_bytes()


def test_a_compiled_network_runs_on_files(tmp_path: Path) -> None:
    images, classes, _ = digits_test()
    batch = tmp_path / "images.raw"
    batch.write_bytes(images[:5].tobytes())
    done = run(
        f"aic-exec -m={DIGITS_DYN} -onnx-define-symbol=batch,5 -aic-hw -aic-hw-version=2.0 -aic-num-cores=4 "
        f"-convert-to-fp16 -compile-only -aic-binary-dir={tmp_path}/out"
    )
    assert b"simulated" in done.stdout
    assert run(f"aic-qpc validate -i {tmp_path}/out/programqpc.bin").stdout.endswith(b"valid\n")
    done = run(f"aic-runner -t {tmp_path}/out -i {batch} --write-output-dir {tmp_path}/res -n 2")
    card, line = done.stdout.decode().splitlines()
    assert card == "card: simulated Cloud AI 100 Pro, 4 NSPs; times are those of its model"
    words = line.split()
    assert words[:2] + words[4:6] == ["InferenceCnt", "2", "BatchSize", "5"]
    results = sorted((tmp_path / "res").iterdir())
    assert [path.name for path in results] == ["logits-activation-0-inf-0.bin", "logits-activation-0-inf-1.bin"]
    for path in results:
        np.testing.assert_array_equal(np.fromfile(path, np.float32).reshape(5, 10).argmax(1), classes[:5])


def test_the_executor_runs_a_list_and_agrees_with_the_interpreter(tmp_path: Path) -> None:
    images, _, expected = digits_test()
    for number in range(3):
        (tmp_path / f"{number}.raw").write_bytes(images[number].tobytes())
    listed = tmp_path / "list.txt"
    listed.write_text("\n\n".join(str(tmp_path / f"{number}.raw") for number in range(3)))
    common = f"aic-exec -m={DIGITS_BN} -input-list-file={listed} -num-iter=4"
    run(f"{common} -aic-num-cores=4 -write-output-dir={tmp_path}/card")
    run(f"{common} -run-on-interpreter -write-output-dir={tmp_path}/host")
    for number in (0, 1, 2, 3):
        name = f"logits-activation-0-inf-{number}.bin"
        card, host = (np.fromfile(tmp_path / folder / name, np.float32) for folder in ("card", "host"))
        np.testing.assert_allclose(card, host, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(card, expected[number % 3], rtol=1e-4, atol=1e-4)


def test_drawn_inputs_are_the_same_every_time(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        run(f"aic-exec {DIGITS_BN} -use-random-input-data=gaussian -num-iter=2 -write-output-dir={tmp_path}/{folder}")
    first, second = (sorted((tmp_path / folder).iterdir()) for folder in ("a", "b"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert first[0].read_bytes() != first[1].read_bytes()


def test_the_compiler_stops_where_it_is_told(tmp_path: Path) -> None:
    done = run(f"aic-exec -m={DIGITS_BN} -to=graph -weights={tmp_path}/w")
    assert b"graph.conv" in done.stdout
    (tmp_path / "graph.mlir").write_bytes(done.stdout)
    run(f"aic-exec -m={tmp_path}/graph.mlir -from=quantize -compile-only -aic-binary-dir={tmp_path}/out")
    run(f"aic-exec -m={DIGITS_BN} -compile-only -aic-binary-dir={tmp_path}/whole")
    whole, rest = ((tmp_path / folder / "programqpc.bin").read_bytes() for folder in ("whole", "out"))
    assert rest == whole
    done = run(f"aic-exec -m={DIGITS_BN} -to=tile -dump-dir={tmp_path}/dump")
    assert done.stdout == b""
    assert len(list((tmp_path / "dump").glob("*.mlir"))) == 6


def test_a_folder_of_dumps_may_move(tmp_path: Path) -> None:
    precision = "-convert-to-fp16"
    run(f"aic-exec -m={DIGITS_BN} {precision} -compile-only -aic-binary-dir={tmp_path}/whole -dump-dir={tmp_path}/dump")
    (tmp_path / "dump").rename(tmp_path / "moved")
    drop_store(str(tmp_path / "dump" / "weights"))
    moved = f"{tmp_path}/moved/06.schedule.mlir"
    run(f"aic-exec -m={moved} -from=emit -compile-only -aic-binary-dir={tmp_path}/driver")
    run(f"aic-translate --emit-qpc {moved} -o {tmp_path}/translate.bin")
    run(f"aic-opt {moved} | aic-translate --emit-qpc -o {tmp_path}/piped.bin")
    whole = (tmp_path / "whole" / "programqpc.bin").read_bytes()
    for file in ("driver/programqpc.bin", "translate.bin", "piped.bin"):
        assert (tmp_path / file).read_bytes() == whole, file
    assert "/weights" not in Path(moved).read_text()


def test_trace_and_report(tmp_path: Path) -> None:
    run(f"aic-exec -m={DIGITS_BN} -aic-num-cores=2 -compile-only -aic-binary-dir={tmp_path}/out")
    run(f"aic-runner -t {tmp_path}/out --trace {tmp_path}/trace.json --report {tmp_path}/report.json")
    names = {event.get("name") for event in json.loads((tmp_path / "trace.json").read_text())["traceEvents"]}
    assert "/0/Conv" in names
    assert json.loads((tmp_path / "report.json").read_text())["cores"] == 2


def test_queued_inferences_overlap(tmp_path: Path) -> None:
    run(f"aic-exec -m={DIGITS_BN} -aic-num-cores=2 -compile-only -aic-binary-dir={tmp_path}/out")
    durations = [
        int(run(f"aic-runner -t {tmp_path}/out -n 10 -S {size}").stdout.split()[-5].removesuffix(b"us"))
        for size in (1, 10)
    ]
    assert durations[1] < durations[0]


def test_what_passes_take_is_said(tmp_path: Path) -> None:
    done = run(f"aic-exec -m={DIGITS_BN} -compile-only -aic-binary-dir={tmp_path}/out -time-passes -v")
    assert "phase emit: " in done.stderr
    assert re.search(
        r"room VTCM per core: \d+ bytes, \d\.\d% more than the \d+ live at once\nroom DDR scratch: 0 bytes", done.stderr
    )
    said = [line.split()[0] for line in done.stderr.splitlines() if line[:1].isalpha()]
    assert said.index("total") < said.index("emit/constants")
    assert "tile-operations" in done.stderr


def test_supported_operators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run("aic-exec -operators-supported=onnx")
    written = [line.split() for line in (tmp_path / "onnxSupportedOperators.txt").read_text().splitlines()]
    assert written[0] == ["domain", "operator", "opsets", "note"]
    documented: list[list[str]] = []
    domain = ""
    for line in pages()["operators.md"].splitlines():
        domain = line.strip("# `") if line.startswith("## ") else domain
        if line.startswith("| `"):
            documented.append([domain, *line.replace("|", " ").replace("`", "").split()])
    assert written[1:] == documented


BAD = {
    "a size": ("-input-list-file={tmp}/list.txt", "short.raw has 3 bytes; 'x' float32[1, 1, 8, 8] takes 256"),
    "a list": ("-input-list-file={tmp}/none.txt", "cannot read the list of inputs: No such file"),
    "an empty list": ("-input-list-file={tmp}/empty.txt", "names no files"),
    "a folder": ("-aic-binary-dir={tmp}/list.txt/out -compile-only", "cannot make the folder"),
    "an output folder": ("-write-output-dir={tmp}/list.txt/res", "cannot make the folder"),
    "a symbol": ("-onnx-define-symbol=btch,3", "btch"),
    "a phase": ("-from=til -compile-only -aic-binary-dir={tmp}/out", "-from=til: must be graph or quantize"),
    "an order": ("-from=tile -to=graph -dump-dir={tmp}/d", "-from=tile comes after -to=graph"),
    "a conflict": ("-to=tile -aic-binary-dir={tmp}/out", "stops before there is a QPC: it excludes -aic-binary-dir"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_one_message_and_leaves_nothing(tmp_path: Path, case: str) -> None:
    (tmp_path / "short.raw").write_bytes(b"abc")
    (tmp_path / "list.txt").write_text(f"{tmp_path}/short.raw\n")
    (tmp_path / "empty.txt").write_text("\n")
    before = sorted(tmp_path.rglob("*"))
    arguments, message = BAD[case]
    done = run(f"aic-exec -m={DIGITS_BN} {arguments.format(tmp=tmp_path)}", fails=True)
    assert message in done.stderr
    assert done.stderr.startswith("aic-exec: error: ")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("-t {tmp}", "there is no QPC here"),
        ("-t {tmp}/damaged.bin", "not a QPC"),
        ("-t {tmp}/out -i {tmp}/damaged.bin", "damaged.bin has 3 bytes; 'x'"),
        ("-t {tmp}/out -i a,b", "2 files for 1 input:"),
        ("-t {tmp}/out -i a --use-random-input-data", "say where the inputs come from"),
        ("-t {tmp}/out -d 16", "no device 16; the simulated host has 16, 0 to 15 (16 cards of the SKU 'pro')"),
        ("-t {tmp}/out -d 1 -D 1", "-d and -D each say where the network runs: give one"),
        ("-t {tmp}/out -D 0:1", "2 devices for a network on one"),
        ("-t {tmp}/out -a 17", "the SKU 'pro' has 16: 16 instances fit"),
        ("-t {tmp}/out -n 0", "'0' is not a positive number"),
        ("", "the following arguments are required: -t/--test-data"),
    ],
)
def test_the_runner_refuses(tmp_path: Path, arguments: str, message: str) -> None:
    (tmp_path / "damaged.bin").write_bytes(b"abc")
    if "out" in arguments:
        run(f"aic-exec -m={DIGITS_BN} -compile-only -aic-binary-dir={tmp_path}/out")
    done = run(f"aic-runner {arguments.format(tmp=tmp_path)}", fails=True)
    assert message in done.stderr


def large_constants(folder: Path) -> Path:
    """The digits with a constant beyond the range of fp16, `0.weight`."""
    model = onnx.load(DATA / "digits_cnn_bn.onnx")
    large = model.graph.initializer[0]
    large.CopyFrom(numpy_helper.from_array(1e6 * numpy_helper.to_array(large), large.name))
    onnx.save(model, folder / "large.onnx")
    return folder / "large.onnx"


CLAMPED = "warning: constants beyond the range of fp16 are clamped to ±65504: 0.weight\n"


def test_constants_beyond_fp16_are_named_once(tmp_path: Path) -> None:
    model = large_constants(tmp_path)
    done = run(f"aic-exec -m={model} -convert-to-fp16 -compile-only -aic-binary-dir={tmp_path}/out")
    assert done.stderr.count("clamped") == 1
    assert f"aic-exec: {CLAMPED}" in done.stderr


@pytest.mark.parametrize(
    ("setup", "expected"),
    [("", f"aic: {CLAMPED}"), ("logging.basicConfig(format='%(name)s %(levelname)s')", "aic WARNING\n")],
)
def test_the_api_warns_as_logging_is_set_up(tmp_path: Path, setup: str, expected: str) -> None:
    script = f"import logging, aic\n{setup}\naic.compile({str(large_constants(tmp_path))!r}, convert_to_fp16=True)\n"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == expected
