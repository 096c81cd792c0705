"""What the commands that train a network of the tests have in common."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dialects.files import written_aside


def save_arrays(path: Path, **arrays: npt.NDArray[Any]) -> None:
    """Writes an `.npz` file, compressed."""
    with written_aside(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def run_training(
    name: str, network: str, make: Callable[[Path], int], tested: int, argv: Sequence[str] | None = None
) -> int:
    """Runs the command `name`: `make` writes the files of a network into a folder and returns how many of the `tested`
    test examples it gets right. Returns the exit code.
    """
    parser = argparse.ArgumentParser(prog=name, description=f"Train {network} and write its files.")
    parser.add_argument("folder", type=Path, help="where the files go")
    folder: Path = parser.parse_args(argv).folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        right = make(folder)
    except ModuleNotFoundError as error:
        print(f"{name}: {error.name} is missing; install the extra: pip install -e '.[models]'", file=sys.stderr)
        return 1
    print(f"{right} of {tested} test examples are right")
    return 0
