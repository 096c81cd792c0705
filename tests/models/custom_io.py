"""Custom inputs and outputs: files that ask for them, and arrays as they are asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_TYPES = {"float": np.float32, "float16": np.float16, "int8": np.int8}


@dataclass(frozen=True)
class Asked:
    """What is asked of an input or output."""

    name: str
    layout: str | None = None
    precision: str | None = None
    scale: float | None = None
    offset: int | None = None

    def of_model(self, array: Array) -> Array:
        """A tensor of the model, as it is asked for."""
        if self.layout == "NHWC":
            array = array.transpose(0, 2, 3, 1)
        if self.precision == "int8":
            assert self.scale is not None
            assert self.offset is not None
            array = np.clip(np.rint(array.astype(np.float32) / np.float32(self.scale) + self.offset), -128, 127)
        return np.ascontiguousarray(array if self.precision is None else array.astype(_TYPES[self.precision]))

    def to_model(self, array: Array) -> Array:
        """What a tensor that is as asked for means to the model."""
        if self.precision == "int8":
            assert self.offset is not None
            array = (array.astype(np.float32) - self.offset) * np.float32(self.scale)
        if self.precision == "float16":
            array = array.astype(np.float32)
        return array.transpose(0, 3, 1, 2) if self.layout == "NHWC" else array


def write_custom_io(path: Path, asked: Sequence[Asked]) -> Path:
    """Writes the file that asks."""
    lines: list[str] = []
    for each in asked:
        fields = {"Layout": each.layout, "Precision": each.precision, "Scale": each.scale, "Offset": each.offset}
        lines.append(f"- IOName: '{each.name}'")
        lines += [f"  {key}: {value}" for key, value in fields.items() if value is not None]
    path.write_text("\n".join(lines) + "\n")
    return path


def of_model(asked: Sequence[Asked], arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Tensors of the model, as they are asked for."""
    by_name = {each.name: each for each in asked}
    return {name: by_name[name].of_model(array) if name in by_name else array for name, array in arrays.items()}


def to_model(asked: Sequence[Asked], arrays: Mapping[str, Array]) -> dict[str, Array]:
    """What tensors that are as asked for mean to the model."""
    by_name = {each.name: each for each in asked}
    return {name: by_name[name].to_model(array) if name in by_name else array for name, array in arrays.items()}
