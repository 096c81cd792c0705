"""Inputs of inferences from raw files."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from aic.specializations.choice import not_one
from aic.tensors import Array, Shape, Signature, TensorInfo
from dialects.errors import AicError

_SEPARATORS = re.compile(r"[,\s]+")

Direction: TypeAlias = Literal["in", "out"]


@dataclass(frozen=True)
class DataFile:
    """The raw file of an input or output. None: nothing is said of it."""

    path: Path
    direction: Direction = "in"
    dims: Shape | None = None
    element_bytes: int | None = None
    name: str | None = None
    """Of the input or output."""

    @property
    def is_empty(self) -> bool:
        """Whether it has no elements: then it stands for what stays on the card."""
        if self.dims is not None:
            return 0 in self.dims
        return self.path.is_file() and self.path.stat().st_size == 0


@dataclass(frozen=True)
class InputFiles:
    """The raw files of one inference. Those that do not name their input or output come in the order of the network's.

    What stays on the card may be left out, or be empty.
    """

    inputs: tuple[DataFile, ...]
    origin: str
    """Where they are named: a line of a list, or the command line."""
    outputs: tuple[DataFile, ...] = ()
    """Where outputs go."""

    @staticmethod
    def of(paths: Sequence[Path], origin: str) -> "InputFiles":
        """Files of which nothing but their order is known."""
        return InputFiles(tuple(map(DataFile, paths)), origin)


@dataclass(frozen=True)
class ChosenFiles:
    """The files of one inference, by the names of the network's inputs and outputs."""

    specialization: int
    inputs: Mapping[str, Path]
    outputs: Mapping[str, Path]


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
    inferences = [_listed(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not inferences:
        raise AicError(f"{path}: the list of inputs names no files")
    return inferences


def _listed(line: str, origin: str) -> InputFiles:
    return InputFiles.of([Path(name) for name in _SEPARATORS.split(line.strip()) if name], origin)


def choose_files(inferences: Sequence[InputFiles], signatures: Sequence[Signature]) -> list[ChosenFiles]:
    """The specialization of each inference, and its files. Raises AicError that names every file that is missing, not
    of its input's size, or of a shape that there is not.
    """
    chosen: list[ChosenFiles] = []
    problems: list[str] = []
    for files in inferences:
        found = _chosen(files, signatures)
        if isinstance(found, ChosenFiles):
            chosen.append(found)
        else:
            problems += [f"{files.origin}: {problem}" for problem in found]
    if problems:
        raise AicError("inputs do not fit the network:" + "".join(f"\n  {problem}" for problem in problems))
    return chosen


def load_inputs(chosen: ChosenFiles, signature: Signature) -> dict[str, Array]:
    """The arrays in the files of one inference, by the names of the inputs. Raises AicError for files that have changed
    in the meantime.
    """
    tensors = {tensor.name: tensor for tensor in signature.inputs}
    return {name: _loaded(path, tensors[name]) for name, path in chosen.inputs.items()}


def _loaded(path: Path, tensor: TensorInfo) -> Array:
    dtype = np.dtype(np.uint8) if tensor.dtype == np.bool_ else tensor.dtype
    try:
        values = np.fromfile(path, dtype)
    except OSError as error:
        raise AicError(f"{path}: cannot read the input: {error.strerror}") from error
    if values.size != prod(tensor.shape):
        raise AicError(f"{path} has {values.size} elements; {tensor} takes {prod(tensor.shape)}")
    if tensor.dtype == np.bool_:  # any byte but 0 is true; NumPy would keep it as it is
        return (values != 0).reshape(tensor.shape)
    return values.reshape(tensor.shape)


def _chosen(files: InputFiles, signatures: Sequence[Signature]) -> ChosenFiles | list[str]:
    """The specialization that files of these shapes are for; or what is wrong."""
    missing = [f"{file.path}: there is no such file" for file in files.inputs if not file.path.is_file()]
    tried = [_Fitting(files, signature) for signature in signatures]
    fit = [number for number, each in enumerate(tried) if not each.problems]
    if len(fit) == 1 and not missing:
        return ChosenFiles(fit[0], tried[fit[0]].inputs, tried[fit[0]].outputs)
    shaped = [number for number, each in enumerate(tried) if not each.misshapen]
    if len(signatures) == 1 or (not fit and len(shaped) == 1):
        (number,) = shaped if len(shaped) == 1 else (0,)
        return [*missing, *tried[number].problems]
    shapes = {file.name or str(file.path): file.dims for file in files.inputs if file.dims is not None}
    if missing or not shapes:
        return missing or ["its files do not say their shapes ('dims'), by which a specialization is chosen"]
    return [not_one(signatures, fit, shapes)]


class _Fitting:
    """Files held against what one specialization takes and gives: which is which, and what is wrong."""

    def __init__(self, files: InputFiles, signature: Signature) -> None:
        self.inputs: dict[str, Path] = {}
        self.outputs: dict[str, Path] = {}
        self.problems: list[str] = []
        self.misshapen = False
        """Whether an input has other dimensions, or there are more or fewer files than inputs."""
        for file, tensor in self._paired(files.inputs, signature):
            if file.is_empty and tensor.name in signature.retained:
                continue
            self.inputs[tensor.name] = file.path
            self.misshapen |= file.dims not in (None, tensor.shape)
            self.problems += _wrong(file, tensor)
            if file.path.is_file() and file.path.stat().st_size != tensor.size:
                self.problems.append(f"{file.path} has {file.path.stat().st_size} bytes; {tensor} takes {tensor.size}")
        for file, tensor in self._pairs(files.outputs, signature.outputs, signature.outputs, "output"):
            self.outputs[tensor.name] = file.path
            self.problems += _wrong(file, tensor)

    def _paired(self, files: Sequence[DataFile], signature: Signature) -> Iterator[tuple[DataFile, TensorInfo]]:
        """Files with their inputs. What stays on the card may be missing: all of it, or by names."""
        unnamed = sum(file.name is None for file in files)
        tensors = signature.inputs if unnamed == len(signature.inputs) else signature.needed
        return self._pairs(files, tensors, signature.inputs, "input")

    def _pairs(
        self, files: Sequence[DataFile], tensors: Sequence[TensorInfo], known: Sequence[TensorInfo], what: str
    ) -> Iterator[tuple[DataFile, TensorInfo]]:
        by_name = {tensor.name: tensor for tensor in known}
        named = [file.name for file in files if file.name is not None]
        self.problems += [
            f"there is no {what} {name!r}; there are {_names(known)}" for name in named if name not in by_name
        ]
        self.problems += [
            f"{what} {name!r} has several files" for name in dict.fromkeys(named) if named.count(name) > 1
        ]
        left = [tensor for tensor in tensors if tensor.name not in named]
        unnamed = [file for file in files if file.name is None]
        if len(unnamed) != len(left) and (what == "input" or len(unnamed) > len(left)):
            given, taken = _counted(len(files), "file"), _counted(len(tensors), what)
            self.problems.append(f"{given} for {taken}: {_names(tensors)}")
            self.misshapen |= what == "input"
            return
        order = iter(left)
        for file in files:
            if file.name is None:
                yield file, next(order)
            elif file.name in by_name:
                yield file, by_name[file.name]


def _wrong(file: DataFile, tensor: TensorInfo) -> Iterator[str]:
    """What a file says of itself that its input or output is not."""
    if file.dims is not None and file.dims != tensor.shape:
        yield f"{file.path} is {list(file.dims)}; {tensor} is expected"
    if file.element_bytes is not None and file.element_bytes != tensor.dtype.itemsize:
        size = tensor.dtype.itemsize
        yield f"{file.path} has elements of {file.element_bytes} bytes, those of {tensor} have {size}"


def _names(tensors: Sequence[TensorInfo]) -> str:
    return ", ".join(str(tensor) for tensor in tensors)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
