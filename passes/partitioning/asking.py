"""Where a module may ask to be divided."""

from xdsl.dialects.builtin import ModuleOp

from dialects.errors import AicError
from dialects.module import held_by, path_of


def refuse_on_holders(module: ModuleOp, *names: str) -> None:
    """Raises AicError where a module has one of these attributes, by which a program is to be divided, and holds
    modules instead of a program: it is divided already, or each of its programs is to say it.
    """
    for each in module.walk():
        asked = [name for name in names if name in each.attributes] if isinstance(each, ModuleOp) else []
        if not asked or not isinstance(each, ModuleOp):
            continue
        if any(isinstance(op, ModuleOp) for op in each.body.block.ops):
            where = f"in {path_of(each)}: " if path_of(each) else ""
            held = held_by(each) or "modules"
            raise AicError(f"{where}{', '.join(asked)}: the module holds {held}, and no program that could be divided")
