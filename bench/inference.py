"""One inference from the loaded QPC, 16 cores, fp16: values against ONNX's reference and onnxruntime; times alone."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping

import onnxruntime
from onnx.reference import ReferenceEvaluator

import aic
from aic.load import load_qpc
from aic.nsp.timing import make_plan, measure
from aic.session import Session
from bench.measurement import Measurement
from bench.networks import CACHE, Network
from dialects.module import target_of

TIMING_LIMIT_SECONDS = 1.0


def measure_inference(network: Network, rounds: int, values_bar: float) -> Iterator[Measurement]:
    """Time of the timing engine, and of the values engine, whose ratio to ONNX's reference may be `values_bar`."""
    folder = CACHE / f"{network.name}-qpc"
    shutil.rmtree(folder, ignore_errors=True)
    qpc = aic.compile(network.path, aic_num_cores=16, convert_to_fp16=True, aic_binary_dir=folder)
    loading = least({"ours": lambda: Session(qpc.path)}, rounds)["ours"]
    session, inputs = Session(qpc.path), network.inputs()
    reference = ReferenceEvaluator(str(network.path))
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # its threads would slow whoever is next
    runtime = onnxruntime.InferenceSession(str(network.path), options, providers=["CPUExecutionProvider"])
    seconds = least(
        {
            "ours": lambda: session.run(inputs),
            "reference": lambda: reference.run(None, inputs),
            "runtime": lambda: runtime.run(None, inputs),
        },
        rounds,
    )
    what = f"values of {network.name}, one inference"
    yield Measurement(what, seconds["ours"], "s", "onnx.reference", seconds["reference"], values_bar)
    yield Measurement(what, seconds["ours"], "s", "onnxruntime", seconds["runtime"])
    yield Measurement(f"load of {network.name}", loading, "s", "one inference", seconds["ours"])
    module = load_qpc(qpc.path).module
    timing = least({"ours": lambda: measure(make_plan(module), target_of(module).hardware)}, rounds)["ours"]
    yield Measurement(f"times of {network.name}, one inference", timing, "s", "limit", TIMING_LIMIT_SECONDS, 1.0)


def least(runs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Least seconds of each run; they take turns, after one round that does not count."""
    least = dict.fromkeys(runs, float("inf"))
    for number in range(rounds + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if number:
                least[name] = min(least[name], time.perf_counter() - start)
    return least
