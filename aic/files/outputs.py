"""Outputs of inferences as raw files, named as the vendor's tools name them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from aic.tensors import Array
from dialects.errors import AicError
from dialects.files import written_aside

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST = 180


def file_stems(names: Sequence[str]) -> dict[str, str]:
    """A file name for each output, different for each: what is unsafe in a file name becomes `_`."""
    stems: dict[str, str] = {}
    for name in names:
        stem = _UNSAFE.sub("_", name).lstrip(".-")[:_LONGEST] or "output"
        taken, number = set(stems.values()), 1
        unique = stem
        while unique in taken:
            unique, number = f"{stem}_{number}", number + 1
        stems[name] = unique
    return stems


def make_output_folder(path: Path) -> None:
    """Makes a folder for outputs unless it is there. Raises AicError when it cannot be made."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AicError(f"{path}: cannot make the folder: {error.strerror}") from error


def write_outputs(
    folder: Path | None, inference: int, outputs: Mapping[str, Array], listed: Mapping[str, Path] | None = None
) -> list[Path]:
    """Writes each output to `<name>-activation-0-inf-<inference>.bin`; returns the files. Those that are `listed` go
    where that says, below the folder unless their path is absolute; without a folder no others are written.

    Raises AicError.
    """
    written: list[Path] = []
    listed = listed or {}
    for name, stem in file_stems(list(outputs)).items():
        if folder is None and name not in listed:
            continue
        path = (folder or Path()) / listed.get(name, f"{stem}-activation-0-inf-{inference}.bin")
        if name in listed:
            make_output_folder(path.parent)
        with written_aside(path) as partial:
            np.ascontiguousarray(outputs[name]).tofile(partial)
        written.append(path)
    return written
