"""Partition configurations: what a file may say, and how it is told what is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from aic.partitions.config_file import read_config, write_config
from aic.partitions.nodes import check_nodes, node_names, sample
from dialects.errors import AicError
from passes.partitioning.configuration import Configuration, Connection, Device, Partition
from tests.models.digits import DIGITS_BN

CORES = 16
PIPELINE = Configuration(
    (Partition("a", (Device(0, 4),), ("n", "é")), Partition("b", (Device(1, 8), Device(3, 8)), ("m",))),
    (Connection((0, 1), "p2p"), Connection((1, 3), "host")),
)


def written(folder: Path, document: Any) -> Path:
    path = folder / "config.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def problems(folder: Path, document: Any) -> list[str]:
    """What is wrong with a file, line by line."""
    path = written(folder, document)
    with pytest.raises(AicError) as error:
        read_config(path, CORES)
    first, *others = str(error.value).removeprefix(f"{path}:").split("\n  ")
    return [first.strip(), *others] if first else others


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_config(PIPELINE, tmp_path / "config.json")
    assert read_config(tmp_path / "config.json", CORES) == PIPELINE


def test_documented_defaults(tmp_path: Path) -> None:
    devices = [{"deviceId": 0, "numCores": 8}, {"deviceId": 1, "numCores": 8}]
    read = read_config(written(tmp_path, {"partitions": [{"name": "Partition0", "devices": devices}]}), CORES)
    assert read.partitions == (Partition("Partition0", (Device(0, 8), Device(1, 8)), None),)
    assert read.link(0, 1) == "host"


def test_no_node_is_not_all_nodes(tmp_path: Path) -> None:
    entry = {"name": "p", "devices": [{"deviceId": 0, "numCores": 1}], "nodeList": []}
    assert read_config(written(tmp_path, {"partitions": [entry]}), CORES).partitions[0].nodes == ()


def test_keys_and_types_are_told_all_at_once(tmp_path: Path) -> None:
    document = {
        "connection": [],
        "connections": [{"devices": [0, "1"], "type": None}, {"devices": {}}],
        "partitions": [
            {"name": "", "devices": [{"deviceId": 0, "numCores": True}, 3], "nodeList": ["a", 1]},
            {"name": "b", "devices": [{"deviceId": 1.0, "numCore": 1}], "nodeList": None},
        ],
    }
    assert sorted(problems(tmp_path, document)) == sorted(
        [
            "the whole: has 'connection', which means nothing; there are partitions, connections",
            "connections[0].devices[1]: an integer is needed, this is text",
            "connections[0].type: text is needed, this is null",
            "connections[1]: has no 'type'",
            "connections[1].devices: a list is needed, this is an object",
            "partitions[0].name: text is needed, this is empty",
            "partitions[0].devices[0].numCores: an integer is needed, this is a boolean",
            "partitions[0].devices[1]: is a number, not an object of deviceId, numCores",
            "partitions[0].nodeList[1]: text is needed, this is a number",
            "partitions[1].devices[0].deviceId: an integer is needed, this is a number",
            "partitions[1].devices[0]: has 'numCore', which means nothing; there are deviceId, numCores",
            "partitions[1].devices[0]: has no 'numCores'",
            "partitions[1].nodeList: a list is needed, this is null",
        ]
    )


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("{", "not a partition configuration in JSON"),
        ("[]", "the whole: is a list, not an object of partitions, connections"),
        ("{}", "the whole: has no 'partitions'"),
        ({"partitions": []}, "there is no partition"),
        ('{"partitions": [], "partitions": []}', "names 'partitions' twice"),
        ({"partitions": [{"name": "p", "devices": [{"deviceId": 1 << 70, "numCores": 1}]}]}, "an integer of 64 bits"),
    ],
)
def test_what_is_no_configuration(tmp_path: Path, document: Any, problem: str) -> None:
    assert problem in "\n".join(problems(tmp_path, document))


def test_what_is_wrong_with_names_devices_and_connections(tmp_path: Path) -> None:
    device = {"deviceId": 0, "numCores": 17}
    document = {
        "connections": [{"devices": [0, 2], "type": "wire"}],
        "partitions": [{"name": "p", "devices": [device], "nodeList": []}] * 2,
    }
    assert problems(tmp_path, document) == [
        "2 partitions are called 'p'",
        *["partition 'p': device 0 is to have 17 cores; a card has 1 to 16"] * 2,
        "device 0 is used 2 times",
        "connection of devices 0, 2: type 'wire' is none of p2p, host",
        "connection of devices 0, 2: no partition is on device 2; there are 0",
    ]


def test_more_cards_than_there_can_be(tmp_path: Path) -> None:
    devices = [{"deviceId": 65_472 + number, "numCores": 1} for number in range(65)]
    assert problems(tmp_path, {"partitions": [{"name": "p", "devices": devices}]}) == [
        "65 devices; a network can be on 64",
        "partition 'p': device 65536; devices are numbered from 0 to 65535",
    ]


def test_the_sample_has_all_nodes_of_the_model() -> None:
    made = sample(DIGITS_BN, 4)
    (partition,) = made.partitions
    assert partition.devices == (Device(0, 4),)
    assert partition.name == "Partition0"
    assert partition.nodes == tuple(node_names(DIGITS_BN))
    assert {"/0/Conv", "/1/BatchNormalization", "/10/Flatten"} <= set(partition.nodes or ())
    check_nodes(made, node_names(DIGITS_BN), Path("c.json"))


def test_nodes_unknown_twice_and_missing_are_told_together() -> None:
    nodes = [f"node{n}" for n in range(20)]
    wrong = Configuration(
        (Partition("a", (Device(0, 1),), ("nodes7", "node1")), Partition("b", (Device(1, 1),), ("node1",)))
    )
    with pytest.raises(AicError) as error:
        check_nodes(wrong, nodes, Path("c.json"))
    lines = str(error.value).split("\n")
    assert lines[:5] == [
        "c.json:",
        "  no node of the model:",
        "    'nodes7'; did you mean 'node7' or 'node17' or 'node9'?",
        "  in two partitions, or twice in one:",
        "    'node1'",
    ]
    assert lines[5] == "  in no partition (19 nodes):"
    assert lines[6] == "    'node0'"
    assert lines[-1] == "    and 11 more"


def test_ir_text_is_not_held_to_the_nodes_of_the_model() -> None:
    check_nodes(PIPELINE, None, Path("c.json"))
    twice = Configuration((Partition("a", (Device(0, 1),), ("n", "n")),))
    with pytest.raises(AicError, match="twice in one"):
        check_nodes(twice, None, Path("c.json"))
