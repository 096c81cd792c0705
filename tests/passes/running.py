"""Running passes in tests."""

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import PassPipeline

from passes import get_all_passes


def apply(module: ModuleOp, pipeline: str) -> ModuleOp:
    """The module after the passes of the specification, verified."""
    PassPipeline.parse_spec(get_all_passes(), pipeline).apply(Context(), module)
    module.verify()
    return module
