"""How a network is divided over cards, as the user says it: plain data, and what a module holds of it."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ArrayAttr, DenseArrayBase, DictionaryAttr, StringAttr, i64
from xdsl.ir import Attribute

from dialects.channels import Link
from dialects.errors import AicError
from dialects.module import MAX_DEVICES, MAX_PARTS
from passes.partitioning.arrangements import Arrangement

CONFIGURATION = "aic.partitions"
"""Name of the module's attribute."""
CONNECTIONS: tuple[Link, ...] = ("p2p", "host")
"""Types of connections."""


@dataclass(frozen=True)
class Device:
    """A card, by its logical number, and the cores of it that a partition takes."""

    number: int
    cores: int


@dataclass(frozen=True)
class Partition:
    """A part of a network: the cards that it is on, each with a slice of its tensors if they are several, and the nodes
    of the model that it computes (None: all).
    """

    name: str
    devices: tuple[Device, ...]
    nodes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Connection:
    """What connects each two of some cards."""

    devices: tuple[int, ...]
    type: str


@dataclass(frozen=True)
class Configuration:
    """All partitions, and the connections between their cards."""

    partitions: tuple[Partition, ...]
    connections: tuple[Connection, ...] = ()

    @property
    def devices(self) -> list[int]:
        """Numbers of the cards of all partitions."""
        return [device.number for partition in self.partitions for device in partition.devices]

    def link(self, here: int, there: int) -> Link:
        """What connects two cards: the host, unless a connection says that they are peers."""
        peers = any(
            connection.type == "p2p" and {here, there} <= set(connection.devices) for connection in self.connections
        )
        return "p2p" if peers else "host"

    def inner_link(self, partition: Partition) -> Link:
        """What connects the cards of one partition: peers only if each two are."""
        numbers = [device.number for device in partition.devices]
        return "p2p" if all(self.link(a, b) == "p2p" for a in numbers for b in numbers if a != b) else "host"

    @staticmethod
    def arranged(arrangement: Arrangement, cores: int, nodes: Sequence[Sequence[str]] | None = None) -> "Configuration":
        """Peers with so many cores each, in an arrangement. `nodes`: of each stage, where they are to be listed."""
        partitions = tuple(
            Partition(
                f"Partition{stage}",
                tuple(Device(number, cores) for number in arrangement.devices_of(stage)),
                None if nodes is None else tuple(nodes[stage]),
            )
            for stage in range(len(arrangement.cuts) + 1)
        )
        devices = tuple(device.number for partition in partitions for device in partition.devices)
        return Configuration(partitions, (Connection(devices, "p2p"),))

    def problems(self, available: int) -> Iterator[str]:
        """What is wrong with it by itself, for cards with so many cores."""
        if not self.partitions:
            yield "there is no partition"
        if len(self.devices) > MAX_PARTS:
            yield f"{len(self.devices)} devices; a network can be on {MAX_PARTS}"
        names = Counter(partition.name for partition in self.partitions)
        yield from (f"{count} partitions are called {name!r}" for name, count in names.items() if count > 1)
        for partition in self.partitions:
            if not partition.devices:
                yield f"partition {partition.name!r} has no device"
            if partition.nodes is None and len(self.partitions) > 1:
                yield f"partition {partition.name!r} has no nodeList, which only a partition of all nodes may leave out"
            for device in partition.devices:
                if not 0 <= device.number < MAX_DEVICES:
                    yield (
                        f"partition {partition.name!r}: device {device.number}; devices are numbered from 0 to "
                        f"{MAX_DEVICES - 1}"
                    )
                if not 1 <= device.cores <= available:
                    yield (
                        f"partition {partition.name!r}: device {device.number} is to have {device.cores} cores; "
                        f"a card has 1 to {available}"
                    )
        users = Counter(self.devices)
        yield from (f"device {device} is used {count} times" for device, count in users.items() if count > 1)
        yield from self._wrong_connections()

    def _wrong_connections(self) -> Iterator[str]:
        known = sorted(set(self.devices))
        for connection in self.connections:
            named = ", ".join(map(str, connection.devices))
            if connection.type not in CONNECTIONS:
                yield f"connection of devices {named}: type {connection.type!r} is none of {', '.join(CONNECTIONS)}"
            if len(set(connection.devices)) < 2:
                yield f"connection of devices {named}: it needs two devices or more"
            if missing := [device for device in connection.devices if device not in known]:
                there = ", ".join(map(str, known))
                yield (
                    f"connection of devices {named}: no partition is on device "
                    f"{', '.join(map(str, missing))}; there are {there}"
                )

    def node_problems(self, nodes: Collection[str]) -> tuple[list[str], list[str], list[str]]:
        """Nodes that are listed and not of the model, listed twice, and in no partition."""
        listed = Counter(node for partition in self.partitions for node in partition.nodes or ())
        whole = any(partition.nodes is None for partition in self.partitions)
        unknown = [node for node in listed if node not in nodes]
        twice = [node for node, count in listed.items() if count > 1]
        return unknown, twice, [] if whole else [node for node in nodes if node not in listed]

    def to_attribute(self) -> DictionaryAttr:
        """What a module has as `aic.partitions`."""
        connections = [
            DictionaryAttr({"devices": _numbers(connection.devices), "type": StringAttr(connection.type)})
            for connection in self.connections
        ]
        partitions = [
            DictionaryAttr(
                {
                    "name": StringAttr(partition.name),
                    "devices": _numbers([device.number for device in partition.devices]),
                    "cores": _numbers([device.cores for device in partition.devices]),
                }
                | ({} if partition.nodes is None else {"nodes": ArrayAttr(map(StringAttr, partition.nodes))})
            )
            for partition in self.partitions
        ]
        return DictionaryAttr({"partitions": ArrayAttr(partitions), "connections": ArrayAttr(connections)})

    @staticmethod
    def of_attribute(attribute: Attribute) -> "Configuration":
        """The configuration that a module has. Raises AicError for what is none."""
        entries = _entries(attribute, ("partitions", "connections"))
        partitions = [_partition(each) for each in _array(entries.get("partitions"))]
        connections: list[Connection] = []
        for each in _array(entries.get("connections")):
            found = _entries(each, ("devices", "type"))
            connections.append(Connection(tuple(_integers(found.get("devices"))), _text(found.get("type"))))
        return Configuration(tuple(partitions), tuple(connections))


def _partition(attribute: Attribute) -> Partition:
    found = _entries(attribute, ("name", "devices", "cores", "nodes"))
    devices, cores = _integers(found.get("devices")), _integers(found.get("cores"))
    if len(devices) != len(cores):
        raise AicError(f"{CONFIGURATION}: {attribute} has {len(devices)} devices and cores of {len(cores)}")
    nodes = found.get("nodes")
    return Partition(
        _text(found.get("name")),
        tuple(Device(number, count) for number, count in zip(devices, cores, strict=True)),
        None if nodes is None else tuple(_text(node) for node in _array(nodes)),
    )


def _entries(attribute: Attribute, known: Sequence[str]) -> dict[str, Attribute]:
    if not isinstance(attribute, DictionaryAttr) or attribute.data.keys() - set(known):
        raise AicError(f"{CONFIGURATION}: {attribute} is no dictionary of {', '.join(known)}")
    return dict(attribute.data)


def _array(attribute: Attribute | None) -> Sequence[Attribute]:
    if attribute is None:
        return ()
    if not isinstance(attribute, ArrayAttr):
        raise AicError(f"{CONFIGURATION}: {attribute} is no array")
    return attribute.data


def _integers(attribute: Attribute | None) -> list[int]:
    if not isinstance(attribute, DenseArrayBase) or attribute.elt_type != i64:
        raise AicError(f"{CONFIGURATION}: {attribute} is no array of i64")
    return [int(value) for value in attribute.get_values()]


def _text(attribute: Attribute | None) -> str:
    if not isinstance(attribute, StringAttr):
        raise AicError(f"{CONFIGURATION}: {attribute} is no text")
    return attribute.data


def _numbers(values: Sequence[int]) -> DenseArrayBase:
    return DenseArrayBase.from_list(i64, list(values))
