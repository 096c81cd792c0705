"""What every aic module carries: target, cores, weight store, the function `main`, and once scheduled its signals.

A network that is compiled in several parts is a module of named modules, each with a program of its own: parts that run
together, or specializations of which one runs. What such a module does not say, the one around it says.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias, cast, get_args

from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    DictionaryAttr,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    UnitAttr,
    i64,
)
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute

from dialects.aic import TargetAttr
from dialects.errors import AicError

TARGET = "aic.target"
CORES = "aic.cores"
FIRST_CORE = "aic.first_core"
"""On a part of a network: which core of the card is its core 0."""
DEVICE = "aic.device"
"""On a part of a network: the number of the card that it runs on."""
SIGNALS = "aic.signals"
DEALLOC_DELAY = "aic.dealloc_delay"
HOLDS = "aic.holds"
INPUTS, OUTPUTS = "aic.inputs", "aic.outputs"
"""On a module of partitions: names of the network's inputs and outputs in their order."""
_PORTS = {"input": INPUTS, "output": OUTPUTS}
SYMBOLS = "aic.symbols"

MAX_PARTS = 64
"""Parts of a network that run together on several cards."""
MAX_DEVICES = 1 << 16
"""Numbers of cards are smaller."""

Held: TypeAlias = Literal["partitions", "specializations"]
"""What modules in a module are to each other: `partitions` run together, of `specializations` one runs at a time."""


def held_by(module: ModuleOp) -> Held | None:
    """What the modules in a module are, as its attribute `aic.holds` says; None when it does not say. Raises AicError
    for what is unknown.
    """
    holds = module.attributes.get(HOLDS)
    if holds is None:
        return None
    if not isinstance(holds, StringAttr) or holds.data not in get_args(Held):
        raise AicError(f"{HOLDS} = {holds}: a module holds {' or '.join(get_args(Held))}, or does not say")
    return cast(Held, holds.data)


def holding(held: Held, modules: Sequence[ModuleOp], attributes: Mapping[str, Attribute]) -> ModuleOp:
    """A module of named modules, and what they have in common."""
    return ModuleOp(list(modules), attributes={HOLDS: StringAttr(held), **attributes})


def specializations_of(module: ModuleOp) -> list[ModuleOp]:
    """The modules of which one runs: all that the module holds, or that the one around it holds, as specializations;
    of a part of a specialization, the same part of each. The module alone when it is none of several.
    """
    if held_by(module) == "specializations":
        return _inner(module)
    names: list[str] = []
    part = module
    while isinstance(around := part.parent_op(), ModuleOp):
        if held_by(around) == "specializations":
            return [found for each in _inner(around) if (found := _at(each, names[::-1])) is not None]
        names.append(_symbol(part))
        part = around
    return [module]


def network_of(module: ModuleOp) -> ModuleOp:
    """The network that a program belongs to: the outermost module around it, or the specialization."""
    around = module.parent_op()
    if not isinstance(around, ModuleOp) or held_by(around) == "specializations":
        return module
    return network_of(around)


def _inner(module: ModuleOp) -> list[ModuleOp]:
    return [op for op in module.body.block.ops if isinstance(op, ModuleOp)]


def _symbol(module: ModuleOp) -> str:
    return "" if module.sym_name is None else module.sym_name.data


def _at(module: ModuleOp, names: Sequence[str]) -> ModuleOp | None:
    """The module in another that lies below modules of these names, outermost first."""
    for name in names:
        found = next((each for each in _inner(module) if _symbol(each) == name), None)
        if found is None:
            return None
        module = found
    return module


def symbols_of(module: ModuleOp) -> dict[str, int]:
    """Values of the model's symbols that a specialization is compiled for: `aic.symbols`. Raises AicError when they are
    no numbers.
    """
    symbols = module.attributes.get(SYMBOLS, DictionaryAttr({}))
    values = symbols.data if isinstance(symbols, DictionaryAttr) else {"": symbols}
    if not all(isinstance(value, IntegerAttr) for value in values.values()):
        raise AicError(f"{SYMBOLS} = {symbols}: expected a dictionary of integers")
    return {name: cast(IntegerAttr, value).value.data for name, value in values.items()}


def set_symbols(module: ModuleOp, symbols: Mapping[str, int]) -> None:
    """Says for which values of symbols a specialization is compiled."""
    module.attributes[SYMBOLS] = DictionaryAttr({name: IntegerAttr(value, i64) for name, value in symbols.items()})


def programs_of(module: ModuleOp) -> Iterator[ModuleOp]:
    """The modules that hold a program: those inside, at any depth; the module itself when there are none in it."""
    inner = _inner(module)
    if not inner:
        yield module
    for part in inner:
        yield from programs_of(part)


def set_held(module: ModuleOp, held: Held) -> None:
    """Says what the modules in a module are."""
    module.attributes[HOLDS] = StringAttr(held)


def set_port_names(module: ModuleOp, role: Literal["input", "output"], names: Sequence[str]) -> None:
    """Says which inputs or outputs a network of partitions has, in their order."""
    module.attributes[_PORTS[role]] = ArrayAttr([StringAttr(name) for name in names])


def port_names(module: ModuleOp, role: str) -> list[str]:
    """The inputs or outputs of a network of partitions, in their order. Raises AicError when it does not say."""
    names = module.attributes.get(_PORTS[role])
    if not isinstance(names, ArrayAttr) or not all(isinstance(name, StringAttr) for name in names.data):
        raise AicError(f"{_PORTS[role]} = {names}: expected the names of the network's {role}s")
    return [cast(StringAttr, name).data for name in names.data]


def is_over_cards(module: ModuleOp) -> bool:
    """Whether a module holds parts that are for cards by their numbers, for one shape or for several."""
    if held_by(module) == "specializations":
        return any(map(is_over_cards, _inner(module)))
    return held_by(module) == "partitions" and any(DEVICE in part.attributes for part in programs_of(module))


def path_of(module: ModuleOp) -> str:
    """Names of the modules around one and its own, outermost first, but for the name of the whole network; of a
    specialization its symbols, too: `spec0 (batch=1, height=56)`.
    """
    around = module.parent_op()
    if not isinstance(around, ModuleOp):
        return ""
    name = "module" if module.sym_name is None else module.sym_name.data
    symbols = ", ".join(f"{symbol}={value}" for symbol, value in symbols_of(module).items())
    return f"{path_of(around)}/{name}".removeprefix("/") + (f" ({symbols})" if symbols else "")


def inherited(module: ModuleOp, name: str) -> Attribute | None:
    """An attribute of a module, or else of the innermost module around it that has one of that name."""
    if name in module.attributes:
        return module.attributes[name]
    around = module.parent_op()
    return inherited(around, name) if isinstance(around, ModuleOp) else None


def standing_alone(module: ModuleOp) -> ModuleOp:
    """A copy of a module that says itself what the modules around it say; the module itself when there are none."""
    around = module.parent_op()
    if not isinstance(around, ModuleOp):
        return module
    alone = module.clone()
    while isinstance(around, ModuleOp):
        said = {name: value for name, value in around.attributes.items() if name != HOLDS}
        alone.attributes = {**said, **alone.attributes}
        around = around.parent_op()
    return alone


def target_of(module: ModuleOp) -> TargetAttr:
    """The card that the module is compiled for; the SKU `pro` when it does not say."""
    target = inherited(module, TARGET)
    return target if isinstance(target, TargetAttr) else TargetAttr.of("pro")


def cores_of(module: ModuleOp) -> int:
    """Number of cores that the module is compiled for, 1 when it does not say. Raises AicError when the target has
    fewer.
    """
    cores = inherited(module, CORES)
    count = cores.value.data if isinstance(cores, IntegerAttr) else 1
    available = target_of(module).hardware.cores
    if not 1 <= count <= available:
        raise AicError(f"{count} cores asked for; the SKU {target_of(module).sku.data} has 1 to {available}")
    return count


def first_core_of(module: ModuleOp) -> int:
    """Which core of the card is the program's core 0: `aic.first_core`; 0 when the module does not say."""
    return _number(module, FIRST_CORE)


def device_of(module: ModuleOp) -> int:
    """The number of the card that a part of a network is on: `aic.device`; 0 when nothing says."""
    return _number(module, DEVICE)


def _number(module: ModuleOp, name: str) -> int:
    number = inherited(module, name)
    return number.value.data if isinstance(number, IntegerAttr) else 0


def set_target(module: ModuleOp, target: TargetAttr, cores: int) -> None:
    """Writes the card and the number of cores into the module."""
    module.attributes[TARGET] = target
    module.attributes[CORES] = IntegerAttr(cores, i64)


def combines(module: ModuleOp, ports: Literal["inputs", "outputs"]) -> bool:
    """Whether the network's inputs, or its outputs, travel between host and card together: `aic.combine_inputs`,
    `aic.combine_outputs`.
    """
    return inherited(module, f"aic.combine_{ports}") is not None


def set_combined(module: ModuleOp, ports: Literal["inputs", "outputs"]) -> None:
    """Says that the network's inputs, or its outputs, travel together."""
    module.attributes[f"aic.combine_{ports}"] = UnitAttr()


def signals_of(module: ModuleOp) -> tuple[int, ...]:
    """How high each signal stands on every core when an inference has ended, as declared; none when the module does not
    say. The runtime takes these totals off, so that the next inference counts from zero.

    Raises AicError when the declaration is no array of such numbers.
    """
    totals = module.attributes.get(SIGNALS)
    if totals is None:
        return ()
    if not isinstance(totals, DenseArrayBase) or totals.elt_type != i64:
        raise AicError(f"{SIGNALS} = {totals}: expected an array of i64, the total of each signal")
    return tuple(int(total) for total in totals.get_values())


def set_signals(module: ModuleOp, totals: Sequence[int]) -> None:
    """Declares the signals of a scheduled program and their totals."""
    module.attributes[SIGNALS] = DenseArrayBase.from_list(i64, list(totals))


def dealloc_delay_of(module: ModuleOp) -> int:
    """For how many positions of the program a buffer's place in VTCM stays its own after its last use, where buffers
    have places: `aic.dealloc_delay`; 0 when the module does not say.
    """
    delay = module.attributes.get(DEALLOC_DELAY)
    return delay.value.data if isinstance(delay, IntegerAttr) else 0


def set_dealloc_delay(module: ModuleOp, delay: int) -> None:
    """Says for how long buffers keep their places; 0 leaves no trace."""
    module.attributes.pop(DEALLOC_DELAY, None)
    if delay:
        module.attributes[DEALLOC_DELAY] = IntegerAttr(delay, i64)


def main_of(module: ModuleOp) -> FuncOp:
    """The function `main`. Raises AicError when there is none with a body."""
    for op in module.body.block.ops:
        if isinstance(op, FuncOp) and op.sym_name.data == "main" and op.body.blocks:
            return op
    raise AicError("the module has no function @main")
