"""The weight store: the bytes of constants, kept outside the IR.

One store serves one model on its way through the compiler. A tensor of the model is a memory map, keyed by file, offset
and length, and is never hashed or copied; an array that a pass makes is keyed by its content. A module names its store
by the attribute `aic.weights`; `store_of(module)` finds it, whether it lives in this process or in a folder that an
earlier tool wrote.
"""

import hashlib
import json
import os
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import Float16Type, ModuleOp, StringAttr, TensorType
from xdsl.ir import Attribute

from dialects.aic import INLINE_BYTES, DenseAttr, WeightAttr
from dialects.element_types import F16_MAX, element_type, held_dtype, stored_dtype, tensor_bytes
from dialects.errors import AicError

STORE_ATTRIBUTE = "aic.weights"
_INDEX = "index.json"
_BLOB = "weights.bin"

Array: TypeAlias = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Entry:
    """Where a constant's bytes lie: a file, the offset in it, and how to read them (row-major, little endian)."""

    file: Path
    offset: int
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]

    def open(self) -> Array:
        """The array, memory-mapped. Raises AicError when the file is missing or too short."""
        count = prod(self.shape)
        if count == 0:
            return np.empty(self.shape, self.dtype)
        try:
            mapped = np.memmap(self.file, self.dtype, "r", self.offset, (count,))
        except (OSError, ValueError) as error:
            raise AicError(
                f"weights file {self.file}: cannot read {count} x {self.dtype} at {self.offset}: {error}"
            ) from error
        return mapped.view(np.ndarray).reshape(self.shape)


@dataclass
class WeightStore:
    """Constants by key. `folder` names the store in modules; nothing is written there before `save`."""

    folder: str
    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])
    arrays: dict[str, Array] = field(default_factory=dict[str, Array])

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
        """Key of an array that a pass made: a digest of its bytes, type and shape."""
        array = np.ascontiguousarray(array)
        digest = hashlib.blake2b(f"{array.dtype.str}{array.shape}".encode(), digest_size=16)
        digest.update(array.reshape(-1).view(np.uint8).data)
        key = digest.hexdigest()
        self.arrays.setdefault(key, array)
        return key

    def stored(self, key: str) -> Array:
        """The array behind a key, as stored. Raises AicError for an unknown key."""
        array = self.arrays.get(key)
        if array is None:
            entry = self.entries.get(key)
            if entry is None:
                raise AicError(
                    f"weight {key!r} is not in the store {self.folder!r}; pass --weights with the folder that has it"
                )
            array = self.arrays[key] = entry.open()
        return array

    def constant(self, array: Array, tensor: TensorType[Attribute] | None = None) -> WeightAttr | DenseAttr:
        """Attribute of an array (element type as given by `tensor`): inline when small, else a handle of its bytes kept
        here.
        """
        tensor = tensor or TensorType(element_type(array.dtype), array.shape)
        if tensor_bytes(tensor) <= INLINE_BYTES:
            return DenseAttr.of(_clamped(array, tensor.element_type), tensor)
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
        if isinstance(element, Float16Type) and array.dtype != np.float16:
            array = _clamped(array, element).astype(np.float16)
        return array.astype(held_dtype(element), copy=False)

    def stored_bytes(self, constant: WeightAttr | DenseAttr) -> Array:
        """Values of a constant in the dtype in which memory holds them, contiguous: what the QPC's constants segment
        takes.
        """
        array = constant.array() if isinstance(constant, DenseAttr) else self.seen_as(constant)
        element = constant.type.element_type
        return np.ascontiguousarray(_clamped(array, element).astype(stored_dtype(element), copy=False))

    def save(self, folder: Path) -> None:
        """Writes the index and the arrays that exist only in memory to a folder, which then serves other processes."""
        folder.mkdir(parents=True, exist_ok=True)
        index = {key: _described(entry.file, entry) for key, entry in self.entries.items()}
        offset = 0
        temporary = folder / (_BLOB + ".partial")
        with temporary.open("wb") as blob:
            for key, array in self.arrays.items():
                if key in self.entries:
                    continue
                entry = Entry(Path(_BLOB), offset, array.dtype, array.shape)
                index[key] = _described(Path(_BLOB), entry)
                blob.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
                padding = -array.nbytes % 64
                blob.write(bytes(padding))
                offset += array.nbytes + padding
        os.replace(temporary, folder / _BLOB)
        partial = folder / (_INDEX + ".partial")
        partial.write_text(json.dumps(index, indent=1) + "\n")
        os.replace(partial, folder / _INDEX)


def _described(file: Path, entry: Entry) -> dict[str, object]:
    return {"file": str(file), "offset": entry.offset, "dtype": entry.dtype.str, "shape": list(entry.shape)}


def _clamped(array: Array, element: Attribute) -> Array:
    """Values inside the finite range of f16 where the element type is f16 and the stored one is wider."""
    if not isinstance(element, Float16Type) or array.dtype == np.float16:
        return array
    return np.clip(array, -F16_MAX, F16_MAX)


_STORES: dict[str, WeightStore] = {}


def create_store(folder: str) -> WeightStore:
    """A new, empty store known by that folder in this process."""
    store = _STORES[folder] = WeightStore(folder)
    return store


def open_store(folder: str) -> WeightStore:
    """The store of that name in this process, else the one saved in that folder, else a new one."""
    if folder in _STORES:
        return _STORES[folder]
    store = create_store(folder)
    index = Path(folder) / _INDEX
    if not index.is_file():
        return store
    try:
        for key, about in json.loads(index.read_text()).items():
            file = Path(folder) / about["file"]
            store.entries[key] = Entry(file, int(about["offset"]), np.dtype(about["dtype"]), tuple(about["shape"]))
    except (ValueError, KeyError, TypeError, OSError) as error:
        del _STORES[folder]
        raise AicError(f"weight store {index}: not a valid index ({error})") from error
    return store


def drop_store(folder: str) -> None:
    """Forgets a store of this process, so that its memory can go."""
    _STORES.pop(folder, None)


def store_of(module: ModuleOp) -> WeightStore:
    """The store that a module names by `aic.weights`; a module without the attribute shares the store named ''."""
    folder = module.attributes.get(STORE_ATTRIBUTE)
    return open_store(folder.data if isinstance(folder, StringAttr) else "")
