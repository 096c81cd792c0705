"""`aic-translate`: between files and IR text. An ONNX model becomes IR text; a scheduled module becomes a QPC."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr

from dialects import register_dialects
from dialects.errors import AicError
from dialects.files import written_aside
from dialects.text import decode_source, parse_module, print_module, verify
from dialects.weights import STORE_ATTRIBUTE, store_of
from tools.process import run_command

NAME = "aic-translate"


def main(argv: Sequence[str] | None = None) -> int:
    """Run `aic-translate` with `argv` (None: the process's arguments) and return its exit code."""
    return run_command(NAME, _run, argv)


def _run(argv: Sequence[str]) -> int:
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit:  # --help
        return 0
    if arguments.import_onnx is not None:
        _import_onnx(arguments)
    else:
        _emit_qpc(arguments)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(NAME, description="ONNX models to IR text, scheduled modules to QPC files.")
    parser.error = _refuse_arguments
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--import-onnx", metavar="MODEL", help="import an .onnx or .onnxtxt model")
    what.add_argument("--emit-qpc", action="store_true", help="write a QPC of the module in the input file")
    parser.add_argument(
        "input_file", nargs="?", default="-", help="IR text for --emit-qpc (default - : standard input)"
    )
    parser.add_argument("-o", "--output-file", help="output file (default: IR text goes to standard output)")
    parser.add_argument("--weights", help="folder of the weight store")
    return parser


def _import_onnx(arguments: argparse.Namespace) -> None:
    """Write the imported module as text, and its weight store for the tool that reads the text."""
    from aic.importer import import_model

    module = import_model(Path(arguments.import_onnx))
    store = store_of(module)
    folder = arguments.weights or store.folder
    module.attributes[STORE_ATTRIBUTE] = StringAttr(folder)
    store.save(Path(folder))
    text = print_module(module)
    if arguments.output_file is None:
        sys.stdout.write(text)
        return
    with written_aside(arguments.output_file) as partial:
        partial.write_text(text)


def _emit_qpc(arguments: argparse.Namespace) -> None:
    if arguments.output_file is None:
        raise AicError("--emit-qpc needs -o: a QPC is a binary file")
    from aic.emit import emit_qpc

    module = _read_module(arguments.input_file)
    if arguments.weights is not None:
        module.attributes[STORE_ATTRIBUTE] = StringAttr(arguments.weights)
    emit_qpc(module, Path(arguments.output_file))


def _read_module(path: str) -> ModuleOp:
    context = Context()
    register_dialects(context)
    if path == "-":
        source = decode_source(sys.stdin.buffer.read(), "stdin")
    else:
        source = decode_source(Path(path).read_bytes(), path)
    module = parse_module(context, source)
    verify(module, source)
    return module


def _refuse_arguments(message: str) -> NoReturn:
    raise AicError(f"{message}; see {NAME} --help")


if __name__ == "__main__":
    sys.exit(main())
