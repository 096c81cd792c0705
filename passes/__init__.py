"""The passes of aic: rewrites of modules, each runnable alone by `aic-opt`.

A pass `verb-noun` is the class `VerbNounPass` in `passes/verb_noun.py`. Every module directly in this package that does
not start with an underscore is such a file; what passes share lives in sub-packages.
"""

import pkgutil
from collections.abc import Callable
from importlib import import_module

from xdsl.passes import ModulePass


def get_all_passes() -> dict[str, Callable[[], type[ModulePass]]]:
    """Map the name of every pass to a factory that imports it on first use."""
    modules = sorted(
        module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg and not module.name.startswith("_")
    )
    return {module.replace("_", "-"): _factory(module) for module in modules}


def _factory(module: str) -> Callable[[], type[ModulePass]]:
    def load() -> type[ModulePass]:
        class_name = "".join(word.capitalize() for word in module.split("_")) + "Pass"
        return getattr(import_module(f"{__name__}.{module}"), class_name)

    return load
