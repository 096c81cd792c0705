"""Options of the documents that are recognised and refused, so that a command line of theirs gets a true answer.

Supporting one means moving its row to `aic.options.table`.
"""

from typing import Any

from aic.options.option import Kind, Option

_LEGACY_PROFILES = ("stats", "trace", "latency")


def _group(group: str, *rows: tuple[str, Kind, str] | tuple[str, Kind, str, dict[str, Any]]) -> tuple[Option, ...]:
    return tuple(
        Option(name=name, kind=kind, help=help, group=group, **(rest[0] if rest else {}))
        for name, kind, help, *rest in rows
    )


REFUSED: tuple[Option, ...] = (
    *_group(
        "model",
        ("model-input", Kind.TEXT, "inputs of a Caffe2 graph: name,type,shape", {"repeatable": True}),
        ("onnxlib", Kind.PATH, "path to an ONNX library"),
        ("always-expand-onnx-functions", Kind.FLAG, "expand ONNX functions where an operator of ours exists too"),
        ("register-custom-op", Kind.PATH, "configuration file of a custom operator", {"repeatable": True}),
        ("load-embedding-tables", Kind.PATH, "zip file of the embedding tables of a PyTorch model"),
        ("dump-embedding-tables", Kind.PATH, "write the embedding tables of a PyTorch model to a zip file"),
    ),
    *_group(
        "compilation",
        ("aic-enable-depth-first", Kind.FLAG, "optimize depth first"),
        (
            "aic-depth-first-mem",
            Kind.TEXT,
            "memory for depth-first optimization in MiB",
            {"choices": ("16", "20", "24", "28", "32")},
        ),
        ("enable-single-device-partitioning", Kind.FLAG, "divide the cores of one device into clusters"),
        ("host-preproc", Kind.FLAG, "process inputs and outputs on the host"),
        ("aic-preproc", Kind.FLAG, "process inputs and outputs on the card"),
        ("io-crc", Kind.FLAG, "check inputs and outputs by CRC"),
        ("io-crc-stride", Kind.INTEGER, "stride of the CRC of the stride section in bytes", {"minimum": 1}),
        ("enable-debug", Kind.FLAG, "compile in debug mode"),
        ("compiler-help", Kind.FLAG, "list the options of the compiler proper"),
    ),
    *_group(
        "execution",
        ("time", Kind.NUMBER, "seconds during which to submit inferences", {"minimum": 0}),
        ("stats-batchsize", Kind.INTEGER, "batch size that statistics are normalized by", {"minimum": 1}),
        ("submit-timeout", Kind.INTEGER, "time limit of an inference in milliseconds", {"minimum": 0}),
        ("submit-retry-count", Kind.INTEGER, "retries of an inference that reached its time limit", {"minimum": 0}),
        ("aic-batch-max-memory", Kind.INTEGER, "memory for loaded files in MB", {"minimum": 1}),
        ("auto-batch-input", Kind.FLAG, "batch inputs of single samples"),
        ("unbound-random", Kind.FLAG, "random bytes as inputs, whatever their type"),
        ("dump-input-buffers", Kind.FLAG, "write the input buffers of a benchmark"),
        ("direct-api", Kind.FLAG, "shared memory between host and device; not for Cloud AI 100"),
    ),
    *_group(
        "profiling",
        ("aic-perf-warnings", Kind.FLAG, "print warnings about performance"),
        ("aic-perf-metrics", Kind.FLAG, "print the compiler's performance metrics"),
        (
            "aic-pmu-recipe",
            Kind.TEXT,
            "built-in selection of PMU events",
            {"choices": ("AxiRd", "AxiWr", "AxiRdWr", "KernelUtil", "HmxMacs")},
        ),
        ("aic-pmu-events", Kind.TEXT, "up to 8 PMU events, separated by commas"),
        ("stats-level", Kind.INTEGER, "statistics per inference and per operator", {"minimum": 0}),
        ("ddr-stats", Kind.FLAG, "DDR traffic per core"),
        ("aic-profiling-start-iter", Kind.INTEGER, "inference at which profiling starts", {"minimum": 0}),
        ("aic-profiling-start-delay", Kind.INTEGER, "delay of profiling in milliseconds", {"minimum": 0}),
        ("aic-profiling-num-samples", Kind.INTEGER, "samples to save", {"minimum": 1}),
        (
            "aic-profiling-format",
            Kind.TEXT,
            "format of the profile; older name of -aic-profiling-type",
            {"choices": ("ascii", "json", *_LEGACY_PROFILES), "repeatable": True},
        ),
        (
            "aic-profiling-type",
            Kind.TEXT,
            "type of the profile",
            {"choices": (*_LEGACY_PROFILES, "trace_stream", "latency_stream"), "repeatable": True},
        ),
        ("aic-profiling-out-dir", Kind.PATH, "folder for profiles"),
        ("aic-profiling-duration", Kind.INTEGER, "duration of stream profiling in milliseconds", {"minimum": 1}),
        (
            "aic-profiling-sampling-rate",
            Kind.TEXT,
            "share of samples that stream profiling takes",
            {"choices": ("full", "half", "fourth", "eighth", "sixteenth")},
        ),
        (
            "aic-profiling-reporting-rate",
            Kind.TEXT,
            "interval of reports of stream profiling in milliseconds",
            {"choices": ("500", "1000", "2000", "4000")},
        ),
    ),
    *_group("diagnostics", ("version-extended", Kind.FLAG, "print the version with the compiler's revision")),
)
