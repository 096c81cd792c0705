"""The page of the hardware descriptions."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dialects.hardware
from dialects.hardware import Hardware, skus
from tools.reference.markdown import code, table
from tools.reference.source import field_documentation

_INTRO = """# Hardware

Every number of the simulated cards, from `dialects/hardware/*.toml`. *Measured*: published by the vendor or in a
published profile. *Derived*: follows from such figures by arithmetic. *Assumed*: nothing public says it. Reports state
which share of a modelled time rests on assumed numbers. A module may replace a number,
`#aic.target<"pro", {dma_issue_cycles = 90.0 : f64}>`; a replaced number counts as assumed.

"""


def hardware_page() -> str:
    """The numbers that all cards share, and those of each."""
    folder = Path(dialects.hardware.__file__).parent
    parts = [_INTRO, "## One SoC of any card\n\n", _numbers(folder / "_soc.toml")]
    for sku in skus():
        parts += [f"## `{sku}`\n\n", _numbers(folder / f"{sku}.toml")]
    return "".join(parts).rstrip("\n") + "\n"


def _numbers(path: Path) -> str:
    meanings = field_documentation(Hardware)
    rows = [
        (code(key), _value(entry["value"]), entry["grade"], entry["source"], meanings.get(key, ""))
        for key, entry in _flat(tomllib.loads(path.read_text())).items()
    ]
    return table(("number", "value", "grade", "source", "meaning"), rows)


def _flat(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    flat: dict[str, Mapping[str, Any]] = {}
    for key, entry in entries.items():
        flat |= {key: entry} if "value" in entry else {f"{key}.{inner}": numbers for inner, numbers in entry.items()}
    return flat


def _value(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
