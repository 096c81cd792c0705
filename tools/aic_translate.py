"""`aic-translate`: between files and IR text. An ONNX model becomes IR text; a scheduled module becomes a QPC."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from xdsl.dialects.builtin import ModuleOp, StringAttr

from aic.compiler import lower
from aic.emit import emit_qpc
from aic.importer import Model, import_opened
from aic.options import Options, options_from_keywords
from aic.phases import PHASE_NAMES
from aic.specializations.importing import open_network
from dialects import create_context
from dialects.errors import AicError
from dialects.files import written_aside
from dialects.hardware import skus
from dialects.text import decode_source, parse_module, print_module, verify
from dialects.weights import STORE_ATTRIBUTE, locate_store, store_of
from tools.process import run_command

NAME = "aic-translate"
_IMPORT_PHASE = PHASE_NAMES[0]
_IMPORT_OPTIONS = (
    "onnx_define_symbol",
    "batchsize",
    "output_node_name",
    "network_specialization_config",
    "retained_state",
    "custom_io_list_file",
    "aic_sku",
    "aic_num_cores",
    "combine_inputs",
    "combine_outputs",
)
"""Options of `aic.compile` that belong to --import-onnx."""
_OPENING = ("onnx_define_symbol", "batchsize", "network_specialization_config")
"""Those that belong to --open-onnx, too."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `aic-translate` with `argv` (None: the process's arguments) and return its exit code."""
    return run_command(NAME, _run, argv)


def _run(argv: Sequence[str]) -> int:
    arguments = _parser().parse_args(argv)
    if arguments.import_onnx is not None:
        _import_onnx(arguments)
    elif arguments.open_onnx is not None:
        _write(_opened(arguments), arguments.output_file)
    elif arguments.import_opened:
        _import_opened(arguments)
    else:
        _emit_qpc(arguments)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(NAME, description="ONNX models to IR text, scheduled modules to QPC files.")
    parser.error = _refuse_arguments
    add = parser.add_argument
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--import-onnx", type=Path, metavar="MODEL", help="import an .onnx or .onnxtxt model")
    what.add_argument(
        "--open-onnx", type=Path, metavar="MODEL", help="name the model, its open dimensions and what to make of them"
    )
    what.add_argument("--import-opened", action="store_true", help="import the model that the input file names")
    what.add_argument("--emit-qpc", action="store_true", help="write a QPC of the module in the input file")
    text = "IR text for --import-opened and --emit-qpc (default - : standard input)"
    add("input_file", nargs="?", default="-", help=text)
    add("-o", "--output-file", type=Path, help="output file (default: IR text goes to standard output)")
    add("--weights", type=Path, help="folder of the weight store (default of --import-onnx: <model>.weights)")
    add(
        "--onnx-define-symbol",
        action="append",
        type=_symbol,
        metavar="NAME,VALUE",
        help="bind a symbolic dimension of the model; may repeat",
    )
    add("--batchsize", type=int, metavar="N", help="number of samples that one inference takes")
    add("--output-node-name", metavar="NAME,NAME", help="tensors of the model to give as outputs too")
    add("--network-specialization-config", type=Path, metavar="FILE", help="JSON file of the shapes to import for")
    add(
        "--retained-state",
        action="store_true",
        default=None,
        help="outputs X_RetainedState stay on the card as inputs X",
    )
    add(
        "--custom-IO-list-file",
        "--custom-io-list-file",
        dest="custom_io_list_file",
        type=Path,
        metavar="FILE",
        help="YAML file of the inputs and outputs that the module is to have",
    )
    add("--combine-inputs", action="store_true", default=None, help="combine inputs into fewer buffers")
    add("--combine-outputs", action="store_true", default=None, help="combine outputs into a single buffer")
    add("--aic-sku", choices=skus(), help="card that the module is for (default pro)")
    add("--aic-num-cores", type=int, metavar="N", help="NSP cores that the module is for (default 1)")
    return parser


def _import_onnx(arguments: argparse.Namespace) -> None:
    """Write the imported module as text, and its weight store for the tool that reads the text."""
    module = lower(_options(arguments, arguments.import_onnx), _IMPORT_PHASE)
    store = store_of(module)
    store.save(Path(store.folder))
    _write(module, arguments.output_file)


def _opened(arguments: argparse.Namespace) -> ModuleOp:
    """The model before it is specialized and imported."""
    _refuse_others(arguments, "--open-onnx", _OPENING)
    return open_network(Model.read(arguments.open_onnx), _options(arguments, arguments.open_onnx))


def _import_opened(arguments: argparse.Namespace) -> None:
    """Write what the model is that a module names, for the sizes that it has there."""
    _refuse_others(arguments, "--import-opened", ("output_node_name", "weights"))
    module = _read_module(arguments.input_file)
    names = options_from_keywords(output_node_name=arguments.output_node_name).output_node_name
    weights = None if arguments.weights is None else str(arguments.weights)
    import_opened(module, intermediate=names, weights_dir=weights)
    store = store_of(module)
    store.save(Path(store.folder))
    _write(module, arguments.output_file)


def _refuse_others(arguments: argparse.Namespace, what: str, allowed: Sequence[str]) -> None:
    """Raises AicError for options of other things than what is asked for."""
    given = [name for name in (*_IMPORT_OPTIONS, "weights") if getattr(arguments, name) is not None]
    if others := [f"--{name.replace('_', '-')}" for name in given if name not in allowed]:
        may = ", ".join(f"--{name.replace('_', '-')}" for name in allowed)
        raise AicError(f"{', '.join(others)}: with {what} go {may}")


def _options(arguments: argparse.Namespace, model: Path) -> Options:
    asked = {option: getattr(arguments, option) for option in _IMPORT_OPTIONS}
    asked["onnx_define_symbol"] = dict(arguments.onnx_define_symbol or ())
    return options_from_keywords(model=model, weights=arguments.weights, to_phase=_IMPORT_PHASE, **asked)


def _write(module: ModuleOp, path: Path | None) -> None:
    """Write a module as text; without a path, to standard output."""
    text = print_module(module)
    if path is None:
        sys.stdout.write(text)
        return
    with written_aside(path) as partial:
        partial.write_text(text)


def _emit_qpc(arguments: argparse.Namespace) -> None:
    for option in _IMPORT_OPTIONS:
        if getattr(arguments, option) is not None:
            raise AicError(f"--{option.replace('_', '-')} belongs to --import-onnx: the module says what it is for")
    if arguments.output_file is None:
        raise AicError("--emit-qpc needs -o: a QPC is a binary file")
    module = _read_module(arguments.input_file)
    if arguments.weights is not None:
        module.attributes[STORE_ATTRIBUTE] = StringAttr(str(arguments.weights))
    emit_qpc(module, arguments.output_file)


def _read_module(path: str) -> ModuleOp:
    if path == "-":
        source = decode_source(sys.stdin.buffer.read(), "stdin")
    else:
        source = decode_source(Path(path).read_bytes(), path)
    module = parse_module(create_context(), source)
    verify(module, source)
    if path != "-":
        locate_store(module, Path(path).parent)
    return module


def _symbol(text: str) -> tuple[str, int]:
    name, _, value = text.rpartition(",")
    if not name or not value.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a symbol and a number, as in batch,8")
    return name, int(value)


def _refuse_arguments(message: str) -> NoReturn:
    raise AicError(f"{message}; see {NAME} --help")


if __name__ == "__main__":
    sys.exit(main())
