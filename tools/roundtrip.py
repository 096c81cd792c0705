"""Whether a module survives printing and parsing, source locations included."""

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser
from xdsl.utils.exceptions import ParseError

from dialects.equality import first_difference
from dialects.errors import AicError
from dialects.text import print_module


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
