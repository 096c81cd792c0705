"""`aic-exec`: compiles a model and runs it, in the syntax of the vendor's `qaic-exec`.

What only some options need is imported where it is needed: a compilation starts sooner so.
"""

import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from aic.compiler import Qpc, compile_with, lower, profile
from aic.files.inputs import InputFiles, read_input_list
from aic.files.json_inputs import read_json_inputs
from aic.importer import supported_operators_text
from aic.options import Options, UsageError, help_text, parse_arguments
from aic.partitions.dumping import write_configuration
from aic.phases import PHASE_NAMES, Observer, Observers
from aic.quantization import Sample, Samples
from aic.tensors import Array, Signature, TensorInfo
from dialects.files import written_aside
from dialects.text import print_module
from dialects.weights import store_of
from tools.compile_log import CompileLog
from tools.execution import Inferences, print_report, run_inferences, run_on_card
from tools.process import run_command
from tools.progress import PhaseProgress, progress

NAME = "aic-exec"
SET_SIZE = 10
"""Inferences that are queued at a time: the vendor's default."""
_REPORT_VERBOSITY = 3
_GRAPH_PHASE = "partition"
"""The last phase that the graph-level interpreter runs."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `aic-exec` with `argv` (None: the process's arguments) and return its exit code."""
    return run_command(NAME, _run, argv)


def _run(argv: Sequence[str]) -> int:
    options = parse_arguments(argv)
    if options.help:
        print(help_text(), end="")
    elif options.version:
        from aic.version import version

        print(f"{NAME} {version()}")
    elif options.operators_supported is not None:
        _write_supported_operators(options.operators_supported)
    elif options.mdp_dump_partition_config is not None:
        print(f"wrote {options.mdp_dump_partition_config} ({write_configuration(options)})")
    elif options.dump_custom_io_config_template:
        from aic.custom_io.template import write_template

        path, count = options.dump_custom_io_config_template[0], write_template(options)
        print(f"wrote {path} ({count} inputs and outputs)")
    else:
        _compile_and_run(options)
    return 0


def _write_supported_operators(model_format: str) -> None:
    path = Path(f"{model_format}SupportedOperators.txt")
    with written_aside(path) as partial:
        partial.write_text(supported_operators_text())
    print(f"wrote {path}")


def _compile_and_run(options: Options) -> None:
    inferences = _inferences(options)
    if options.dump_profile is not None:
        _dump_profile(options.dump_profile, options, inferences)
        return
    log = CompileLog(options.verbosity)
    module: ModuleOp | None = None
    qpc: Qpc | None = None
    with _validation(options, inferences) as validator, progress(len(PHASE_NAMES)) as step:
        observer = Observers(PhaseProgress(step), log, validator)
        if options.to_phase not in (None, PHASE_NAMES[-1]):
            _stop_early(options, options.to_phase or "", observer, _Samples(inferences))
        elif options.run_on_interpreter:
            module = lower(options, _GRAPH_PHASE, observer, samples=_Samples(inferences))
        else:
            qpc = _compiled(options, observer, _Samples(inferences))
    if options.time_passes:
        print(log.table(), end="", file=sys.stderr)
    if module is not None:
        _run_on_interpreter(module, options, inferences)
    elif qpc is not None:
        _run_on_card(qpc, options, inferences)


def _dump_profile(path: Path, options: Options, inferences: Inferences) -> None:
    from passes.quantization.files.profile import write_profile

    log, samples = CompileLog(options.verbosity), _Samples(inferences)
    with _validation(options, inferences) as validator:
        made = profile(options, samples, Observers(log, validator))
    if options.time_passes:
        print(log.table(), end="", file=sys.stderr)
    write_profile(made, path)
    print(f"wrote {path} ({len(made.records)} tensors, {samples.count} inferences)")


class _Samples:
    """The inferences as samples of a profile, with their progress shown."""

    def __init__(self, inferences: Inferences) -> None:
        self._inferences = inferences
        self.count = 0
        """How many have been taken."""

    def __call__(self, signatures: Sequence[Signature]) -> Iterator[Sample]:
        planned = self._inferences.on(signatures)
        with progress(planned.count) as step:
            for number in range(planned.count):
                step(f"profile {number}")
                self.count += 1
                yield Sample(planned.inputs(number), planned.origin(number))


@contextmanager
def _validation(options: Options, inferences: Inferences) -> Generator[Observer]:
    """Yields the observer that validates passes, if the options ask for it, and prints in the end what it has found."""
    if not options.validate_passes:
        yield Observer()
        return
    from aic.validation import PassValidator
    from tools.validation_table import print_verdicts

    def given(tensors: Sequence[TensorInfo]) -> dict[str, Array]:
        return inferences.first_for(Signature("", tuple(tensors), ()))

    validator = PassValidator(given if inferences.files else None, options.use_random_input_data or "gaussian")
    try:
        yield validator
    finally:
        print_verdicts(validator.verdicts)


def _run_on_interpreter(module: ModuleOp, options: Options, inferences: Inferences) -> None:
    from aic.specializations.graphs import GraphNetwork

    runner = GraphNetwork(module)
    count = run_inferences(runner.run, runner.network.signatures, inferences, options.write_output_dir)
    print(f"InferenceCnt {count}, on the graph-level interpreter")


def _run_on_card(qpc: Qpc, options: Options, inferences: Inferences) -> None:
    from aic.session import Session

    session = Session(qpc.path, aic_num_of_instances=options.aic_num_of_instances, dev_id=options.device_id)
    ran = run_on_card(session, session.run, inferences, options.write_output_dir, SET_SIZE)
    if options.verbosity >= _REPORT_VERBOSITY:
        for number in ran:
            print_report(session.timing(number))


def _inferences(options: Options) -> Inferences:
    """What is to run; reads the list of inputs, so that a mistake there is found before the compilation."""
    asking = {
        "-convert-to-quantize": options.convert_to_quantize,
        "-dump-profile": options.dump_profile is not None,
        "-quantization-report": options.quantization_report is not None,
    }
    asked = [name for name, given in asking.items() if given]
    sources = (options.input_list_file, options.json_input_file, options.use_random_input_data)
    if asked and not any(sources):
        raise UsageError(
            [
                f"{asked[0]} runs the network: it needs -input-list-file=<list>, -json-input-file=<file>, "
                "or -use-random-input-data"
            ]
        )
    files: list[InputFiles] = []
    if options.input_list_file is not None:
        files = read_input_list(options.input_list_file)
    elif options.json_input_file is not None:
        files = read_json_inputs(options.json_input_file)
    return Inferences(options.num_iter, files, options.use_random_input_data or "uniform")


def _stop_early(options: Options, stop: str, observer: Observer, samples: Samples) -> None:
    """Compile up to a phase; its IR goes to the folder of dumps or to standard output."""
    module = lower(options, stop, observer, samples=samples)
    if options.dump_dir is None:
        store = store_of(module)
        store.save(Path(store.folder))
        sys.stdout.write(print_module(module))


def _compiled(options: Options, observer: Observer, samples: Samples) -> Qpc | None:
    """Compile to a QPC; it is returned if it is to run."""
    qpc = compile_with(options, observer, samples)
    if options.aic_binary_dir is not None:
        print(f"wrote {qpc.path} ({qpc.path.stat().st_size} bytes)")
    stops = options.compile_only or options.to_phase is not None
    if stops and options.aic_hw:
        print("card: the QPC is for simulation; aic-runner runs it on the simulated card")
    return None if stops else qpc


if __name__ == "__main__":
    sys.exit(main())
