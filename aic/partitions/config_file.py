"""The file of `-mdp-load-partition-config`: the cards of every part of a network, as the vendor documents it.

    {"connections": [{"devices": [0, 1], "type": "p2p"}],
     "partitions": [{"name": "Partition0", "devices": [{"deviceId": 0, "numCores": 16}], "nodeList": ["Add_1"]},
                    {"name": "Partition1", "devices": [{"deviceId": 1, "numCores": 16}], "nodeList": ["Add_2"]}]}

Cards that no connection names are connected by the host. A single partition may leave its `nodeList` out: it has all
nodes.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from aic.files.json_file import kind_of, read_json
from dialects.errors import AicError, in_lines
from dialects.files import written_aside
from passes.partitioning.configuration import Configuration, Connection, Device, Partition

ValueT = TypeVar("ValueT")

_WHAT = "a partition configuration"
_LARGEST = (1 << 63) - 1
"""What an attribute of the IR holds."""
_ABSENT = object()
"""A member that is not there: told where it is missed, or rightly left out."""


def read_config(path: Path, available: int) -> Configuration:
    """The configuration in a file, for cards with so many cores.

    Raises AicError that lists everything that is wrong with it by itself: keys and types, each with its place, or else
    names, devices and connections.
    """
    reader = _Reader()
    configuration = reader.configuration(read_json(path, _WHAT))
    problems = reader.problems or list(configuration.problems(available))
    if problems:
        raise AicError(f"{path}:{in_lines(problems)}")
    return configuration


def write_config(configuration: Configuration, path: Path) -> None:
    """Writes a configuration as a file that `read_config` takes. Raises AicError when that cannot be written."""
    connections = [{"devices": list(each.devices), "type": each.type} for each in configuration.connections]
    partitions = [
        {
            "name": partition.name,
            "devices": [{"deviceId": device.number, "numCores": device.cores} for device in partition.devices],
        }
        | ({} if partition.nodes is None else {"nodeList": list(partition.nodes)})
        for partition in configuration.partitions
    ]
    text = json.dumps({"connections": connections, "partitions": partitions}, indent=4, ensure_ascii=False)
    with written_aside(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


@dataclass
class _Reader:
    """Reads a document, and collects what is wrong with it. What it gives then stands for nothing."""

    problems: list[str] = field(default_factory=list[str])

    def configuration(self, document: object) -> Configuration:
        fields = self._fields(document, "", ("partitions",), ("connections",))
        partitions = self._list(fields["partitions"], "partitions")
        connections = self._list(fields["connections"], "connections")
        return Configuration(
            tuple(self._partition(each, f"partitions[{n}]") for n, each in enumerate(partitions)),
            tuple(self._connection(each, f"connections[{n}]") for n, each in enumerate(connections)),
        )

    def _partition(self, value: object, place: str) -> Partition:
        fields = self._fields(value, place, ("name", "devices"), ("nodeList",))
        devices = self._list(fields["devices"], f"{place}.devices")
        nodes = self._list(fields["nodeList"], f"{place}.nodeList")
        return Partition(
            self._text(fields["name"], f"{place}.name"),
            tuple(self._device(each, f"{place}.devices[{n}]") for n, each in enumerate(devices)),
            tuple(self._text(each, f"{place}.nodeList[{n}]") for n, each in enumerate(nodes))
            if fields["nodeList"] is not _ABSENT
            else None,
        )

    def _device(self, value: object, place: str) -> Device:
        fields = self._fields(value, place, ("deviceId", "numCores"))
        number, cores = (self._integer(fields[name], f"{place}.{name}") for name in ("deviceId", "numCores"))
        return Device(number, cores)

    def _connection(self, value: object, place: str) -> Connection:
        fields = self._fields(value, place, ("devices", "type"))
        devices = self._list(fields["devices"], f"{place}.devices")
        return Connection(
            tuple(self._integer(each, f"{place}.devices[{n}]") for n, each in enumerate(devices)),
            self._text(fields["type"], f"{place}.type"),
        )

    def _fields(
        self, value: object, place: str, needed: Collection[str], optional: Collection[str] = ()
    ) -> dict[str, object]:
        """The members of an object that are known; `_ABSENT` for those that it has not."""
        known = [*needed, *optional]
        if not isinstance(value, dict):
            self._note(place, f"is {kind_of(value)}, not an object of {', '.join(known)}")
            return dict.fromkeys(known, _ABSENT)
        fields = cast(dict[str, object], value)
        for name in fields:
            if name not in known:
                self._note(place, f"has {name!r}, which means nothing; there are {', '.join(known)}")
        for name in needed:
            if name not in fields:
                self._note(place, f"has no {name!r}")
        return {name: fields.get(name, _ABSENT) for name in known}

    def _list(self, value: object, place: str) -> list[object]:
        if isinstance(value, list):
            return cast(list[object], value)
        return self._wrong(value, place, "a list", list[object]())

    def _text(self, value: object, place: str) -> str:
        if isinstance(value, str) and value:
            return value
        return self._wrong(value, place, "text", "")

    def _integer(self, value: object, place: str) -> int:
        if type(value) is int and abs(value) <= _LARGEST:
            return value
        return self._wrong(value, place, "an integer" if type(value) is not int else "an integer of 64 bits", 0)

    def _wrong(self, value: object, place: str, wanted: str, instead: ValueT) -> ValueT:
        if value is not _ABSENT:
            self._note(place, f"{wanted} is needed, this is {'empty' if value == '' else kind_of(value)}")
        return instead

    def _note(self, place: str, problem: str) -> None:
        self.problems.append(f"{place or 'the whole'}: {problem}")
