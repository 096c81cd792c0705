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
        + "".join(_pipeline(phase) for phase in PHASES if phase.pipeline or phase.quantized_pipeline)
    ).rstrip("\n") + "\n"


def _pipeline(phase: Phase) -> str:
    others = {
        "with `-convert-to-fp16`": phase.fp16_pipeline,
        "with nodes listed for fp16, where nothing is quantized": phase.mixed_pipeline,
        "in a network that is profiled or quantized": phase.quantized_pipeline,
    }
    own = _passes(phase.pipeline) if phase.pipeline else ""
    variants = (f"{when}:\n\n{_passes(passes)}" for when, passes in others.items() if passes is not None)
    return f"## `{phase.name}`\n\n{own}{''.join(variants)}"


def _passes(pipeline: str) -> str:
    steps = pipeline.split(",")
    lines = [f"{number}. [`{each}`](passes.md#{each.partition('{')[0]})" for number, each in enumerate(steps, 1)]
    return "\n".join(lines) + "\n\n"
