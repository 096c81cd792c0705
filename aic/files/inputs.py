"""Inputs of inferences from raw files."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aic.tensors import Array, TensorInfo
from dialects.errors import AicError

_SEPARATORS = re.compile(r"[,\s]+")


@dataclass(frozen=True)
class InputFiles:
    """The raw files of one inference, one per input of the network, in the order of its inputs."""

    paths: tuple[Path, ...]
    origin: str
    """Where they are named: a line of a list, or the command line."""


def read_input_list(path: Path) -> list[InputFiles]:
    """The inferences of a list: one line each, its files separated by commas or spaces; empty lines are skipped.

    Raises AicError when the list cannot be read or names nothing.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise AicError(f"{path}: cannot read the list of inputs: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise AicError(f"{path}: not a list of inputs: it is not text") from error
    inferences = [_named(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not inferences:
        raise AicError(f"{path}: the list of inputs names no files")
    return inferences


def _named(line: str, origin: str) -> InputFiles:
    return InputFiles(tuple(Path(name) for name in _SEPARATORS.split(line.strip()) if name), origin)


def check_files(inferences: Sequence[InputFiles], tensors: Sequence[TensorInfo]) -> None:
    """Raises AicError that names every file that is missing or not of its input's size."""
    problems = [problem for files in inferences for problem in _problems(files, tensors)]
    if problems:
        raise AicError("inputs do not fit the network:" + "".join(f"\n  {problem}" for problem in problems))


def _problems(files: InputFiles, tensors: Sequence[TensorInfo]) -> list[str]:
    if len(files.paths) != len(tensors):
        names = ", ".join(str(tensor) for tensor in tensors)
        return [f"{files.origin}: {len(files.paths)} files for {len(tensors)} inputs: {names}"]
    problems: list[str] = []
    for path, tensor in zip(files.paths, tensors, strict=True):
        if not path.is_file():
            problems.append(f"{files.origin}: {path}: there is no such file")
        elif path.stat().st_size != tensor.size:
            problems.append(f"{files.origin}: {path} has {path.stat().st_size} bytes; {tensor} takes {tensor.size}")
    return problems


def load_inputs(files: InputFiles, tensors: Sequence[TensorInfo]) -> dict[str, Array]:
    """The arrays in the files of one inference, by the names of the inputs. Raises AicError as `check_files` does."""
    check_files([files], tensors)
    return {tensor.name: _loaded(path, tensor) for path, tensor in zip(files.paths, tensors, strict=True)}


def _loaded(path: Path, tensor: TensorInfo) -> Array:
    if tensor.dtype == np.bool_:  # any byte but 0 is true; NumPy would keep it as it is
        return (np.fromfile(path, np.uint8) != 0).reshape(tensor.shape)
    return np.fromfile(path, tensor.dtype).reshape(tensor.shape)
