"""What can be wrong with a model: problems of one kind are collected and reported together."""

from collections.abc import Sequence

from onnx import defs

from dialects.errors import AicError


class ImportFailure(AicError):
    """A model that cannot be imported. The message lists every problem of the kind that was found."""


class Unsupported(Exception):
    """Raised by a converter for a node, or a use of its operator, that aic cannot compile.

    The message is the reason.
    """


class Misfit(Exception):
    """Raised by a converter when the operands of a node do not fit each other. The message gives both values."""


def listed(names: Sequence[str], limit: int = 8) -> str:
    """Names in quotes, the first few of many."""
    shown = ", ".join(map(repr, names[:limit]))
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def why_unknown(domain: str, operator: str, opset: int) -> str:
    """The reason why nothing converts an operator in a model of this opset of its domain."""
    versions = [
        schema.since_version
        for schema in defs.get_all_schemas_with_history()
        if (schema.domain, schema.name) == (domain, operator)
    ]
    if not versions:
        return "no such operator is known"
    if opset < min(versions):
        return f"the operator is new in opset {min(versions)}"
    return "aic has no conversion of this operator"
