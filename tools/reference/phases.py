"""The page of phases."""

from aic import legality
from aic.phases import PHASES, Phase
from tools.reference.markdown import code, table

_LEVELS = {level: name.lower() for name, level in vars(legality).items() if isinstance(level, legality.Level)}

_INTRO = """# Phases

One list, in this order (`aic/phases.py`). `-to=<phase>` stops after one, `-from=<phase>` starts with one from the text
of the one before, `-dump-dir=<folder>` writes the module after each. `import` makes a module of a model, `emit` makes a
QPC of a module; the phases between are pipelines of passes. A phase without passes leaves the module as it is.

"""


def phases_page() -> str:
    """Every phase with the file it dumps, the level of the IR after it, and its passes."""
    rows = [(f"{number:02d}", code(phase.name), _LEVELS[phase.level]) for number, phase in enumerate(PHASES)]
    levels = [(name, ", ".join(map(code, level.dialects))) for level, name in _LEVELS.items()]
    return (
        _INTRO
        + table(("number", "phase", "level after it"), rows)
        + "At each level, operations of these dialects may exist; `aic/legality.py` says more. A leftover is an error\n"
        + "that names the operation and its ONNX node.\n\n"
        + table(("level", "dialects"), levels)
        + "".join(_pipeline(phase) for phase in PHASES if phase.pipeline)
    ).rstrip("\n") + "\n"


def _pipeline(phase: Phase) -> str:
    fp16 = f"with `-convert-to-fp16`:\n\n{_passes(phase.fp16_pipeline)}" if phase.fp16_pipeline is not None else ""
    return f"## `{phase.name}`\n\n{_passes(phase.pipeline)}{fp16}"


def _passes(pipeline: str) -> str:
    lines = [f"{number}. [`{name}`](passes.md#{name})" for number, name in enumerate(pipeline.split(","), 1)]
    return "\n".join(lines) + "\n\n"
