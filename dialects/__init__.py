"""The dialects of aic: types and operations, what each operation computes, and what it costs."""

from collections.abc import Callable
from importlib import import_module

from xdsl.context import Context
from xdsl.dialects import get_all_dialects as get_upstream_dialects
from xdsl.ir import Dialect

DIALECTS = ("aic", "graph", "quantized", "tile")
"""Names of the dialects. Dialect `d` lives in the module `dialects.d`, as the object of the same name capitalised."""


def get_all_dialects() -> dict[str, Callable[[], Dialect]]:
    """Map the name of every dialect to a factory that imports it on first use."""
    return {name: _factory(name) for name in DIALECTS}


def register_dialects(context: Context) -> None:
    """Make a context know our dialects and xDSL's own, each imported on first use."""
    for name, factory in (get_upstream_dialects() | get_all_dialects()).items():
        context.register_dialect(name, factory)


def create_context() -> Context:
    """A context that knows our dialects and xDSL's own."""
    context = Context()
    register_dialects(context)
    return context


def _factory(name: str) -> Callable[[], Dialect]:
    def load() -> Dialect:
        return getattr(import_module(f"{__name__}.{name}"), name.capitalize())

    return load
