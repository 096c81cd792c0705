"""`aic-opt`: runs passes on IR text. What users of `xdsl-opt` know works; locations are always printed."""

import argparse
import difflib
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Attribute
from xdsl.passes import ModulePass, PassPipeline
from xdsl.targets import get_all_targets
from xdsl.transforms import get_all_passes as get_upstream_passes
from xdsl.utils.arg_spec import parse_pipeline
from xdsl.utils.exceptions import DiagnosticException
from xdsl.xdsl_opt_main import xDSLOptMain

from dialects import register_dialects
from dialects.errors import AicError
from dialects.files import written_aside
from dialects.text import SourceMap, decode_source, parse_module, print_module, verify
from dialects.weights import STORE_ATTRIBUTE, locate_store, store_of
from passes import get_all_passes
from tools.catalogue import list_operations, list_passes
from tools.process import run_command
from tools.roundtrip import check_roundtrip

if TYPE_CHECKING:
    from aic.validation import PassValidator

NAME = "aic-opt"


class AicOptMain(xDSLOptMain):
    """The driver: xDSL's, closed to plugins, with our dialects and passes, and errors that name a place."""

    version_format = f"{NAME} {version('aic-compiler')}, xdsl {{xdsl_version}}"

    def __init__(self, args: Sequence[str]) -> None:
        self._source: SourceMap | None = None
        self._output: Path | None = None
        self._clock = 0.0
        self._running: str | None = None
        self._validator: PassValidator | None = None
        super().__init__("Runs passes on IR text: our dialects and passes, and xDSL's own.", args)

    # What the tool knows.

    def register_all_dialects(self) -> None:
        register_dialects(self.ctx)

    def register_all_passes(self) -> None:
        for name, factory in (get_upstream_passes() | get_all_passes()).items():
            self.register_pass(name, factory)

    def register_all_targets(self) -> None:
        self.available_targets.update(get_all_targets())

    def register_all_frontends(self) -> None:
        self.available_frontends["mlir"] = self._parse_text

    def register_all_arguments(self, arg_parser: argparse.ArgumentParser) -> None:
        super().register_all_arguments(arg_parser)
        arg_parser.prog = NAME
        arg_parser.usage = f"{NAME} [options] [input_file]"
        arg_parser.error = _refuse_arguments
        # Locations are part of a module, and any file that is named is IR text unless -f says otherwise.
        arg_parser.set_defaults(print_debuginfo=True, frontend="mlir")
        arg_parser.add_argument(
            "--list-passes", action="store_true", help="list our passes with their options, and stop"
        )
        arg_parser.add_argument("--list-ops", action="store_true", help="list our operations, and stop")
        arg_parser.add_argument(
            "--weights", help="folder of the weight store, instead of the one that the module names"
        )
        arg_parser.add_argument(
            "--validate-passes",
            action="store_true",
            help="run the module before and after each pass, and fail at the first whose values drift",
        )
        arg_parser.add_argument(
            "--verify-roundtrip",
            action="store_true",
            help="fail unless the result parses back equal from its pretty and generic forms, locations included",
        )

    # Passes.

    def setup_pipeline(self) -> None:
        try:
            specs = tuple(parse_pipeline(self.args.passes))
            for spec in specs:
                self._require_pass(spec.name)
            self.pipeline = PassPipeline.parse_spec(self.available_passes, self.args.passes, self._between_passes)
        except ValueError as error:
            raise AicError(f"in -p '{self.args.passes}': {error}; see {NAME} --list-passes") from error

    def _require_pass(self, name: str) -> None:
        if name in self.available_passes:
            return
        near = difflib.get_close_matches(name, self.available_passes)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise AicError(f"unknown pass '{name}'{hint} See {NAME} --list-passes")

    def apply_passes(self, prog: ModuleOp) -> None:
        self._running = None
        if self.args.weights is not None:
            prog.attributes[STORE_ATTRIBUTE] = StringAttr(self.args.weights)
        try:
            with self._validation():
                super().apply_passes(prog)
        except (AicError, DiagnosticException) as error:
            # xDSL attaches dumps of the whole module as notes; --verify-diagnostics would print them.
            error.__notes__ = []
            if self._running is None:
                raise
            # With --verify-diagnostics, xDSL prints diagnostics and goes on with the next part of the input.
            kind = DiagnosticException if self.args.verify_diagnostics else type(error)
            raise kind(f"pass {self._running}: {error}") from error
        if self.args.verify_roundtrip:
            check_roundtrip(prog, self.ctx)
        _keep_new_weights(prog)

    @contextmanager
    def _validation(self) -> Generator[None]:
        """Validates the passes that run in the block, if that is asked for, and prints what was found."""
        if not self.args.validate_passes:
            yield
            return
        from aic.validation import PassValidator
        from tools.validation_table import print_verdicts

        self._validator = PassValidator()
        try:
            yield
        finally:
            print_verdicts(self._validator.verdicts)

    def _between_passes(self, previous: ModulePass | None, module: ModuleOp, following: ModulePass | None) -> None:
        if self.args.time_passes and previous is not None:
            print(f"{previous.name}: {time.perf_counter() - self._clock:.6f} s", file=sys.stderr)
        if not self.args.disable_verify:
            verify(module, self._source)
        if self.args.print_between_passes and previous is not None and following is not None:
            print(f"// IR after {previous.name}\n{print_module(module)}", file=sys.stderr)
        self._running = None
        if self._validator is not None:
            self._validator.between_passes("", previous, module, following)
        self._running = None if following is None else following.name
        self._clock = time.perf_counter()

    # Text in, text out.

    def get_input_stream(self) -> tuple[IO[bytes], str]:
        if self.args.input_file == "-":
            self.args.input_file = None
        return super().get_input_stream()

    def parse_chunk(self, chunk: IO[bytes], file_extension: str, start_offset: int = 0) -> ModuleOp | None:
        self._source = None
        module = super().parse_chunk(chunk, file_extension, start_offset)
        if self._source is not None:
            self._source.line_offset = start_offset
        return module

    def _parse_text(self, stream: IO[bytes]) -> ModuleOp:
        self._source = decode_source(stream.read(), self.get_input_name())
        module = parse_module(self.ctx, self._source, implicit_module=not self.args.no_implicit_module)
        if self.args.input_file is not None:
            locate_store(module, Path(self.args.input_file).parent)
        return module

    def prepare_output(self) -> IO[str]:
        return sys.stdout if self._output is None else open(self._output, "w")

    def run(self) -> None:
        if self.args.output_file is None:
            super().run()
            return
        with written_aside(self.args.output_file) as self._output:
            super().run()


def _keep_new_weights(module: ModuleOp) -> None:
    """Save what passes have put into the module's weight store, for the tool that reads the output."""
    if STORE_ATTRIBUTE not in module.attributes:
        return
    store = store_of(module)
    if store.unsaved:
        store.save(Path(store.folder))


def main(argv: Sequence[str] | None = None) -> int:
    """Run `aic-opt` with `argv` (None: the process's arguments) and return its exit code."""
    return run_command(NAME, _run, argv)


def _run(argv: Sequence[str]) -> int:
    with _attribute_checks_restored():
        tool = AicOptMain(argv)
        if tool.args.list_passes or tool.args.list_ops:
            listing = (list_passes() if tool.args.list_passes else "") + (
                list_operations() if tool.args.list_ops else ""
            )
            sys.stdout.write(listing)
            return 0
        tool.run()
    return 0


@contextmanager
def _attribute_checks_restored() -> Generator[None]:
    """`--disable-verify` switches off the checks of attributes in the whole process; switch them on again."""
    checks = Attribute.__post_init__
    try:
        yield
    finally:
        Attribute.__post_init__ = checks


def _refuse_arguments(message: str) -> NoReturn:
    raise AicError(f"{message}; see {NAME} --help")


if __name__ == "__main__":
    sys.exit(main())
