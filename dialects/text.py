"""IR text: printed with its locations, parsed by a parser that remembers where in the text each operation stands, so
that errors found later can say so.
"""

from dataclasses import dataclass, field
from io import StringIO

from xdsl.context import Context
from xdsl.dialects.builtin import FileLineColLoc, ModuleOp, NameLoc
from xdsl.ir import Operation
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import DiagnosticException, VerifyException

from dialects.dominance import first_undominated
from dialects.errors import AicError


def print_module(module: ModuleOp, *, generic: bool = False) -> str:
    """The text of a module with its locations, in the pretty or the generic form."""
    text = StringIO()
    Printer(stream=text, print_generic_format=generic, print_debuginfo=True).print_op(module)
    return text.getvalue() + "\n"


@dataclass
class SourceMap:
    """Positions of operations in the text that they were parsed from."""

    name: str
    text: str
    line_offset: int = 0
    starts: dict[Operation, int] = field(default_factory=dict[Operation, int])

    def position(self, op: Operation) -> str | None:
        """`file:line:column` of an operation of the text, None for one that a pass has made."""
        start = self.starts.get(op)
        if start is None:
            return None
        line = self.text.count("\n", 0, start) + 1 + self.line_offset
        column = start - self.text.rfind("\n", 0, start)
        return f"{self.name}:{line}:{column}"


class LocatedParser(Parser):
    """xDSL's parser, keeping positions. Errors of attribute verifiers, which have none in xDSL, get one."""

    def __init__(self, ctx: Context, source: SourceMap) -> None:
        super().__init__(ctx, source.text, source.name)
        self._source = source

    def parse_operation(self) -> Operation:
        start = self.pos
        try:
            op = super().parse_operation()
        except VerifyException as error:
            self.raise_error(str(error), start)
        self._source.starts[op] = start
        return op


def decode_source(data: bytes, name: str) -> SourceMap:
    """The source that a file of IR text holds.

    Raises:
        AicError: the bytes are not text.
    """
    try:
        return SourceMap(name, data.decode())
    except UnicodeDecodeError as error:
        raise AicError(f"{name}: not IR text: byte {error.start} is not UTF-8") from error


def parse_module(context: Context, source: SourceMap, *, implicit_module: bool = True) -> ModuleOp:
    """Parse a module, noting in `source` where its operations stand.

    Raises:
        ParseError: the text is not a module.
        AicError: it is nested too deeply.
    """
    try:
        return LocatedParser(context, source).parse_module(implicit_module)
    except RecursionError as error:
        raise AicError(f"{source.name}: regions or attributes are nested too deeply to parse") from error


def verify(module: ModuleOp, source: SourceMap | None = None) -> None:
    """Verify a module, and that every value is defined before it is used.

    Raises:
        VerifyException: with a message that names the operation and its place in the text or in the model.
    """
    try:
        module.verify()
    except DiagnosticException as error:
        op = _culprit(module)
        where = "" if op is None else f"{place(op, source)}: "
        raise VerifyException(f"{where}{error}") from None
    undominated = first_undominated(module)
    if undominated is not None:
        op, value = undominated
        operand = op.operands.index(value)
        raise VerifyException(f"{place(op, source)}: operand {operand} is used before, or outside of, its definition")


def place(op: Operation, source: SourceMap | None = None) -> str:
    """Where an operation comes from: its place in the text and the name that the model gives it, as far as known."""
    position = None if source is None else source.position(op)
    match op.location:
        case NameLoc() as location:
            named = f"{op.name} ({location.desc.data})"
        case FileLineColLoc() as location if position is None:
            position = f"{location.filename.data}:{location.line.data}:{location.column.data}"
            named = op.name
        case _:
            named = op.name
    return named if position is None else f"{position}: {named}"


def _culprit(module: ModuleOp) -> Operation | None:
    """The first operation that does not verify by itself."""
    for op in module.walk(reverse=True):
        try:
            op.verify(verify_nested_ops=False)
        except DiagnosticException:
            return op
    return None
