"""Which of several specializations takes given inputs: that whose shapes are theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aic.tensors import TensorInfo
from dialects.errors import AicError

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Signature:
    """What a program takes and gives, in the order of the model."""

    name: str
    """Of a specialization, with its symbols; empty of a network that has one shape."""
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    """All but those that stay on the card."""
    retained: tuple[str, ...] = ()
    """Inputs that stay on the card: they may be left out."""

    def takes(self, shapes: Mapping[str, Shape]) -> bool:
        """Whether inputs of these shapes are its own; what stays on the card may be missing."""
        known = {tensor.name: tensor.shape for tensor in self.inputs}
        needed = known.keys() - set(self.retained)
        return needed <= shapes.keys() and all(known.get(name) == shape for name, shape in shapes.items())

    def __str__(self) -> str:
        return f"{self.name}: {shown({tensor.name: tensor.shape for tensor in self.inputs})}"


def choose(signatures: Sequence[Signature], shapes: Mapping[str, Shape]) -> int:
    """Number of the specialization for inputs of these shapes. The only one there is takes all, and says itself what
    is wrong with them.

    Raises AicError that lists those that there are when none, or not one alone, takes the inputs.
    """
    if len(signatures) == 1:
        return 0
    found = [number for number, each in enumerate(signatures) if each.takes(shapes)]
    if len(found) == 1:
        return found[0]
    which = "no specialization takes" if not found else f"{len(found)} specializations take"
    listed = [signatures[number] for number in found] or signatures
    raise AicError(f"{which} {shown(shapes)}; there are:" + "".join(f"\n  {each}" for each in listed))


def shown(shapes: Mapping[str, Shape]) -> str:
    """Inputs with their shapes: `'x' [1, 3, 56, 56]`."""
    return ", ".join(f"{name!r} {list(shape)}" for name, shape in shapes.items()) or "no inputs"
