"""Typed hardware description of a card, read from `<sku>.toml` beside this file."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from dialects.errors import AicError

Grade: TypeAlias = Literal["measured", "derived", "assumed"]
_GRADES = get_args(Grade)
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Hardware:
    """Numbers of one card (one SoC of it where it has several). `grades` says of each how well it is known."""

    sku: str
    grades: Mapping[str, Grade]

    cores: int
    socs: int
    vtcm_bytes: int
    vtcm_reserved_bytes: int
    vtcm_alignment_bytes: int
    l2tcm_bytes: int
    ddr_bytes: int
    core_clock_hertz: float
    ddr_bytes_per_second: float
    ddr_latency_seconds: float
    noc_port_bytes_per_cycle: float
    noc_latency_cycles: float
    pcie_bytes_per_second: float
    pcie_latency_seconds: float
    dma_issue_cycles: float
    signal_latency_cycles: float
    hmx_f16_macs_per_cycle: float
    hmx_i8_macs_per_cycle: float
    hmx_rows: int
    hmx_columns: int
    hmx_depth: int
    hmx_efficiency: float
    hmx_start_cycles: float
    hmx_f32_slowdown: float
    hvx_threads: int
    hvx_vector_bytes: int
    hvx_start_cycles: float

    def __hash__(self) -> int:
        return hash((self.sku, *(getattr(self, field.name) for field in fields(self)[2:])))

    @property
    def vtcm_usable_bytes(self) -> int:
        """VTCM per core less what the runtime reserves."""
        return self.vtcm_bytes - self.vtcm_reserved_bytes


def skus() -> list[str]:
    """Names of the SKUs that have a description."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load_hardware(sku: str, overrides: Mapping[str, float] | None = None) -> Hardware:
    """Description of an SKU with some values replaced. Raises AicError for an unknown SKU or key, or a value out of range."""
    return _load(sku, tuple(sorted((overrides or {}).items())))


@cache
def _load(sku: str, overrides: tuple[tuple[str, float], ...]) -> Hardware:
    path = _FOLDER / f"{sku}.toml"
    if sku not in skus():
        raise AicError(f"unknown SKU {sku!r}; there are {', '.join(skus())}")
    table = tomllib.loads(path.read_text())
    kinds = {field.name: field.type for field in fields(Hardware) if field.name not in ("sku", "grades")}
    _refuse_unknown(set(table) - kinds.keys(), set(kinds), str(path))
    missing = kinds.keys() - table.keys()
    if missing:
        raise AicError(f"{path}: missing {', '.join(sorted(missing))}")
    _refuse_unknown({key for key, _ in overrides} - kinds.keys(), set(kinds), "overrides of the target")
    values = {key: table[key]["value"] for key in kinds} | dict(overrides)
    grades: dict[str, Grade] = {key: _grade(path, key, table[key]) for key in kinds}
    for key, value in values.items():
        if not isinstance(value, int | float) or value < 0:
            raise AicError(f"{path}: {key} is {value!r}, not a number of at least 0")
    return Hardware(sku=sku, grades=grades, **{key: int(v) if kinds[key] is int else float(v) for key, v in values.items()})


def _grade(path: Path, key: str, entry: Mapping[str, object]) -> Grade:
    grade = entry.get("grade")
    if grade not in _GRADES or not entry.get("source"):
        raise AicError(f"{path}: {key} needs a grade out of {', '.join(_GRADES)} and a source")
    return grade


def _refuse_unknown(unknown: set[str], known: set[str], where: str) -> None:
    if not unknown:
        return
    hints = [f"{key} (did you mean {near[0]}?)" if (near := get_close_matches(key, known, 1)) else key for key in sorted(unknown)]
    raise AicError(f"{where}: unknown keys {', '.join(hints)}")
