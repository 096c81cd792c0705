"""Static shapes: symbols and the batch size are bound in the shapes of a model's inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import onnx

from aic.importer.problems import ImportFailure, nearest


@dataclass
class Binding:
    """Values of symbols, and of the first dimension where it has no bound symbol and no size but the one replaced."""

    symbols: Mapping[str, int]
    batch_size: int | None
    replaced: int | None
    problems: list[str] = field(default_factory=list[str])

    def shape(self, name: str, dims: Sequence[onnx.TensorShapeProto.Dimension]) -> tuple[int, ...]:
        """Static shape of the input; what cannot be bound is noted as a problem and taken as 1."""
        return tuple(self._size(name, position, dim) for position, dim in enumerate(dims))

    def _size(self, name: str, position: int, dim: onnx.TensorShapeProto.Dimension) -> int:
        if dim.HasField("dim_value"):
            if dim.dim_value < 0:
                self.problems.append(f"input {name!r}: dimension {position} is {dim.dim_value}")
            if position == 0 and self.batch_size is not None and dim.dim_value == self.replaced:
                return self.batch_size
            return max(dim.dim_value, 0)
        if dim.dim_param in self.symbols:
            return self.symbols[dim.dim_param]
        if position == 0 and self.batch_size is not None:
            return self.batch_size
        what = f"symbol {dim.dim_param!r} of input" if dim.dim_param else "unknown size in input"
        self.problems.append(
            f"{what} {name!r}, dimension {position}, has no value"
            + (f" (-onnx-define-symbol={dim.dim_param},VALUE" if dim.dim_param else " (")
            + (", or -batchsize=VALUE)" if position == 0 else ")" if dim.dim_param else "fix it in the model)")
        )
        return 1


def bind_shapes(
    inputs: Sequence[onnx.ValueInfoProto], symbols: Mapping[str, int], batch_size: int | None
) -> dict[str, tuple[int, ...]]:
    """Static shapes of the inputs.

    Raises ImportFailure listing every symbol that is unbound, unknown (with the nearest names) or out of range.
    """
    shapes = {value.name: value.type.tensor_type.shape.dim for value in inputs}
    known = {dim.dim_param for dims in shapes.values() for dim in dims if dim.dim_param}
    problems = [f"the model has no symbol {name!r}; {nearest(name, known)}" for name in symbols if name not in known]
    problems += [f"symbol {name!r} is {size}; sizes are positive" for name, size in symbols.items() if size < 1]
    first = {dims[0].dim_param for dims in shapes.values() if dims and dims[0].dim_param}
    if batch_size is not None:
        problems += [
            f"symbol {name!r} is {symbols[name]}, but the batch size is {batch_size}"
            for name in sorted(first & symbols.keys())
            if symbols[name] != batch_size
        ]
        problems += _batch_problems(shapes, batch_size)
        symbols = {**dict.fromkeys(first, batch_size), **symbols}
    binding = Binding(symbols, batch_size, replaced_batch(inputs, batch_size), problems)
    bound = {name: binding.shape(name, dims) for name, dims in shapes.items()}
    if problems:
        raise ImportFailure("; ".join(dict.fromkeys(problems)))
    return bound


def _batch_problems(shapes: Mapping[str, Sequence[onnx.TensorShapeProto.Dimension]], batch_size: int) -> list[str]:
    if batch_size < 1:
        return [f"the batch size is {batch_size}; it must be positive"]
    fixed = {name: dims[0].dim_value for name, dims in shapes.items() if dims and dims[0].HasField("dim_value")}
    free = [name for name, dims in shapes.items() if dims and not dims[0].HasField("dim_value")]
    if free or batch_size in fixed.values() or len(set(fixed.values())) <= 1:
        return []
    sizes = ", ".join(f"{name!r} {size}" for name, size in fixed.items())
    return [f"batch size {batch_size}, but the first dimensions of the inputs are no one batch size: {sizes}"]


def replaced_batch(inputs: Sequence[onnx.ValueInfoProto], batch_size: int | None) -> int | None:
    """The batch size that a model fixes as the first dimension of all its inputs, when another one is asked for."""
    firsts = [dims[0] for value in inputs if (dims := value.type.tensor_type.shape.dim)]
    sizes = {dim.dim_value if dim.HasField("dim_value") else None for dim in firsts}
    size = sizes.pop() if len(sizes) == 1 else None
    return size if size and batch_size is not None and size != batch_size else None
