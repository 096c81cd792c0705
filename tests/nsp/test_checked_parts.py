"""Checked mode of networks in parts: the bits of fast mode in whatever order parts and engines go on, and planted
faults that are found and say in which part.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from aic.importer import import_model
from aic.nsp.checked import run_checked_parts
from aic.nsp.values.parts import PartsProgram
from aic.nsp.values.program import load_program
from aic.partitions.ports import ports_of_parts
from aic.phases import phases_between, run_phases
from dialects.aic import TargetAttr
from dialects.errors import AicError
from dialects.module import path_of, programs_of, set_signals, set_target
from dialects.weights import store_of
from passes.partition_clusters import CLUSTERS, clusters
from tests.models.digits import DIGITS_BN, digits_test
from tests.nsp.programs import alloc, instruction, module, tensor
from tests.partitions.networks import scheduled

IMAGE = {"x": digits_test()[0][:1].astype("f")}
SEEDS = (None, 0, 1, 2)
BOX = "#tile.box<[1] : 0 to 8>"


def over_clusters() -> ModuleOp:
    network = import_model(DIGITS_BN)
    set_target(network, TargetAttr.of("pro"), 4)
    network.attributes[CLUSTERS] = clusters((2, 2))
    run_phases(network, phases_between("graph", "schedule"), fp16=True)
    return network


def parts_of(network: ModuleOp) -> dict[str, ModuleOp]:
    return {path_of(part): part for part in programs_of(network)}


@pytest.mark.parametrize("kind", ["pipelined", "sliced", "mixed", "clusters"])
def test_the_bits_of_fast_mode(kind: str) -> None:
    network = over_clusters() if kind == "clusters" else scheduled(kind)
    expected = PartsProgram.of(network, lambda part, mail: load_program(part, mail=mail)).run(IMAGE)
    stored = store_of(network).stored_bytes
    ports = ports_of_parts(network)
    for seed in SEEDS:
        found = ports.gathered(run_checked_parts(parts_of(network), ports.given(IMAGE), lambda _: stored, seed=seed))
        assert found.keys() == expected.keys()
        for name, output in expected.items():
            np.testing.assert_array_equal(found[name], output)


def channel(number: int, peer: str) -> str:
    return f'box = {BOX}, channel = #aic.channel<{number}, "p2p", "{peer}">'


def sender(waits: str = "1 at 1", number: int = 0, before: str = "") -> str:
    """Sends its input on by way of VTCM."""
    text = tensor("x", "8xf16", "input") + tensor("t", "8xf16", "send")
    text += alloc("a", "[1] : 0 to 8", "8xf16").replace("{window", "{address = 0 : i64, window") + before
    text += instruction("tile.load %x, %a", f"box = {BOX}", "load", 0, "8 at 1" if before else "")
    text += instruction("tile.store %a, %t", f"box = {BOX}", "store", 1, "0 at 1")
    return text + instruction("tile.send %t", channel(number, "b"), "give", 2, waits)


def receiver(waits: str = "0 at 1", number: int = 0) -> str:
    """Gives as its output what comes."""
    text = tensor("r", "8xf16", "receive") + tensor("y", "8xf16", "output")
    text += alloc("b", "[1] : 0 to 8", "8xf16").replace("{window", "{address = 0 : i64, window")
    text += instruction("tile.receive %r", channel(number, "a"), "take", 0)
    text += instruction("tile.load %r, %b", f"box = {BOX}", "load", 1, waits)
    return text + instruction("tile.store %b, %y", f"box = {BOX}", "store", 2, "1 at 1")


def program(text: str, signals: int) -> ModuleOp:
    made = module(text, 1)
    set_signals(made, [1] * signals)
    return made


def run(texts: Mapping[str, str], seed: int | None, signals: int = 3) -> Any:
    parts = {name: program(text, signals) for name, text in texts.items()}
    given = {"a": {"x": np.arange(8, dtype=np.float16)}, "b": {}}
    return run_checked_parts(parts, given, lambda part: store_of(part).stored_bytes, seed=seed)["b"]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_one_part_sends_another_gets(seed: int | None) -> None:
    np.testing.assert_array_equal(run({"b": receiver(), "a": sender()}, seed)["y"], np.arange(8))


@pytest.mark.parametrize("seed", SEEDS[1:])
def test_races_say_in_which_part(seed: int) -> None:
    with pytest.raises(AicError, match=r"^a: .*without waiting for the write by tile.store \(store\)"):
        run({"a": sender(waits=""), "b": receiver()}, seed)
    with pytest.raises(AicError, match=r"^b: .*without waiting for the write by tile.receive \(take\)"):
        run({"a": sender(), "b": receiver(waits="")}, seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_tensor_that_nobody_sends(seed: int | None) -> None:
    with pytest.raises(AicError) as caught:
        run({"a": sender(), "b": receiver(number=1)}, seed)
    message = str(caught.value)
    assert "deadlock" in message
    assert re.search(r"b.* waits for a on channel 1", message)


def test_signals_that_end_elsewhere_than_declared() -> None:
    with pytest.raises(AicError, match=r"a: signal 3 ends at 0 on core 0; .* declares 1"):
        run({"a": sender(), "b": receiver()}, 0, signals=4)


def test_what_was_never_written_says_in_which_part() -> None:
    with pytest.raises(AicError, match=r"^a: .*was never written"):
        run({"a": sender().replace("tile.store %a, %t", "tile.load %x, %a"), "b": receiver()}, None)
