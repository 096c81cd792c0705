"""Whether a module survives printing and parsing, source locations included."""

from io import StringIO

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import ParseError

from dialects.errors import AicError


def print_module(module: ModuleOp, *, generic: bool = False) -> str:
    """The text of a module with its locations, in the pretty or the generic form."""
    text = StringIO()
    Printer(stream=text, print_generic_format=generic, print_debuginfo=True).print_op(module)
    return text.getvalue() + "\n"


def check_roundtrip(module: ModuleOp, ctx: Context) -> None:
    """Print and parse `module` in both forms.

    Raises:
        AicError: what was parsed is not the module; the message names the form and the first operation that differs.
    """
    for form, generic in (("pretty", False), ("generic", True)):
        text = print_module(module, generic=generic)
        try:
            parsed = Parser(ctx, text, f"<{form} form>").parse_module()
        except ParseError as error:
            raise AicError(f"the module does not parse back from its {form} form: {error}") from error
        difference = first_difference(module, parsed)
        if difference is not None:
            raise AicError(f"the module changes when it is parsed back from its {form} form: {difference}")


def first_difference(left: ModuleOp, right: ModuleOp) -> str | None:
    """What first tells two modules apart, or None. Compares locations too, which xDSL's own comparison leaves out."""
    for a, b in zip(left.walk(), right.walk(), strict=False):
        difference = _difference(a, b)
        if difference is not None:
            return difference
    if not left.is_structurally_equivalent(right):
        return "the operations are connected differently"
    return None


def _difference(a: Operation, b: Operation) -> str | None:
    if a.name != b.name:
        return f"{a.name} against {b.name}"
    if a.location != b.location:
        return f"{a.name}: location {a.location} against {b.location}"
    if a.properties != b.properties or a.attributes != b.attributes:
        return f"{a.name}: attributes {a.properties} {a.attributes} against {b.properties} {b.attributes}"
    if tuple(a.result_types) != tuple(b.result_types):
        return f"{a.name}: results of types {a.result_types} against {b.result_types}"
    if _argument_locations(a) != _argument_locations(b):
        return f"{a.name}: locations of block arguments"
    return None


def _argument_locations(op: Operation) -> list[object]:
    return [argument.location for region in op.regions for block in region.blocks for argument in block.args]
