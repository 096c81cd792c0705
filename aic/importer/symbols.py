"""Static shapes: symbols and the batch size are bound in the shapes of a model's inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import onnx

from aic.importer.problems import ImportFailure, listed, nearest


@dataclass
class Binding:
    """Values of symbols, and of the first dimension where it has neither a size nor a bound symbol."""

    symbols: Mapping[str, int]
    batch_size: int | None
    problems: list[str] = field(default_factory=list[str])

    def shape(self, name: str, dims: Sequence[onnx.TensorShapeProto.Dimension]) -> tuple[int, ...]:
        """Static shape of the input; what cannot be bound is noted as a problem and taken as 1."""
        return tuple(self._size(name, position, dim) for position, dim in enumerate(dims))

    def _size(self, name: str, position: int, dim: onnx.TensorShapeProto.Dimension) -> int:
        if dim.HasField("dim_value"):
            if dim.dim_value < 0:
                self.problems.append(f"input {name!r}: dimension {position} is {dim.dim_value}")
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
    binding = Binding(symbols, batch_size, problems)
    bound = {name: binding.shape(name, dims) for name, dims in shapes.items()}
    if problems:
        raise ImportFailure("; ".join(dict.fromkeys(problems)))
    return bound


def _batch_problems(shapes: Mapping[str, Sequence[onnx.TensorShapeProto.Dimension]], batch_size: int) -> list[str]:
    if batch_size < 1:
        return [f"the batch size is {batch_size}; it must be positive"]
    fixed = [name for name, dims in shapes.items() if dims and dims[0].HasField("dim_value")]
    free = [name for name, dims in shapes.items() if dims and not dims[0].HasField("dim_value")]
    fitting = [name for name in fixed if shapes[name][0].dim_value == batch_size]
    if free or fitting or not fixed:
        return []
    size = shapes[fixed[0]][0].dim_value
    return [f"batch size {batch_size}, but the model fixes the first dimension of {listed(fixed)} to {size}"]
