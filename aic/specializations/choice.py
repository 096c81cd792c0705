"""Which of several specializations takes given inputs: that whose shapes are theirs."""

from collections.abc import Mapping, Sequence

from aic.tensors import Shape, Signature, shown
from dialects.errors import AicError


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
    raise AicError(not_one(signatures, found, shapes))


def not_one(signatures: Sequence[Signature], found: Sequence[int], shapes: Mapping[str, Shape]) -> str:
    """What to say when the specializations of these numbers, none or several, take inputs of these shapes."""
    which = "no specialization takes" if not found else f"{len(found)} specializations take"
    listed = [signatures[number] for number in found] or signatures
    return f"{which} {shown(shapes)}; there are:" + "".join(f"\n  {each}" for each in listed)
