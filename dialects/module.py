"""What every aic module carries: target, cores, weight store, the function `main`, and once scheduled its signals.

A network that is compiled in several parts is a module of named modules, each with a program of its own: parts that run
together, or specializations of which one runs. What such a module does not say, the one around it says.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, ModuleOp, StringAttr, UnitAttr, i64
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
PARTITIONS = "partitions"
"""What a module holds whose inner modules run together."""


def programs_of(module: ModuleOp) -> Iterator[ModuleOp]:
    """The modules that hold a program: those inside, at any depth; the module itself when there are none in it."""
    inner = [op for op in module.body.block.ops if isinstance(op, ModuleOp)]
    if not inner:
        yield module
    for part in inner:
        yield from programs_of(part)


def set_holds(module: ModuleOp, what: str) -> None:
    """Says what the modules inside a module are."""
    module.attributes[HOLDS] = StringAttr(what)


def holds(module: ModuleOp, what: str) -> bool:
    """Whether the modules inside a module are said to be of that kind."""
    return module.attributes.get(HOLDS) == StringAttr(what)


def path_of(module: ModuleOp) -> str:
    """Names of the modules around one and its own, outermost first, but for the name of the whole network."""
    around = module.parent_op()
    if not isinstance(around, ModuleOp):
        return ""
    name = "module" if module.sym_name is None else module.sym_name.data
    return f"{path_of(around)}/{name}".removeprefix("/")


def inherited(module: ModuleOp, name: str) -> Attribute | None:
    """An attribute of a module, or else of the innermost module around it that has one of that name."""
    if name in module.attributes:
        return module.attributes[name]
    around = module.parent_op()
    return inherited(around, name) if isinstance(around, ModuleOp) else None


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
