"""Typed hardware description of a card, read from `_soc.toml` and `<sku>.toml` beside this file."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from difflib import get_close_matches
from functools import cache
from math import inf
from pathlib import Path
from typing import Literal, TypeAlias, cast, get_args

from dialects.errors import AicError

Grade: TypeAlias = Literal["measured", "derived", "assumed"]
_GRADES = get_args(Grade)
_FOLDER = Path(__file__).parent
_SHARED = "_soc"
_NAMED = 8
"""Unknown keys that a message names."""
_NEITHER = ("core_clock_hertz", "timer_hertz", "hmx_efficiency")
"""Numbers that are neither times nor rates of work."""
_RATES = ("_per_second", "_per_cycle")


@dataclass(frozen=True)
class VectorCycles:
    """Cycles that the HVX threads of a core take together per vector, by class of kernel (`dialects.graph.costs`)."""

    access: float
    splat: float
    add: float
    mul: float
    broadcast: float
    divide: float
    transcendental: float
    erf: float
    gelu: float
    softmax: float
    layer_norm: float
    lrn: float
    convert: float
    transpose: float
    gather: float
    reduce: float
    reduce_position: float
    scan: float


@dataclass(frozen=True)
class Hardware:
    """Numbers of one SoC of a card. `grades` says of each how well it is known."""

    sku: str
    grades: Mapping[str, Grade] = field(compare=False)

    cores: int
    socs: int
    vtcm_bytes: int
    vtcm_reserved_bytes: int
    vtcm_alignment_bytes: int
    l2tcm_bytes: int
    ddr_bytes: int
    core_clock_hertz: float
    """The highest clock; see `period_growth_per_f16_mac` for the clock under load."""
    period_growth_per_f16_mac: float
    """Part by which the clock's period grows per fp16 multiply-accumulate per cycle and core of the SoC."""
    period_growth_per_i8_mac: float
    """The same for int8."""
    timer_hertz: float
    ddr_bytes_per_second: float
    ddr_latency_seconds: float
    ddr_port_bytes_per_second: float
    noc_port_bytes_per_cycle: float
    noc_latency_cycles: float
    pcie_bytes_per_second: float
    pcie_latency_seconds: float
    """From the host's request to the first byte; of one transfer, or of the first of several."""
    p2p_bytes_per_second: float
    """From SoC to SoC, per direction of an SoC's port."""
    p2p_latency_seconds: float
    """From the last byte that leaves an SoC to its arrival at another."""
    uplink_bytes_per_second: float
    """Between a card and the host's PCIe switch, per direction; the card's SoCs share it."""
    host_cards: int
    """Cards of one kind that the host has."""
    relay_latency_seconds: float
    """Between the arrival of what a card sends in the host's memory and its transfer to another card."""
    pcie_request_seconds: float
    """What each further transfer adds besides its bytes."""
    dma_issue_cycles: float
    """Of each descriptor."""
    dma_linear_bytes: int
    """Most that a descriptor of bytes in a row moves; see `dialects.tile.descriptors`."""
    dma_width_bytes: int
    """Most bytes in a row of a two-dimensional descriptor."""
    dma_rows: int
    dma_stride_bytes: int
    """Most bytes from row to row."""
    dma_chain_descriptors: int
    """Most descriptors of one transfer."""
    dma_copy_bytes_per_cycle: float
    signal_latency_cycles: float
    hmx_f16_macs_per_cycle: float
    hmx_i8_macs_per_cycle: float
    hmx_i16_macs_per_cycle: float
    hmx_f16_rows: int
    hmx_i8_rows: int
    hmx_tile_height: int
    hmx_columns: int
    hmx_depth: int
    hmx_efficiency: float
    hmx_start_cycles: float
    hvx_threads: int
    hvx_vector_bytes: int
    hvx_start_cycles: float
    hvx_f32_macs_per_cycle: float
    hvx_cycles_per_vector: VectorCycles

    @property
    def vtcm_usable_bytes(self) -> int:
        """VTCM per core less what the runtime reserves."""
        return self.vtcm_bytes - self.vtcm_reserved_bytes

    @property
    def devices(self) -> int:
        """SoCs of the host, each a device by its number, those of a card one after the other."""
        return self.host_cards * self.socs

    def card_of(self, device: int) -> int:
        """The card that a device of the host is on."""
        return device // self.socs

    @property
    def assumed(self) -> tuple[str, ...]:
        """Keys of the numbers that nothing published supports."""
        return tuple(key for key, grade in self.grades.items() if grade == "assumed")

    @property
    def numbers(self) -> Mapping[str, int | float]:
        """Every number by its key, those of `VectorCycles` too."""
        vector = self.hvx_cycles_per_vector
        return {
            key: getattr(vector, key.partition(".")[2]) if "." in key else getattr(self, key)
            for key in _kinds(Hardware)
        }

    def without_assumed(self) -> "Hardware":
        """The description with every assumed time set to zero and every assumed rate to infinity. Sizes stay."""
        kinds = _kinds(Hardware)
        ideal = {
            key: inf if key.endswith(_RATES) else 0.0
            for key in self.assumed
            if kinds[key] is float and key not in _NEITHER
        }
        vector = {key.partition(".")[2]: value for key, value in ideal.items() if "." in key}
        plain = {key: value for key, value in ideal.items() if "." not in key}
        return replace(self, hvx_cycles_per_vector=replace(self.hvx_cycles_per_vector, **vector), **plain)


def skus() -> list[str]:
    """Names of the SKUs that have a description."""
    return sorted(path.stem for path in _FOLDER.glob("[!_]*.toml"))


def load_hardware(sku: str, overrides: Mapping[str, float] | None = None) -> Hardware:
    """Description of an SKU with some values replaced; a replaced value counts as assumed.

    Keys are the names of the fields of `Hardware`; those of `VectorCycles` are `hvx_cycles_per_vector.<class>`.
    Raises AicError for an unknown SKU or key, or a value out of range.
    """
    return _load(sku, tuple(sorted((overrides or {}).items())))


@cache
def _load(sku: str, overrides: tuple[tuple[str, float], ...]) -> Hardware:
    if sku not in skus():
        raise AicError(f"unknown SKU {sku!r}; there are {', '.join(skus())}")
    kinds = _kinds(Hardware)
    entries = _entries(_FOLDER / f"{_SHARED}.toml", kinds) | _entries(_FOLDER / f"{sku}.toml", kinds)
    missing = [key for key in kinds if key not in entries]
    if missing:
        raise AicError(f"hardware description of {sku}: missing {', '.join(missing)}")
    _refuse_unknown({key for key, _ in overrides}, kinds, "overrides of the target")
    values = {key: entries[key][0] for key in kinds} | dict(overrides)
    grades: dict[str, Grade] = {key: entries[key][1] for key in kinds}
    grades |= {key: "assumed" for key, value in overrides if value != entries[key][0]}
    return _built(sku, grades, {key: _number(sku, key, values[key], kind) for key, kind in kinds.items()})


def _kinds(description: type) -> dict[str, type]:
    """Type of the number behind every key, in the order of the fields; keys of a nested description are dotted."""
    kinds: dict[str, type] = {}
    for entry in fields(description):
        kind = cast(type, entry.type)
        if is_dataclass(kind):
            kinds |= {f"{entry.name}.{key}": inner for key, inner in _kinds(kind).items()}
        elif kind in (int, float):
            kinds[entry.name] = kind
    return kinds


def _entries(path: Path, kinds: Mapping[str, type]) -> dict[str, tuple[object, Grade]]:
    """Value and grade of every key of a file."""
    flat: dict[str, Mapping[str, object]] = {}
    for key, entry in tomllib.loads(path.read_text()).items():
        nested = "value" not in entry
        flat |= {f"{key}.{inner}": entry[inner] for inner in entry} if nested else {key: entry}
    _refuse_unknown(set(flat), kinds, str(path))
    return {key: (entry.get("value"), _grade(path, key, entry)) for key, entry in flat.items()}


def _grade(path: Path, key: str, entry: Mapping[str, object]) -> Grade:
    grade = entry.get("grade")
    if grade not in _GRADES or not entry.get("source"):
        raise AicError(f"{path}: {key} needs a grade out of {', '.join(_GRADES)} and a source")
    return cast(Grade, grade)


def _number(sku: str, key: str, value: object, kind: type) -> int | float:
    """The value as its type. Counts, sizes and rates are positive; times may be zero."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < inf:
        raise AicError(f"hardware description of {sku}: {key} is {value!r}, not a finite number of at least 0")
    divides = key.endswith(_RATES) or kind is int or key in _NEITHER
    if value == 0 and divides and key != "vtcm_reserved_bytes":
        raise AicError(f"hardware description of {sku}: {key} is 0; it must be positive")
    if kind is int and value != int(value):
        raise AicError(f"hardware description of {sku}: {key} is {value!r}, not a whole number")
    return kind(value)


def _built(sku: str, grades: Mapping[str, Grade], numbers: Mapping[str, int | float]) -> Hardware:
    prefix = "hvx_cycles_per_vector."
    vector = VectorCycles(**{key.removeprefix(prefix): n for key, n in numbers.items() if key.startswith(prefix)})
    plain = {key: number for key, number in numbers.items() if "." not in key}
    return Hardware(sku=sku, grades=grades, hvx_cycles_per_vector=vector, **plain)  # pyright: ignore[reportArgumentType]


def _refuse_unknown(keys: set[str], known: Mapping[str, type], where: str) -> None:
    unknown = sorted(keys - known.keys())
    if not unknown:
        return
    named = [key[:64] for key in unknown[:_NAMED]]
    hints = [f"{key} (did you mean {near[0]}?)" if (near := get_close_matches(key, known, 1)) else key for key in named]
    more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
    raise AicError(f"{where}: unknown keys {', '.join(hints)}{more}")
