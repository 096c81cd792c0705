"""aic-qpc: create, extract, validate, add CRCs to, and describe QPC files."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from aic.partitions.multi_device import validate
from aic.qpc.container import CONSTANTS, CONSTANTS_DESC, NETWORK_DESC, NETWORK_ELF
from aic.qpc.packing import add_crcs, describe, directory_files, extract, pack_files
from dialects.errors import AicError
from tools.process import run_command

NAME = "aic-qpc"

_CREATE_FILES = (
    ("-n", "--input-networkelf", NETWORK_ELF),
    ("-d", "--input-networkdesc", NETWORK_DESC),
    ("-c", "--input-constant", CONSTANTS),
    ("-e", "--input-constantdesc", CONSTANTS_DESC),
    ("-b", "--input-networkbin", "network.bin"),
)
"""Short option, long option, and the segment that the named file becomes."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; `argv` is without the command's name. Returns 0, or 1 after one line on standard error."""
    return run_command(NAME, _run, argv)


def _run(argv: Sequence[str]) -> int:
    arguments = _parser().parse_args(argv)
    return arguments.run(arguments)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise AicError(f"{message} (see {self.prog} --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=NAME, description="Pack, unpack and check QPC files.", allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="command")

    create = commands.add_parser("create", help="pack files into a QPC", allow_abbrev=False)
    create.add_argument("-i", "--input-dir", type=Path, metavar="DIR", help="directory whose files are all packed")
    for short, long, segment in _CREATE_FILES:
        create.add_argument(short, long, dest=segment, metavar="FILE", help=f"file that becomes {segment}")
    create.add_argument("-o", "--output-file", type=Path, required=True, metavar="FILE", help="the QPC to write")
    create.set_defaults(run=_create)

    unpack = commands.add_parser("extract", help="unpack a QPC into files", allow_abbrev=False)
    unpack.add_argument("-i", "--input-file", "--qpc", type=Path, required=True, metavar="FILE", help="the QPC")
    unpack.add_argument("-o", "--output-dir", type=Path, required=True, metavar="DIR", help="where the files go")
    unpack.add_argument(
        "-s", "--segment", action="append", default=[], metavar="GLOB", help="write only matching files; may repeat"
    )
    unpack.set_defaults(run=_extract)

    check = commands.add_parser("validate", help="check a QPC and report what is wrong", allow_abbrev=False)
    check.add_argument("-i", "--input-file", type=Path, required=True, metavar="FILE", help="the QPC")
    check.set_defaults(run=_validate)

    crc = commands.add_parser("addCRC32", help="copy a QPC and add CRC-32 segments", allow_abbrev=False)
    crc.add_argument("-i", "--input-file", type=Path, required=True, metavar="FILE", help="the QPC")
    crc.add_argument("-o", "--output-dir", type=Path, required=True, metavar="DIR", help="where the copy goes")
    crc.add_argument("name", nargs="?", metavar="NAME", help="file name of the copy (default: that of the input)")
    crc.set_defaults(run=_add_crc)

    info = commands.add_parser("info", help="describe a QPC", allow_abbrev=False)
    info.add_argument("-i", "--input-file", type=Path, required=True, metavar="FILE", help="the QPC")
    info.set_defaults(run=_info)
    return parser


def _create(arguments: argparse.Namespace) -> int:
    directory: Path | None = arguments.input_dir
    files = {} if directory is None else directory_files(directory)
    for _, _, segment in _CREATE_FILES:
        name: str | None = getattr(arguments, segment)
        if name is None:
            continue
        path = Path(name) if directory is None else directory / name
        # A file of the directory that is named by an option is packed once, under the segment's name.
        files = {other: file for other, file in files.items() if file != path} | {segment: path}
    pack_files(files, arguments.output_file)
    return 0


def _extract(arguments: argparse.Namespace) -> int:
    written = extract(arguments.input_file, arguments.output_dir, arguments.segment)
    if not written:
        raise AicError(f"{arguments.input_file}: no file matches {', '.join(arguments.segment)}")
    for path in written:
        print(path)
    return 0


def _validate(arguments: argparse.Namespace) -> int:
    report = validate(arguments.input_file)
    print(report.text(), end="")
    if not report.errors:
        return 0
    first, *rest = report.errors
    more = f" (and {len(rest)} more)" if rest else ""
    raise AicError(f"{arguments.input_file}: not valid: {first.message.splitlines()[0]}{more}")


def _add_crc(arguments: argparse.Namespace) -> int:
    directory: Path = arguments.output_dir
    output = directory / (arguments.name or arguments.input_file.name)
    directory.mkdir(parents=True, exist_ok=True)
    for name, value in add_crcs(arguments.input_file, output).items():
        print(f"{name}: 0x{value:08X}")
    return 0


def _info(arguments: argparse.Namespace) -> int:
    print(describe(arguments.input_file), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
