"""Inferences from a JSON file: for each its raw files, with dimensions and element sizes.

    {"IO-files": [[{"path": "image.raw", "dims": [1, 3, 56, 56], "data-type": "float", "io-direction": "in"},
                   {"path": "out.raw", "dims": [1, 1000], "elem-size": 4, "io-direction": "out"}], ..]}

Files of one direction come in the order of the network's inputs or outputs, unless `map-to` names which they are. The
document's example spells the direction `io-diretion`, and gives it as a list of one: both are read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from aic.files.inputs import DataFile, Direction, InputFiles
from aic.files.json_file import kind_of, read_json
from dialects.errors import AicError

DATA_TYPES: Mapping[str, int] = {
    "int": 4, "float": 4, "uint": 4, "float16": 2, "uint8_t": 1, "int8_t": 1, "int16_t": 2, "uint16_t": 2,
    "int64_t": 8, "uint64_t": 8,
}  # fmt: skip
"""Bytes of an element, as the vendor documents them."""

_WHAT = "a list of inputs and outputs"
_LIST = "IO-files"
_DIRECTIONS = ("io-direction", "io-diretion")
_KNOWN = ("path", "dims", "data-type", "elem-size", "map-to", *_DIRECTIONS)
_LARGEST = 1 << 40


def read_json_inputs(path: Path) -> list[InputFiles]:
    """The inferences of a file. Raises AicError that lists everything in it that is not as it must be."""
    document = read_json(path, _WHAT)
    fields = cast(dict[str, object], document) if isinstance(document, dict) else {}
    inferences = fields.get(_LIST)
    if not isinstance(inferences, list) or len(fields) > 1:
        raise AicError(f'{path}: not {_WHAT}: expected {{"{_LIST}": [[{{"path": "..", ..}}, ..], ..]}}')
    reader = _Reader()
    found = [
        reader.inference(entries, f"{path}: inference {number}")
        for number, entries in enumerate(cast(list[object], inferences))
    ]
    if not found:
        raise AicError(f"{path}: {_WHAT} of no inference")
    if reader.problems:
        raise AicError(f"{path} is not as it must be:" + "".join(f"\n  {problem}" for problem in reader.problems))
    return found


@dataclass
class _Reader:
    """Reads entries, and collects what is wrong with them."""

    problems: list[str] = field(default_factory=list[str])

    def inference(self, entries: object, origin: str) -> InputFiles:
        if not isinstance(entries, list):
            self.problems.append(f"{origin} is {kind_of(entries)}, not a list of files")
            return InputFiles((), origin)
        files = [
            self._file(entry, f"{origin}, file {number}") for number, entry in enumerate(cast(list[object], entries))
        ]
        inputs, outputs = (tuple(file for file in files if file.direction == way) for way in ("in", "out"))
        return InputFiles(inputs, origin, outputs)

    def _file(self, entry: object, origin: str) -> DataFile:
        if not isinstance(entry, dict):
            self.problems.append(f"{origin} is {kind_of(entry)}, not an object")
            return DataFile(Path())
        fields = cast(dict[str, object], entry)
        unknown = [name for name in fields if name not in _KNOWN]
        if unknown:
            self.problems.append(
                f"{origin}: there is no {', '.join(map(repr, unknown))}; there are {', '.join(_KNOWN)}"
            )
        path, name = self._text(fields, "path", origin), self._text(fields, "map-to", origin)
        if not path:
            self.problems.append(f"{origin}: 'path' is missing")
        return DataFile(
            Path(path or ""),
            self._direction(fields, origin),
            self._dims(fields.get("dims"), origin),
            self._element_bytes(fields, origin),
            name,
        )

    def _text(self, fields: Mapping[str, object], key: str, origin: str) -> str | None:
        value = fields.get(key)
        if value is not None and not isinstance(value, str):
            self.problems.append(f"{origin}: {key!r} is {kind_of(value)}, not text")
            return "?"
        return value

    def _direction(self, fields: Mapping[str, object], origin: str) -> Direction:
        given = [fields[key] for key in _DIRECTIONS if key in fields]
        value = given[0] if given else None
        if isinstance(value, list) and len(cast(list[object], value)) == 1:
            (value,) = cast(list[object], value)
        if value in ("in", "out") and all(each == given[0] for each in given):
            return value
        shown = repr(value) if isinstance(value, str) else "missing" if not given else kind_of(value)
        self.problems.append(f"{origin}: 'io-direction' is {shown}; it must be 'in' or 'out'")
        return "in"

    def _dims(self, value: object, origin: str) -> tuple[int, ...] | None:
        if value is None:
            return None
        dims = cast(Sequence[object], value) if isinstance(value, list) else [None]
        if not all(type(dim) is int and 0 <= dim <= _LARGEST for dim in dims):
            self.problems.append(f"{origin}: 'dims' is {_shown(value)}; it must be a list of sizes, such as [1, 3, 56]")
            return None
        return tuple(cast(Sequence[int], dims))

    def _element_bytes(self, fields: Mapping[str, object], origin: str) -> int | None:
        """The size of an element; `elem-size` stands before `data-type`."""
        kind, size = fields.get("data-type"), fields.get("elem-size")
        if kind is not None and (not isinstance(kind, str) or kind not in DATA_TYPES):
            self.problems.append(f"{origin}: 'data-type' is {_shown(kind)}; there are {', '.join(DATA_TYPES)}")
            return None
        if size is not None and (type(size) is not int or size not in DATA_TYPES.values()):
            self.problems.append(f"{origin}: 'elem-size' is {_shown(size)}; it must be 1, 2, 4 or 8, in bytes")
            return None
        if isinstance(size, int):
            return size
        return None if kind is None else DATA_TYPES[kind]


def _shown(value: object) -> str:
    return repr(value)[:80] if isinstance(value, str | int | float | list) else kind_of(value)
