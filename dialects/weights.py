"""The weight store: the bytes of constants, kept outside the IR.

One store serves one model on its way through the compiler. A tensor of the model is a memory map, keyed by file, offset
and length, and is never hashed or copied; an array that a pass makes is keyed by its content; a box of either has a key
and no bytes of its own. A module names its store by the attribute `aic.weights`; `store_of(module)` finds it, whether
it lives in this process or in a folder that an earlier tool wrote. In a file of IR text the name may be a path from the
file's own folder, so that both move together.
"""

import hashlib
import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from math import prod
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp, StringAttr, TensorType
from xdsl.ir import Attribute

from dialects.aic import INLINE_BYTES, DenseAttr, WeightAttr
from dialects.element_types import F16_MAX, element_type, held_dtype, stored_dtype, tensor_bytes
from dialects.errors import AicError
from dialects.files import written_aside
from dialects.module import inherited

STORE_ATTRIBUTE = "aic.weights"
_PART_ELEMENTS = 1 << 20
"""Elements that are converted at a time on their way to a file."""
_INDEX = "index.json"
_BLOB_ALIGNMENT = 64

Array: TypeAlias = npt.NDArray[np.generic]
Box: TypeAlias = tuple[tuple[int, int], ...]
"""The half-open interval of each dimension."""


@dataclass(frozen=True)
class Entry:
    """Where a constant's bytes lie: a file, the offset in it, and how to read them (row-major, little endian)."""

    file: Path
    offset: int
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]

    def open(self) -> Array:
        """The array, memory-mapped. Raises AicError when the file is missing or too short."""
        size = prod(self.shape)
        if size == 0:
            return np.empty(self.shape, self.dtype)
        try:
            mapped = np.memmap(self.file, self.dtype, "r", self.offset, (size,))
        except (OSError, ValueError) as error:
            raise AicError(
                f"weights file {self.file}: cannot read {size} x {self.dtype} at {self.offset}: {error}"
            ) from error
        return mapped.view(np.ndarray).reshape(self.shape)


@dataclass(frozen=True)
class Section:
    """A box of the array behind another key."""

    whole: str
    box: Box

    @property
    def shape(self) -> tuple[int, ...]:
        """Extents of the box."""
        return tuple(high - low for low, high in self.box)

    def of(self, array: Array) -> Array:
        """The box as a view. Raises AicError when the array has no such box."""
        part = array[tuple(slice(*interval) for interval in self.box)] if array.ndim == len(self.box) else array
        if part.shape != self.shape:
            raise AicError(f"weight {self.whole!r} has shape {array.shape}, in which there is no box {self.box}")
        return part


@dataclass(frozen=True)
class KeyedArray:
    """An array, contiguous, and its key in the store: a digest of its bytes, type and shape."""

    key: str
    array: Array

    @staticmethod
    def of(array: Array) -> "KeyedArray":
        """The array with its key."""
        array = np.require(array, requirements="C")  # keeps rank 0, which ascontiguousarray does not
        digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())  # the digest that processors compute
        digest.update(array.reshape(-1).view(np.uint8).data)
        return KeyedArray(digest.hexdigest()[:32], array)


@dataclass
class WeightStore:
    """Constants by key. `folder` names the store in modules; nothing is written there before `save`."""

    folder: str
    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])
    arrays: dict[str, Array] = field(default_factory=dict[str, Array])
    sections: dict[str, Section] = field(default_factory=dict[str, Section])

    def map_tensor(self, file: Path, offset: int, dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> str:
        """Key of a tensor that lies in a file; its bytes are not touched."""
        length = prod(shape) * dtype.itemsize
        key = f"{file.name}@{offset}+{length}"
        entry = Entry(file.resolve(), offset, dtype, shape)
        if self.entries.setdefault(key, entry).file != entry.file:
            key = f"{file}@{offset}+{length}"
            self.entries[key] = entry
        return key

    def add(self, array: Array) -> str:
        """Key of an array that a pass made."""
        return self.add_keyed(KeyedArray.of(array))

    def add_keyed(self, keyed: "KeyedArray") -> str:
        """The same for an array whose key is known already."""
        self.arrays.setdefault(keyed.key, keyed.array)
        return keyed.key

    def add_filled(self, value: npt.NDArray[np.generic], shape: tuple[int, ...]) -> str:
        """Key of an array of one value (of rank 0), which is kept once whatever the shape."""
        key = f"filled-{value.dtype.str[1:]}-{value.tobytes().hex()}-{'x'.join(map(str, shape))}"
        self.arrays.setdefault(key, np.broadcast_to(value, shape))
        return key

    def add_section(self, key: str, box: Box) -> str:
        """Key of a box of the array behind a key, of which no byte is touched; the key itself where that is all."""
        full = tuple((0, size) for size in self.stored_shape(key))
        if box == full:
            return key
        around = self.sections.get(key)
        if around is not None:
            moved = ((first + low, first + high) for (first, _), (low, high) in zip(around.box, box, strict=True))
            return self.add_section(around.whole, tuple(moved))
        spans = [":" if part == whole else "{}:{}".format(*part) for part, whole in zip(box, full, strict=True)]
        section = f"{key}[{', '.join(spans)}]"
        self.sections[section] = Section(key, box)
        return section

    def stored(self, key: str) -> Array:
        """The array behind a key, as stored. Raises AicError for an unknown key.

        A tensor of a file is mapped anew by each call: what has been read of it leaves memory with the array, so that
        weights pass through without being held.
        """
        section = self.sections.get(key)
        known = self._known(key if section is None else section.whole)
        array = known.open() if isinstance(known, Entry) else known
        return array if section is None else section.of(array)

    def stored_dtype(self, key: str) -> np.dtype[np.generic]:
        """Its dtype; nothing is opened."""
        section = self.sections.get(key)
        return self._known(key if section is None else section.whole).dtype

    def stored_shape(self, key: str) -> tuple[int, ...]:
        """Its shape; nothing is opened."""
        section = self.sections.get(key)
        return self._known(key).shape if section is None else section.shape

    def _known(self, key: str) -> Array | Entry:
        known = self.arrays.get(key, self.entries.get(key))
        if known is None:
            raise AicError(
                f"weight {key!r} is not in the store {self.folder!r}; pass --weights with the folder that has it"
            )
        return known

    def constant(self, array: Array, tensor: TensorType[Attribute] | None = None) -> WeightAttr | DenseAttr:
        """Attribute of an array (element type as given by `tensor`): inline when small, else a handle of its bytes kept
        here.
        """
        tensor = tensor or TensorType(element_type(array.dtype), array.shape)
        if tensor_bytes(tensor) <= INLINE_BYTES:
            return DenseAttr.of(_converted(array, tensor.element_type), tensor)
        return WeightAttr.of(self.add(array), tensor)

    def seen_as(self, weight: WeightAttr) -> Array:
        """The stored array permuted and reshaped as the handle says, elements still as stored. A view where NumPy can
        make one.
        """
        array = self.stored(weight.key.data)
        if weight.order:
            array = array.transpose(weight.order)
        shape = weight.type.get_shape()
        if array.size != prod(shape):
            raise AicError(f"weight {weight.key.data!r} has shape {array.shape}, which is not {weight.type}")
        return array.reshape(shape)

    def held(self, constant: WeightAttr | DenseAttr) -> Array:
        """Values of a constant as interpreters hold them (f16 in float32, rounded and clamped)."""
        array = constant.array() if isinstance(constant, DenseAttr) else self.seen_as(constant)
        element = constant.type.element_type
        return _converted(array, element).astype(held_dtype(element), copy=False)

    def stored_bytes(self, constant: WeightAttr | DenseAttr) -> Array:
        """Values of a constant in the dtype in which memory holds them, contiguous: what the QPC's constants segment
        takes.
        """
        array = constant.array() if isinstance(constant, DenseAttr) else self.seen_as(constant)
        return as_stored(array, constant.type.element_type)

    def parts(self, constant: WeightAttr | DenseAttr) -> Iterator[Array]:
        """Views that follow each other in the constant and are small; `as_stored` makes of them what `stored_bytes`
        makes of the whole.
        """
        array = constant.array() if isinstance(constant, DenseAttr) else self.seen_as(constant)
        if array.flags.c_contiguous:
            array = array.reshape(-1)
        rows = max(1, _PART_ELEMENTS * len(array) // array.size) if array.size else 1
        for start in range(0, len(array), rows):
            yield array[start : start + rows]

    @property
    def unsaved(self) -> list[str]:
        """Keys of the arrays that exist only in this process."""
        return [key for key in self.arrays if key not in self.entries]

    def save(self, folder: Path) -> None:
        """Makes a folder serve other processes: writes the index and, in a file of their own, the unsaved arrays.

        What the folder has already stays there. Raises AicError when it cannot be written or its index is damaged.
        """
        folder = folder.resolve()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AicError(f"weight store {folder}: {error.strerror}") from error
        entries, sections = _read_index(folder)
        self.entries = {key: entry for key, entry in entries.items() if entry.file.is_file()} | self.entries
        self.sections = sections | self.sections
        if self.unsaved:
            self.entries |= _write_blob(_free_blob(folder), {key: self.arrays[key] for key in self.unsaved})
        index = {key: _described(entry, folder) for key, entry in self.entries.items()}
        index |= {key: {"whole": section.whole, "box": section.box} for key, section in self.sections.items()}
        with written_aside(folder / _INDEX) as partial:
            partial.write_text(json.dumps(index, indent=1) + "\n")


def _free_blob(folder: Path) -> Path:
    """The first name for a file of arrays that the folder does not have."""
    return next(path for number in count() if not (path := folder / f"weights-{number}.bin").exists())


def _write_blob(path: Path, arrays: Mapping[str, Array]) -> dict[str, Entry]:
    """Writes arrays one after the other; returns where each lies."""
    entries: dict[str, Entry] = {}
    offset = 0
    with written_aside(path) as partial, partial.open("wb") as blob:
        for key, array in arrays.items():
            entries[key] = Entry(path, offset, array.dtype, array.shape)
            padding = -array.nbytes % _BLOB_ALIGNMENT
            blob.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
            blob.write(bytes(padding))
            offset += array.nbytes + padding
    return entries


def _described(entry: Entry, folder: Path) -> dict[str, object]:
    """An entry as the index of a folder holds it: files inside by their relative path, so that the folder may move."""
    file = entry.file.resolve()
    name = file.relative_to(folder) if file.is_relative_to(folder) else file
    return {"file": name.as_posix(), "offset": entry.offset, "dtype": entry.dtype.str, "shape": list(entry.shape)}


def as_stored(array: Array, element: Attribute) -> Array:
    """Values in the dtype in which memory holds `element`, contiguous.

    Finite ones beyond the range of f16 become its largest.
    """
    return np.require(_converted(array, element), requirements="C")  # keeps rank 0, which ascontiguousarray does not


def _converted(array: Array, element: Attribute) -> Array:
    dtype = stored_dtype(element)
    if dtype != np.float16 or array.dtype == dtype:
        return array.astype(dtype, copy=False)
    try:
        with np.errstate(over="raise"):
            return array.astype(np.float16)
    except FloatingPointError:  # a finite value is beyond the range
        pass
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    overflown = np.isinf(half) & np.isfinite(array)
    half[overflown] = np.copysign(F16_MAX, array[overflown])
    return half


def within_f16(array: Array) -> bool:
    """Whether all values are numbers in the range of f16, infinities not among them."""
    with np.errstate(invalid="ignore"):
        return array.size == 0 or bool(array.min() >= -F16_MAX and array.max() <= F16_MAX)


_STORES: dict[str, WeightStore] = {}


def create_store(folder: str) -> WeightStore:
    """A new store known by that folder in this process.

    It keeps the arrays and boxes that an earlier one of that name was given: their keys tell their content, and a
    module may still use them.
    """
    earlier = _STORES.get(folder)
    made = {key: a for key, a in earlier.arrays.items() if key not in earlier.entries} if earlier else {}
    sections = dict(earlier.sections) if earlier else {}
    store = _STORES[folder] = WeightStore(folder, arrays=made, sections=sections)
    return store


def open_store(folder: str) -> WeightStore:
    """The store of that name in this process, else the one saved in that folder, else a new one. Raises AicError for a
    damaged index.
    """
    if folder not in _STORES:
        entries, sections = _read_index(Path(folder))
        _STORES[folder] = WeightStore(folder, entries, sections=sections)
    return _STORES[folder]


def _read_index(folder: Path) -> tuple[dict[str, Entry], dict[str, Section]]:
    """The entries of a saved store, and boxes of them; none when nothing was saved there."""
    index = folder / _INDEX
    if not index.is_file():
        return {}, {}
    try:
        known = dict(json.loads(index.read_text()))
        sections = {
            key: Section(about["whole"], tuple((int(low), int(high)) for low, high in about["box"]))
            for key, about in known.items()
            if "whole" in about
        }
        entries = {
            key: Entry(folder / about["file"], int(about["offset"]), np.dtype(about["dtype"]), tuple(about["shape"]))
            for key, about in known.items()
            if key not in sections
        }
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise AicError(f"weight store {index}: not a valid index ({error})") from error
    return entries, sections


def drop_store(folder: str) -> None:
    """Forgets a store of this process, so that its memory can go."""
    _STORES.pop(folder, None)


def store_of(module: ModuleOp) -> WeightStore:
    """The store that a module names by `aic.weights`; a module without the attribute shares the store named ''."""
    folder = inherited(module, STORE_ATTRIBUTE)
    return open_store(folder.data if isinstance(folder, StringAttr) else "")


def move_store(module: ModuleOp, folder: str) -> None:
    """Makes a module name its store by another folder; nothing is written there before `save`."""
    store = store_of(module)
    drop_store(store.folder)
    store.folder = folder
    _STORES[folder] = store
    module.attributes[STORE_ATTRIBUTE] = StringAttr(folder)


def locate_store(module: ModuleOp, folder: Path) -> None:
    """Makes a module that was read from a file in `folder` name its store by an absolute path, if a store is saved
    there under the relative name that the module has. Else the name stays: it is relative to the working directory.
    """
    name = module.attributes.get(STORE_ATTRIBUTE)
    if not isinstance(name, StringAttr) or Path(name.data).is_absolute():
        return
    beside = (folder / name.data).resolve()
    if (beside / _INDEX).is_file():
        module.attributes[STORE_ATTRIBUTE] = StringAttr(str(beside))


@contextmanager
def store_named_from(module: ModuleOp, folder: Path) -> Generator[None]:
    """Within the block a module names its store, if that lies below `folder`, by the path from there: what a file in
    that folder says, for `locate_store`.
    """
    name = module.attributes.get(STORE_ATTRIBUTE)
    if not isinstance(name, StringAttr) or not Path(name.data).is_relative_to(folder.resolve()):
        yield
        return
    module.attributes[STORE_ATTRIBUTE] = StringAttr(Path(name.data).relative_to(folder.resolve()).as_posix())
    try:
        yield
    finally:
        module.attributes[STORE_ATTRIBUTE] = name
