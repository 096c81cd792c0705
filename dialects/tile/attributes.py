"""Attributes of the tile dialect: boxes, shardings, waits; their text is their `str`."""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import Data
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from dialects.tile.boxes import Bound, Box, Form, Interval
from dialects.tile.sharding import Home, Sharding, Split

_MESH_VARIABLES = [f"m{k}" for k in range(4)]
_LOOP_VARIABLES = [f"i{d}" for d in range(6)]


@irdl_attr_definition
class BoxAttr(Data[Box]):
    """A box per core and iteration: `#tile.box<[8, 2] : max(7 m0 - 1, 0) to min(7 m0 + 8, 56), 0 to 56, 32 m1 to 32 m1
    + 32>`.
    """

    name = "tile.box"

    def verify(self) -> None:
        box = self.data
        if min(box.mesh, default=1) < 1:
            raise VerifyException(f"tile.box<{box}>: a mesh axis without cores")
        if any(not interval.low or not interval.high for interval in box.dims):
            raise VerifyException(f"tile.box of {len(box.dims)} dimensions: an interval without a bound")
        if any(len(form.mesh) > len(box.mesh) for form in box.forms()):
            raise VerifyException(f"tile.box<{box}>: a coordinate that its mesh does not have")

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Box:
        with parser.in_angle_brackets():
            mesh = _parse_mesh(parser)
            parser.parse_punctuation(":")
            dims = parser.parse_optional_undelimited_comma_separated_list(
                lambda: _parse_optional_interval(parser), lambda: _parse_interval(parser)
            )
            return Box(mesh, tuple(dims or ()))

    def print_parameter(self, printer: Printer) -> None:
        printer.print_string(f"<{self.data}>")


def _parse_mesh(parser: AttrParser) -> tuple[int, ...]:
    return tuple(parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_integer))


def _parse_optional_interval(parser: AttrParser) -> Interval | None:
    low = _parse_optional_bound(parser, "max")
    return None if low is None else _parse_high(parser, low)


def _parse_interval(parser: AttrParser) -> Interval:
    return _parse_high(parser, _parse_bound(parser, "max"))


def _parse_high(parser: AttrParser, low: Bound) -> Interval:
    parser.parse_keyword("to")
    return Interval(low, _parse_bound(parser, "min"))


def _parse_bound(parser: AttrParser, function: str) -> Bound:
    bound = _parse_optional_bound(parser, function)
    if bound is None:
        parser.raise_error(f"expected a linear form or {function}(..)")
    return bound


def _parse_optional_bound(parser: AttrParser, function: str) -> Bound | None:
    if parser.parse_optional_keyword(function) is not None:
        return tuple(parser.parse_comma_separated_list(parser.Delimiter.PAREN, lambda: _parse_form(parser)))
    form = _parse_optional_form(parser)
    return None if form is None else (form,)


def _parse_form(parser: AttrParser) -> Form:
    form = _parse_optional_form(parser)
    if form is None:
        parser.raise_error("expected a linear form of m0, m1, .., i0, i1, ..")
    return form


def _parse_optional_form(parser: AttrParser) -> Form | None:
    negative = parser.parse_optional_punctuation("-") is not None
    form = _parse_optional_term(parser)
    if form is None:
        return None
    form = Form(0) + form.times(-1 if negative else 1)  # a sum, which drops what has the coefficient 0
    while True:
        sign = 1 if parser.parse_optional_punctuation("+") is not None else 0
        sign = -1 if not sign and parser.parse_optional_punctuation("-") is not None else sign
        if not sign:
            return form
        term = _parse_optional_term(parser)
        if term is None:
            parser.raise_error("expected a term such as 7 m0")
        form = form + term.times(sign)


def _parse_optional_term(parser: AttrParser) -> Form | None:
    coefficient = parser.parse_optional_integer(allow_boolean=False, allow_negative=False)
    for k, variable in enumerate(_MESH_VARIABLES):
        if parser.parse_optional_keyword(variable) is not None:
            return Form(0, (*(0,) * k, 1 if coefficient is None else coefficient))
    for d, variable in enumerate(_LOOP_VARIABLES):
        if parser.parse_optional_keyword(variable) is not None:
            return Form(0, (), (*(0,) * d, 1 if coefficient is None else coefficient))
    return None if coefficient is None else Form(coefficient)


@irdl_attr_definition
class ShardingAttr(Data[Sharding]):
    """Encoding of a sharded tensor: `#tile.sharding<vtcm [8, 2] : *, 0 by 7 halo 1 1, * halo 1 1, 1 by 32>`,
    `#tile.sharding<ddr>`.
    """

    name = "tile.sharding"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Sharding:
        with parser.in_angle_brackets():
            home: Home = "ddr" if parser.parse_optional_keyword("ddr") is not None else "vtcm"
            if home == "ddr":
                return Sharding(home)
            parser.parse_keyword("vtcm")
            mesh = _parse_mesh(parser)
            parser.parse_punctuation(":")
            splits = parser.parse_optional_undelimited_comma_separated_list(
                lambda: _parse_optional_split(parser), lambda: _parse_split(parser)
            )
            return Sharding(home, mesh, tuple(splits or ()))

    def print_parameter(self, printer: Printer) -> None:
        printer.print_string(f"<{sharding_text(self.data)}>")


def sharding_text(sharding: Sharding) -> str:
    """Text of a sharding between the angle brackets."""
    if sharding.home == "ddr":
        return "ddr"
    return f"vtcm {list(sharding.mesh)} : {', '.join(_split_text(split) for split in sharding.splits)}"


def _split_text(split: Split) -> str:
    text = "*" if split.axis is None else f"{split.axis} by {split.block}"
    return f"{text} halo {split.before} {split.after}" if split.has_halo else text


def _parse_split(parser: AttrParser) -> Split:
    split = _parse_optional_split(parser)
    if split is None:
        parser.raise_error("expected `*` or `<mesh axis> by <block>`")
    return split


def _parse_optional_split(parser: AttrParser) -> Split | None:
    axis, block = None, 0
    if parser.parse_optional_punctuation("*") is None:
        axis = parser.parse_optional_integer(allow_boolean=False, allow_negative=False)
        if axis is None:
            return None
        parser.parse_keyword("by")
        block = parser.parse_integer()
    if parser.parse_optional_keyword("halo") is None:
        return Split(axis, block)
    return Split(axis, block, parser.parse_integer(), parser.parse_integer())


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until the counter of signal `signal` has reached `count`, on this core or on every core (`everywhere`).

    The count is a form of the loops around the instruction that waits; what is at most 0 holds from the start.
    """

    signal: int
    count: Form
    everywhere: bool = False

    def __str__(self) -> str:
        return f"{self.signal} at {self.count}{' all' if self.everywhere else ''}"


@irdl_attr_definition
class WaitsAttr(Data[tuple[Wait, ...]]):
    """What an instruction waits for before it starts: signals and the counts that they must have reached, on this core
    or on all: `#tile.waits<3 at 1, 5 at 2 i0 + 1, 7 at i0 all>`.
    """

    name = "tile.waits"

    def verify(self) -> None:
        for wait in self.data:
            if wait.signal < 0:
                raise VerifyException(f"tile.waits: {wait}: signals are numbered from 0")
            if wait.count.mesh:
                raise VerifyException(f"tile.waits: {wait}: a count is the same on all cores, it names no coordinate")

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> tuple[Wait, ...]:
        with parser.in_angle_brackets():
            waits: Sequence[Wait] = parser.parse_comma_separated_list(
                parser.Delimiter.NONE, lambda: _parse_wait(parser)
            )
            return tuple(waits)

    def print_parameter(self, printer: Printer) -> None:
        printer.print_string(f"<{', '.join(map(str, self.data))}>")


def _parse_wait(parser: AttrParser) -> Wait:
    signal = parser.parse_integer()
    parser.parse_keyword("at")
    count = _parse_form(parser)
    return Wait(signal, count, parser.parse_optional_keyword("all") is not None)
