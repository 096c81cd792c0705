"""State that stays on the card: an input of a network that an output of the inference before it becomes.

`aic.retained` of a program lists the inputs. Input and output are two memories in DDR, which the runtime exchanges when
an inference has ended: nothing of the state is overwritten while it is read, whatever the order of the program.
Programs of which one runs at a time share the state of a name where its type is the same.

Of a network in parts, a part keeps what it reads and writes. One that works on slices of tensors may keep a slice:
`aic.state_slices = {past_key = array<i64: 1, 4, 16>}` says that it has positions of dimension 1 from 4 on, of 16.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ArrayAttr, DenseArrayBase, DictionaryAttr, ModuleOp, StringAttr, i64
from xdsl.ir import Attribute

from dialects.errors import AicError
from dialects.module import inherited

RETAINED = "aic.retained"
STATE_SLICES = "aic.state_slices"
SUFFIX = "_RetainedState"
"""What the name of an output adds to that of the input which it becomes."""


@dataclass(frozen=True)
class StateSlice:
    """Which slice of an input that stays on the card a part has: its first position in a dimension of so many."""

    dim: int
    first: int
    size: int

    def whole(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The shape of all, by that of the slice."""
        return tuple(self.size if dim == self.dim else extent for dim, extent in enumerate(shape))

    def place(self, shape: Sequence[int]) -> tuple[slice, ...]:
        """Where the slice of a shape lies in all."""
        end = self.first + shape[self.dim]
        return tuple(slice(self.first, end) if dim == self.dim else slice(None) for dim in range(len(shape)))


def retained_of(module: ModuleOp) -> tuple[str, ...]:
    """Names of the inputs that stay on the card. Raises AicError when the attribute is no array of different names."""
    given = inherited(module, RETAINED)
    if given is None:
        return ()
    names = [name.data for name in given.data if isinstance(name, StringAttr)] if isinstance(given, ArrayAttr) else []
    if not isinstance(given, ArrayAttr) or len(set(names)) < len(given.data):
        raise AicError(f"{RETAINED} = {given}: expected an array of names, each once")
    return tuple(names)


def set_retained(module: ModuleOp, names: Sequence[str]) -> None:
    """Says which inputs stay on the card."""
    module.attributes[RETAINED] = ArrayAttr([StringAttr(name) for name in names])


def retaining(name: str) -> str:
    """Name of the output that becomes an input."""
    return name + SUFFIX


def state_slices_of(part: ModuleOp) -> dict[str, StateSlice]:
    """Of which inputs that stay on the card a part has a slice only, by their names. Raises AicError when the attribute
    is no such dictionary.
    """
    given = part.attributes.get(STATE_SLICES, DictionaryAttr({}))
    entries = given.data if isinstance(given, DictionaryAttr) else {"": given}
    return {name: _slice(name, entry) for name, entry in entries.items()}


def _slice(name: str, entry: Attribute) -> StateSlice:
    numbers = entry.get_values() if isinstance(entry, DenseArrayBase) and entry.elt_type == i64 else ()
    if len(numbers) != len(_FIELDS):
        raise AicError(f"{STATE_SLICES}: {name!r} is {entry}; expected array<i64: {', '.join(_FIELDS)}>")
    return StateSlice(*map(int, numbers))


_FIELDS = ("dimension", "first position", "size of all")


def set_state_slices(part: ModuleOp, slices: Mapping[str, StateSlice]) -> None:
    """Says of which inputs that stay on the card a part has a slice only."""
    part.attributes.pop(STATE_SLICES, None)
    if slices:
        entries = {name: DenseArrayBase.from_list(i64, [s.dim, s.first, s.size]) for name, s in slices.items()}
        part.attributes[STATE_SLICES] = DictionaryAttr(entries)
