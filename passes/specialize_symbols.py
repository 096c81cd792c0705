"""`specialize-symbols`: a network with open dimensions becomes one for each specialization, with closed ones.

The network is a file that is not imported yet (`graph.model`); arguments of `@main` name their open dimensions by
`aic.dims`. The module lists what to make of it, `aic.specializations = [{symbols = {batch = 1 : i64}, tuning = {ols = 2
: i64}}, ..]`, and what holds for all, `aic.symbols`. It becomes a module of modules `spec0`, `spec1` and so on, each
for its symbols. One that lists none gets the sizes that its `aic.symbols` say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    ArrayAttr,
    DictionaryAttr,
    FunctionType,
    ModuleOp,
    StringAttr,
    TensorType,
)
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from dialects.errors import AicError, in_lines
from dialects.graph.model import DIMENSIONS, dimension_names
from dialects.graph.ports import input_ports
from dialects.module import SYMBOLS, held_by, main_of, set_held, set_symbols, symbols_of
from dialects.tuning import TUNING, Tuning, set_tuning, tuning_of
from passes.checking.ceilings import MAX_SPECIALIZATIONS
from passes.rewriting.precision import Precision
from passes.specialization.shapes import OpenShape, binding_problems, closed, of_some, repeated, shown

SPECIALIZATIONS = "aic.specializations"
"""Name of the module's attribute."""
_SHAPE = "expected [{symbols = {batch = 1 : i64, ..}, tuning = {..}}, ..]"


@dataclass(frozen=True)
class Specialization:
    """Values of symbols, and what tunes the compile for them."""

    symbols: Mapping[str, int]
    tuning: Tuning = field(default_factory=Tuning)


@dataclass(frozen=True)
class SpecializeSymbolsPass(ModulePass):
    """Makes a module of specializations of a network with open dimensions. Refuses what is left open, and more."""

    name = "specialize-symbols"
    PRECISION: ClassVar[Precision] = Precision.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        wanted = op.attributes.pop(SPECIALIZATIONS, None)
        if held_by(op) is not None:
            if wanted is not None:
                raise AicError(f"{SPECIALIZATIONS}: the module holds {held_by(op)} already")
            return
        common, main = symbols_of(op), main_of(op)
        shapes = open_shapes(main)
        if wanted is None:
            if problems := binding_problems(shapes, common):
                raise AicError("; ".join(problems))
            op.attributes.pop(SYMBOLS, None)
            _close(main, shapes, common)
            return
        specializations = _read(wanted)
        problems = _problems(shapes, common, specializations)
        if problems:
            raise AicError(f"{SPECIALIZATIONS}:" + in_lines(problems))
        _hold(op, main, shapes, common, specializations)


def as_attribute(specializations: Sequence[Specialization]) -> ArrayAttr[DictionaryAttr]:
    """What a module has as `aic.specializations`."""
    return ArrayAttr([_entry(each) for each in specializations])


def _entry(each: Specialization) -> DictionaryAttr:
    holder = ModuleOp([])
    set_symbols(holder, each.symbols)
    set_tuning(holder, each.tuning)
    tuning = {"tuning": holder.attributes[TUNING]} if TUNING in holder.attributes else {}
    return DictionaryAttr({"symbols": holder.attributes[SYMBOLS], **tuning})


def _read(wanted: Attribute) -> list[Specialization]:
    if not isinstance(wanted, ArrayAttr):
        raise AicError(f"{SPECIALIZATIONS} = {wanted}: {_SHAPE}")
    entries = wanted.data
    if not 1 <= len(entries) <= MAX_SPECIALIZATIONS:
        raise AicError(f"{SPECIALIZATIONS}: {len(entries)} of them; there must be 1 to {MAX_SPECIALIZATIONS}")
    return [_specialization(entry) for entry in entries]


def _specialization(entry: Attribute) -> Specialization:
    fields = dict(entry.data) if isinstance(entry, DictionaryAttr) else {}
    symbols, tuning = fields.pop("symbols", None), fields.pop("tuning", DictionaryAttr({}))
    if fields or symbols is None:
        raise AicError(f"{SPECIALIZATIONS}: {entry}: {_SHAPE}")
    holder = ModuleOp([], {SYMBOLS: symbols, TUNING: tuning})
    return Specialization(symbols_of(holder), tuning_of(holder))


def open_shapes(main: FuncOp) -> list[OpenShape]:
    """The shapes of a network's inputs, and the names of their open dimensions."""
    shapes: list[OpenShape] = []
    for port, symbols in zip(input_ports(main), dimension_names(main), strict=True):
        sizes = tuple(None if size == DYNAMIC_INDEX else size for size in port.type.get_shape())
        shapes.append(OpenShape(port.name, sizes, symbols))
    return shapes


def _problems(
    shapes: Sequence[OpenShape], common: Mapping[str, int], specializations: Sequence[Specialization]
) -> list[str]:
    """What is wrong with specializations, told of those that have it."""
    failed: dict[str, list[str]] = {}
    for number, each in enumerate(specializations):
        own = [
            f"symbol {name!r} is {value}, but {common[name]} for all"
            for name, value in each.symbols.items()
            if common.get(name, value) != value
        ]
        problems = own + binding_problems(shapes, {**common, **each.symbols})
        if problems:
            failed.setdefault("; ".join(problems), []).append(f"{_name(number)} ({shown(each.symbols)})")
    same = repeated([(_name(number), each.symbols) for number, each in enumerate(specializations)])
    return of_some(failed, len(specializations)) + same


def _hold(
    module: ModuleOp,
    main: FuncOp,
    shapes: Sequence[OpenShape],
    common: Mapping[str, int],
    specializations: Sequence[Specialization],
) -> None:
    """Puts a module for each specialization in place of the open network."""
    for number, each in enumerate(specializations):
        closed_main = main.clone()
        _close(closed_main, shapes, {**common, **each.symbols})
        part = ModuleOp([closed_main], sym_name=StringAttr(_name(number)))
        set_symbols(part, each.symbols)
        set_tuning(part, each.tuning)
        module.body.block.add_op(part)
    main.detach()
    main.erase()
    module.attributes.pop(SYMBOLS, None)
    set_held(module, "specializations")


def _close(main: FuncOp, shapes: Sequence[OpenShape], symbols: Mapping[str, int]) -> None:
    """Gives the arguments of a network their sizes."""
    block = main.body.block
    for argument, shape in zip(list(block.args), shapes, strict=True):
        if isinstance(argument.type, TensorType):
            sized = TensorType(argument.type.get_element_type(), closed(shape, symbols))
            Rewriter.replace_value_with_new_type(argument, sized)
    types = [argument.type for argument in block.args]
    main.function_type = FunctionType.from_lists(types, list(main.function_type.outputs))
    if main.arg_attrs is not None:
        main.arg_attrs = ArrayAttr(
            [DictionaryAttr({n: v for n, v in each.data.items() if n != DIMENSIONS}) for each in main.arg_attrs.data]
        )


def _name(number: int) -> str:
    return f"spec{number}"
