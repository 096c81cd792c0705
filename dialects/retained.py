"""State that stays on the card: an input of a network that an output of the inference before it becomes.

`aic.retained` of a program lists the inputs. Input and output are two memories in DDR, which the runtime exchanges when
an inference has ended: nothing of the state is overwritten while it is read, whatever the order of the program.
Programs of which one runs at a time share the state of a name where its type is the same.
"""

from collections.abc import Sequence

from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr

from dialects.errors import AicError
from dialects.module import inherited

RETAINED = "aic.retained"
SUFFIX = "_RetainedState"
"""What the name of an output adds to that of the input which it becomes."""


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
