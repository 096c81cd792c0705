"""What the text of a class says that Python does not keep: the documentation under its fields, and what it refuses."""

import ast
import inspect
import sys
import textwrap
from functools import cache

from xdsl.utils.exceptions import VerifyException

_PACKAGES = ("aic", "dialects", "passes", "tools")


def documentation(documented: type) -> str:
    """A class's own documentation."""
    return inspect.getdoc(documented) or ""


@cache
def field_documentation(documented: type) -> dict[str, str]:
    """The strings under the fields of a class and of its bases, by field; nearer classes win."""
    found: dict[str, str] = {}
    for node in reversed(_definitions(documented)):
        for field, text in zip(node.body, node.body[1:], strict=False):
            match text:
                case ast.Expr(value=ast.Constant(value=str(words))):
                    found |= dict.fromkeys(_names(field), " ".join(words.split()))
                case _:
                    pass
    return found


def refusals(documented: type) -> list[str]:
    """Messages of the VerifyExceptions that the class's methods raise, values shown as `..`, in their order.

    Those of checks that several classes share are not among them.
    """
    calls = [
        raised.exc
        for node in _definitions(documented)
        for raised in ast.walk(node)
        if isinstance(raised, ast.Raise) and isinstance(raised.exc, ast.Call)
    ]
    texts = [_message(call.args[0]) for call in calls if ast.unparse(call.func) == VerifyException.__name__]
    return list(dict.fromkeys(texts))


def _definitions(documented: type) -> list[ast.ClassDef]:
    """The class and those of its bases that are ours, or of its own package, as syntax."""
    packages = (*_PACKAGES, documented.__module__.partition(".")[0])
    return [_definition(cls) for cls in documented.__mro__ if cls.__module__.partition(".")[0] in packages]


@cache
def _definition(cls: type) -> ast.ClassDef:
    module = _syntax(cls.__module__)
    return next(node for node in module.body if isinstance(node, ast.ClassDef) and node.name == cls.__name__)


@cache
def _syntax(module: str) -> ast.Module:
    return ast.parse(textwrap.dedent(inspect.getsource(sys.modules[module])))


def _names(field: ast.stmt) -> list[str]:
    match field:
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


def _message(text: ast.expr) -> str:
    match text:
        case ast.Constant(value=str(constant)):
            return constant
        case ast.JoinedStr():
            return "".join(_message(part) for part in text.values)
        case _:
            return ".."
