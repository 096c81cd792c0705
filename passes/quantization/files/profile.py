"""Profiles of profile-guided quantization (PGQ): what `-dump-profile` writes and `-load-profile` reads.

A stream of three YAML documents: version of the tools, hash of the graph, and a list with range and histogram of every
tensor. Ours differ from Glow's in the names, which are those of the tensors in the ONNX model, unchanged. Format: Glow,
lib/Quantization/Serialization.cpp.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dialects.files import written_aside
from passes.quantization.files.documents import counted, quoted, read_text, yaml_documents
from passes.quantization.files.nodes import (
    Entries,
    Flaw,
    Items,
    Node,
    about,
    check_once,
    collected,
    fields_of,
    items_of,
    number_of,
    refusing,
    text_of,
    whole_of,
)

Counts: TypeAlias = npt.NDArray[np.int64]
Channels: TypeAlias = npt.NDArray[np.float64]

_WHAT = "a quantization profile"
_REMEDY = "correct it, or write it anew with -dump-profile"
_VERSION, _HASH = "GlowToolsVersion", "GraphPreLowerHash"
_NAME, _LOW, _HIGH, _COUNTS = "NodeOutputName", "Min", "Max", "Histogram"
_MEANS, _MAXIMA = "ChannelMeans", "ChannelMaxima"
_EXACT = 1 << 53
"""Whole numbers below this are exact in fp64."""
_HEXADECIMAL = re.compile(r"0x[0-9A-Fa-f]{1,16}")
_COUNT = r"[ \n]*[0-9]{1,18}(?:\.[0-9]{1,18})?(?:e\+[0-9]{1,2})?[ \n]*"  # Glow writes counts above 999999 as 1.5e+06
_HISTOGRAM = re.compile(rf"^ *(?:- +)?{_COUNTS} *: *\[({_COUNT}(?:,{_COUNT})*)\] *$", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class TensorProfile:
    """Range and histogram of the values that a tensor had."""

    name: str
    """Of the tensor in the ONNX model."""
    low: float
    """Least value: an fp32 number or an infinity, at most `high`."""
    high: float
    """Greatest value."""
    counts: Counts
    """Values per bin; the bins divide the range from `low` to `high` evenly."""
    channel_means: Channels | None = None
    """fp32 numbers, one per channel; where biases are to be corrected."""
    channel_maxima: Channels | None = None
    """Greatest magnitudes, one per channel, before activations were smoothed; where they are to be."""


@dataclass(frozen=True, eq=False)
class Profile:
    """What a run on representative inputs found."""

    tool_version: str
    graph_hash: int
    """Of the graph that was profiled, 64 bits; another one would make the profile useless."""
    records: Mapping[str, TensorProfile]
    """By name."""


def write_profile(profile: Profile, path: Path) -> None:
    """Writes a profile; the same one gives the same bytes. Raises AicError when it cannot be written."""
    with written_aside(path) as partial:
        partial.write_text(_text(profile), encoding="utf-8", newline="\n")


def _text(profile: Profile) -> str:
    assert 0 <= profile.graph_hash < 1 << 64
    records = "".join(_record_text(profile.records[name]) for name in sorted(profile.records))
    documents = (
        f"{_VERSION}: {quoted(profile.tool_version)}\n",
        f"{_HASH}: 0x{profile.graph_hash:016X}\n",
        records or "[]\n",
    )
    return "".join(f"---\n{document}...\n" for document in documents)


def _record_text(record: TensorProfile) -> str:
    assert record.low <= record.high
    assert record.counts.size > 0
    assert record.counts.min() >= 0
    return (
        f"- {_NAME}:  {quoted(record.name)}\n"
        f"  {_LOW}:             {_decimal(record.low)}\n"
        f"  {_HIGH}:             {_decimal(record.high)}\n"
        f"  {_COUNTS}:       [ {', '.join(map(str, record.counts.tolist()))} ]\n"
        f"{_channels_text(_MEANS, record.channel_means)}{_channels_text(_MAXIMA, record.channel_maxima)}"
    )


def _channels_text(key: str, channels: Channels | None) -> str:
    """Numbers in one scalar: YAML takes 25 µs for each item of a list."""
    return "" if channels is None else f"  {f'{key}:':17}'{' '.join(map(_decimal, channels))}'\n"


def _decimal(number: float) -> str:
    """Digits that give the same number when read, without exponent. Glow prints more of them, which are as good."""
    if np.isinf(number):
        return ".inf" if number > 0 else "-.inf"
    return np.format_float_positional(float(number), unique=True, trim="0")  # an fp32 object would print fewer


def read_profile(path: Path) -> Profile:
    """The profile in a file. Glow's files are of the same form, and files edited by hand may be any YAML of it.

    Raises:
        AicError: no such file, not YAML, not of this form, or records that mean nothing: Min above Max, NaN, names that
            come twice, counts that are none. Every flaw of the kind is named, with its line.
    """
    with refusing(path, _REMEDY):
        documents, aside = _composed(read_text(path, _WHAT))
        if len(documents) != 3:
            parts = f"three documents ({_VERSION}, {_HASH}, and the list of tensors)"
            raise Flaw(f"not {_WHAT}: it has {counted(documents)}, not {parts}", None)
        version, graph_hash, tensors = documents
        records = collected(items_of(tensors, "the third document"), lambda node: _record(node, aside))
        check_once((record.name, line) for record, line in records)
        return Profile(
            text_of(fields_of(version, "the first document", [_VERSION])[_VERSION], _VERSION),
            _hash_of(fields_of(graph_hash, "the second document", [_HASH])[_HASH]),
            {record.name: record for record, _ in records},
        )


def _composed(text: str) -> tuple[list[Node], Mapping[int | None, Counts]]:
    """The documents of a profile, and counts by line of the histograms that are empty in them.

    YAML takes 25 µs per count, nearly all the time of reading. So histograms are first cut out where they are plain
    lists, which leaves every line where it is. If one was not what a record has as its histogram, nothing is cut out.
    """
    short, aside = _cut_out(text)
    documents = yaml_documents(short)
    records = [record for document in documents if isinstance(document, Items) for record in document.items]
    fields = [field for record in records if isinstance(record, Entries) for field in record.entries]
    emptied = {node.line for key, node in fields if key == _COUNTS and isinstance(node, Items) and not node.items}
    return (documents, aside) if aside.keys() <= emptied else (yaml_documents(text), {})


def _cut_out(text: str) -> tuple[str, dict[int | None, Counts]]:
    """A text with emptied histograms, and the counts of each by its line."""
    pieces: list[str] = []
    counts: dict[int | None, Counts] = {}
    line, end = 1, 0
    for match in _HISTOGRAM.finditer(text):
        numbers = np.array(list(map(float, match[1].split(","))))
        if numbers.max() >= _EXACT or (numbers != np.rint(numbers)).any():
            continue  # too large for this way, or wrong
        start, breaks = match.start(1), match[1].count("\n")
        line += text.count("\n", end, start)
        counts[line] = numbers.astype(np.int64)
        pieces += text[end:start], "\n " * breaks
        line, end = line + breaks, match.end(1)
    return "".join([*pieces, text[end:]]), counts


def _record(node: Node, aside: Mapping[int | None, Counts]) -> tuple[TensorProfile, int | None]:
    """A record, and its line."""
    fields = fields_of(node, "a record", [_NAME, _LOW, _HIGH, _COUNTS], [_MEANS, _MAXIMA])
    name = text_of(fields[_NAME], _NAME)
    with about(name):
        low, high = number_of(fields[_LOW], _LOW), number_of(fields[_HIGH], _HIGH)
        if low > high:
            raise Flaw(f"{_LOW} {low} is above {_HIGH} {high}", fields[_LOW].line)
        means, maxima = (_channels(fields[key], key) if key in fields else None for key in (_MEANS, _MAXIMA))
        return TensorProfile(name, low, high, _counts(fields[_COUNTS], aside), means, maxima), node.line


def _channels(node: Node, key: str) -> Channels:
    text = text_of(node, key)
    try:
        numbers = np.array([float(number) for number in text.split()])
    except ValueError:
        raise Flaw(f"{key} is {text[:40]!r}, not numbers separated by spaces", node.line) from None
    if not np.isfinite(numbers).all():
        raise Flaw(f"{key} has numbers that are not finite", node.line)
    if key == _MAXIMA and (numbers < 0).any():
        raise Flaw(f"{key} has a number below 0", node.line)
    return numbers


def _counts(node: Node, aside: Mapping[int | None, Counts]) -> Counts:
    items = items_of(node, _COUNTS)
    if not items and node.line in aside:
        return aside[node.line]
    if not items:
        raise Flaw(f"{_COUNTS} has no bins", node.line)
    counts = np.array([whole_of(item, f"bin {place} of {_COUNTS}") for place, item in enumerate(items)], np.int64)
    place = int(np.argmin(counts))
    if counts[place] < 0:
        raise Flaw(f"bin {place} of {_COUNTS} is {counts[place]}, below 0", items[place].line)
    return counts


def _hash_of(node: Node) -> int:
    text = text_of(node, _HASH)
    if not _HEXADECIMAL.fullmatch(text):
        raise Flaw(f"{_HASH} is {text[:40]!r}, not 0x and at most 16 hexadecimal digits", node.line)
    return int(text, 16)
