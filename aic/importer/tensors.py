"""Tensors of a model as constants: small ones inline, large ones as handles of the bytes where they lie."""

from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute

from aic.importer.problems import ImportFailure, Unsupported
from aic.importer.wire import OWN_FILE
from dialects.aic import INLINE_BYTES, DenseAttr, WeightAttr
from dialects.element_types import element_type
from dialects.errors import AicError
from dialects.weights import Entry, WeightStore


def onnx_dtype(number: int) -> np.dtype[np.generic]:
    """NumPy dtype of an ONNX element type. Raises Unsupported when aic has no such type."""
    name = onnx.TensorProto.DataType.Name(number) if number in onnx.TensorProto.DataType.values() else str(number)
    try:
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(number))
        element_type(dtype)
    except (KeyError, TypeError, AicError):
        raise Unsupported(f"element type {name} is not supported") from None
    return dtype


def onnx_element(number: int) -> Attribute:
    """Element type of an ONNX element type. Raises Unsupported when aic has no such type."""
    return element_type(onnx_dtype(number))


@dataclass(frozen=True)
class TensorReader:
    """Makes constants of a model's tensors. `file` is the model's own file, None for a model in memory."""

    store: WeightStore
    folder: Path
    file: Path | None

    def constant(self, tensor: onnx.TensorProto) -> WeightAttr | DenseAttr:
        """The tensor's value. Raises Unsupported for its element type, ImportFailure when its bytes are not there."""
        dtype = onnx_dtype(tensor.data_type)
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            return self._inline(tensor, dtype)
        entry = self._entry(tensor, dtype)
        if prod(entry.shape) * dtype.itemsize <= INLINE_BYTES:
            return DenseAttr.from_array(entry.open())
        key = self.store.map_tensor(entry.file, entry.offset, dtype, entry.shape)
        return WeightAttr.of(key, TensorType(element_type(dtype), entry.shape))

    def array(self, tensor: onnx.TensorProto) -> npt.NDArray[np.generic]:
        """The tensor's elements in their stored dtype; raises as `constant` does."""
        return self.store.stored_bytes(self.constant(tensor))

    def _inline(self, tensor: onnx.TensorProto, dtype: np.dtype[np.generic]) -> WeightAttr | DenseAttr:
        try:
            values: npt.NDArray[np.generic] = numpy_helper.to_array(tensor)
        except (ValueError, TypeError) as error:
            raise ImportFailure(f"tensor {tensor.name!r}: corrupt ({error})") from error
        return self.store.constant(values.astype(dtype, copy=False))

    def _entry(self, tensor: onnx.TensorProto, dtype: np.dtype[np.generic]) -> Entry:
        """Where the bytes of an external tensor lie. Raises ImportFailure when they cannot."""
        about = {entry.key: entry.value for entry in tensor.external_data}
        file = self.file if OWN_FILE in about else self._external_file(tensor.name, about.get("location", ""))
        shape = tuple(tensor.dims)
        needed = prod(shape) * dtype.itemsize
        try:
            offset = int(about.get("offset", "0"))
            length = int(about.get("length", str(needed)))
        except ValueError:
            raise ImportFailure(f"tensor {tensor.name!r}: offset or length of its data is not a number") from None
        if file is None or min((*shape, offset)) < 0 or length != needed:
            raise ImportFailure(
                f"tensor {tensor.name!r}: {length} bytes of data for {dtype} {list(shape)}, not {needed}"
            )
        size = file.stat().st_size
        if offset + length > size:
            raise ImportFailure(
                f"tensor {tensor.name!r}: {file} is too short: data ends at byte {offset + length}, the file at {size}"
            )
        return Entry(file, offset, dtype, shape)

    def _external_file(self, name: str, location: str) -> Path:
        relative = Path(location)
        if not location or relative.is_absolute() or ".." in relative.parts:
            raise ImportFailure(
                f"tensor {name!r}: external data at {location!r}, which is not below the model's folder"
            )
        file = self.folder / relative
        if not file.is_file():
            raise ImportFailure(f"external data file {file} is missing")
        return file
