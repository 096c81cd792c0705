"""The options of `aic-exec` and of the Python API: one table, its parser and its help."""

from aic.options.arguments import UsageError, options_from_keywords, parse_arguments
from aic.options.help import help_text
from aic.options.option import Kind, Option
from aic.options.table import OPTIONS, Options

__all__ = [
    "OPTIONS",
    "Kind",
    "Option",
    "Options",
    "UsageError",
    "help_text",
    "options_from_keywords",
    "parse_arguments",
]
