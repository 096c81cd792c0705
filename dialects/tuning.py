"""How a user tunes a compile: values that change how work is cut, placed and moved, and never what is computed.

They stand in the module, as the dictionary `aic.tuning`; passes read them there. What is not given the compiler chooses
by cost.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

from xdsl.dialects.builtin import DictionaryAttr, FloatAttr, IntegerAttr, ModuleOp, f64, i1, i64
from xdsl.ir import Attribute

from dialects.errors import AicError

TUNING = "aic.tuning"
"""Name of the module's attribute."""


class Knob(NamedTuple):
    """What a tuning value is: its type, and the least and largest number (None: no limit)."""

    kind: type[int] | type[float] | type[bool]
    least: float | None = None
    most: float | None = None


KNOBS: Mapping[str, Knob] = {
    "ols": Knob(int, 1),
    "mos": Knob(int, 1),
    "multicast_weights": Knob(bool),
    "size_split_granularity": Knob(int, 512, 2048),
    "vtcm_working_set_limit_ratio": Knob(float, 0, 1),
    "allocator_dealloc_delay": Knob(int, 0, 10),
    "use_producer_dma": Knob(bool),
}
"""The tuning values, as the vendor documents their options."""


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """Tuning values; None where the compiler chooses. Each is the option of the same name, with dashes."""

    ols: int | None = None
    """Parts into which each operation's work on a core is cut at least, so that its engine and those of its neighbours
    overlap."""
    mos: int | None = None
    """Cores over which output channels, and the weights with them, are split at most, and as far as they can be."""
    multicast_weights: bool | None = None
    """Whether weights that several cores need leave DDR once for all of them, or once per core."""
    size_split_granularity: int | None = None
    """KiB that a part of a tensor has at most where an operation is too large to run in one piece."""
    vtcm_working_set_limit_ratio: float | None = None
    """Part of VTCM that what one instruction touches may take."""
    allocator_dealloc_delay: int | None = None
    """Positions of the program for which a buffer's place in VTCM stays its own after its last use."""
    use_producer_dma: bool | None = None
    """Whether transfers of what a kernel made are started by the thread of its engine, or by one for all of them."""

    def given(self) -> dict[str, int | float | bool]:
        """The values that are given, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


def tuning_of(module: ModuleOp) -> Tuning:
    """The tuning of a module; values that it does not give are those of the modules around it.

    Raises AicError for a value that is unknown, of another type, or out of range.
    """
    around = module.parent_op()
    outer = tuning_of(around) if isinstance(around, ModuleOp) else Tuning()
    attribute = module.attributes.get(TUNING, DictionaryAttr({}))
    if not isinstance(attribute, DictionaryAttr):
        raise AicError(f"{TUNING} is {attribute}, which is no dictionary")
    unknown = sorted(attribute.data.keys() - KNOBS.keys())
    if unknown:
        raise AicError(f"{TUNING}: there is no {', '.join(unknown)}; there are {', '.join(KNOBS)}")
    return replace(outer, **{name: _checked(name, _plain(value)) for name, value in attribute.data.items()})


def set_tuning(module: ModuleOp, tuning: Tuning) -> None:
    """Writes a tuning into a module; one that gives nothing leaves no trace. Raises AicError as `tuning_of`."""
    given = {name: _attribute(_checked(name, value)) for name, value in sorted(tuning.given().items())}
    module.attributes.pop(TUNING, None)
    if given:
        module.attributes[TUNING] = DictionaryAttr(given)


def _checked(name: str, value: Any) -> Any:
    """A value that its knob takes."""
    kind, least, most = KNOBS[name]
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise AicError(f"{TUNING}: {name} is {value}, which is no {kind.__name__}")
    if (least is not None and not value >= least) or (most is not None and not value <= most):
        limits = f"at least {least}" if most is None else f"{least} to {most}"
        raise AicError(f"{TUNING}: {name} is {value}; it must be {limits}")
    return value


def _plain(attribute: Attribute) -> object:
    match attribute:
        case IntegerAttr() if attribute.type == i1:
            return bool(attribute.value.data)
        case IntegerAttr():
            return attribute.value.data
        case FloatAttr():
            return attribute.value.data
        case _:
            return attribute


def _attribute(value: float | bool) -> Attribute:
    if isinstance(value, bool):
        return IntegerAttr(value, i1)
    return IntegerAttr(value, i64) if isinstance(value, int) else FloatAttr(value, f64)
