"""Checked mode: the same bits as fast mode, and an error for every planted fault; a twin one step away passes."""

from collections.abc import Sequence

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from aic.nsp.checked import run_checked
from aic.nsp.values import load_program
from dialects.errors import AicError
from dialects.graph.kernels import KERNELS
from dialects.module import set_signals
from tests.nsp.halo_program import INPUT, WEIGHTS, edited
from tests.nsp.programs import module

Change = tuple[str, str]


def same_in_both_modes(program: ModuleOp) -> dict[str, np.ndarray]:
    checked = run_checked(program, {"x": INPUT})
    fast = load_program(program).run({"x": INPUT})
    assert {name: array.tobytes() for name, array in checked.items()} == {n: a.tobytes() for n, a in fast.items()}
    return checked


def test_the_program_as_it_is() -> None:
    result = same_in_both_modes(edited())["y"]
    expected = KERNELS["conv"](INPUT.astype(np.float32), WEIGHTS, pads=(1, 1, 1, 1))
    np.testing.assert_allclose(result, expected.astype(np.float16), rtol=1e-3, atol=1e-3)


FAULTS: dict[str, tuple[Change, str]] = {
    "window one row too small": (
        ("%a = tile.alloc", "4 m0 - 1 to 4 m0 + 5 -> 4 m0 - 1 to 4 m0 + 4"),
        r"tile.exchange \(halo\), core 0: \[0 to 1, 4 to 5, 0 to 8, 0 to 4\] of buffer %a memref<1x6x10x4xf16, "
        r"\"vtcm\">: leaves the window \[0 to 1, -1 to 4, -1 to 9, 0 to 4\]",
    ),
    "window one row too late": (
        ("%a = tile.alloc", "4 m0 - 1 to 4 m0 + 5 -> 4 m0 to 4 m0 + 5"),
        r"tile.exchange \(halo\), core 1: .*leaves the window",
    ),
    "buffer one row too small": (
        ("%a = tile.alloc", "1x6x10x4 -> 1x5x10x4"),
        r"\(halo\), core 0: .*leaves the room of the buffer \[0 to 1, -1 to 4, -1 to 9, 0 to 4\]",
    ),
    "buffer overwritten while in use": (
        ("%v = tile.alloc", "address = 2048 -> address = 0"),
        r"tile.compute \(product\), core 0: .* of buffer %a .*: position \[0, -1, -1, 0\] holds what was written to"
        r" buffer %v memref<3x3x4x4xf16",
    ),
    "load one row too short": (
        ("tile.load", "4 m0 to 4 m0 + 4 -> 4 m0 to 4 m0 + 3"),
        r"tile.exchange \(halo\), core 1: .* of core 0: position \[0, 3, 0, 0\] was never written",
    ),
    "load one channel too short": (
        ("tile.load", "0 to 4> -> 0 to 3>"),
        r"\(halo\), core 0: .* of core 1: position \[0, 4, 0, 3\] was never written",
    ),
    "load one row too long": (
        ("tile.load", "4 m0 to 4 m0 + 4 -> 4 m0 to 4 m0 + 5"),
        r"tile.load \(image\), core 3: \[0 to 1, 12 to 17, 0 to 8, 0 to 4\] of tensor %x .*leaves the tensor",
    ),
    "no fill": (("tile.fill", ""), r"\(product\), core 0: .*position \[0, -1, -1, 0\] was never written"),
    "fill for a tensor of one column more": (
        ("tile.fill", "1, 16, 8, 4 -> 1, 16, 9, 4"),
        r"\(product\), core 0: .*position \[0, 0, 8, 0\] was never written",
    ),
    "no exchange": (("tile.exchange", ""), r"\(product\), core 0: .*position \[0, 4, 0, 0\] was never written"),
    "halo one row too short": (
        ("tile.exchange", "max(4 m0 - 1, 0) -> 4 m0"),
        r"\(product\), core 1: .*position \[0, 3, 0, 0\] was never written",
    ),
    "weights one row too few": (
        ("tile.multicast", "0 to 3, 0 to 3 -> 0 to 2, 0 to 3"),
        r"\(product\), core 0: .* of buffer %v .*position \[2, 0, 0, 0\] was never written",
    ),
    "result read where it was not made": (
        ("tile.store", "4 m0 to 4 m0 + 4 -> 4 m0 to 4 m0 + 5"),
        r"tile.store \(result\), core 1: .*core 0 stores to the same place",
    ),
    "result stored in part": (("tile.store", "m0 + 4 -> m0 + 3"), r"output 'y': 256 of 1024 bytes were never written"),
    "address beyond VTCM": (("%b = tile.alloc", "4096 -> 8323072"), r"buffer %b .* leave the VTCM"),
    "address that is not aligned": (("%b = tile.alloc", "4096 -> 4098"), r"4098 is no multiple of 2048"),
    "no address": (("%b = tile.alloc", ", address = 4096 : i64 -> "), r"run assign-addresses first"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults(fault: str) -> None:
    change, message = FAULTS[fault]
    with pytest.raises(AicError, match=message):
        run_checked(edited(change), {"x": INPUT})


TWINS: dict[str, Change] = {
    "window one row larger": ("%a = tile.alloc", "4 m0 - 1 to 4 m0 + 5 -> 4 m0 - 1 to 4 m0 + 6"),
    "buffer one row larger": ("%a = tile.alloc", "1x6x10x4 -> 1x7x10x4"),
    "buffers next to each other": ("%b = tile.alloc", "4096 -> 6144"),
    "buffer at the address of one that is no longer read": ("%b = tile.alloc", "4096 -> 4096"),
    "last address": ("%b = tile.alloc", "4096 -> 8321024"),
    "every core loads its halo": (
        "tile.load",
        "4 m0 to 4 m0 + 4 -> max(4 m0 - 1, 0) to min(4 m0 + 5, 16)",
    ),
}


@pytest.mark.parametrize("twin", TWINS)
def test_twins_that_are_right(twin: str) -> None:
    expected = same_in_both_modes(edited())["y"]
    np.testing.assert_array_equal(same_in_both_modes(edited(TWINS[twin]))["y"], expected)


def test_a_halo_that_is_loaded_needs_no_exchange() -> None:
    loaded = ("tile.load", "4 m0 to 4 m0 + 4 -> max(4 m0 - 1, 0) to min(4 m0 + 5, 16)")
    same_in_both_modes(edited(loaded, ("tile.exchange", "")))


def test_an_address_may_be_taken_when_its_buffer_is_done() -> None:
    """%b at the address of %a: the kernel has read all of %a before it writes."""
    same_in_both_modes(edited(("%b = tile.alloc", "4096 -> 0")))


def loop(ahead: int, prologue: int = 1) -> ModuleOp:
    """Eight rows of x, one an iteration, brought `ahead` iterations early into two slots, doubled and stored."""
    early = f", ahead = {ahead} : i64" if ahead else ""
    load = "tile.load %x, %a {box = #tile.box<[1] : i0 to i0 + 1, 0 to 4>"
    boxes = "#tile.box<[1] : i0 to i0 + 1, 0 to 4>"
    return module(
        f"""
        %x = tile.tensor {{label = "x", role = "input"}} : memref<8x4xf16, "ddr">
        %y = tile.tensor {{label = "y", role = "output"}} : memref<8x4xf16, "ddr">
        %a = tile.alloc {{window = {boxes}, depth = 2 : i64, address = 0 : i64}} : memref<1x4xf16, "vtcm">
        %b = tile.alloc {{window = {boxes}, address = 4096 : i64}} : memref<1x4xf16, "vtcm">
        {prologue * (load + "}")}
        tile.for 8 {{
          {load}{early}}} loc("fetch")
          tile.compute %a, %a, %b {{kernel = "add", engine = "hvx", boxes = [{", ".join([boxes] * 3)}], arguments = {{}}}} loc("double")
          tile.store %b, %y {{box = {boxes}}}
        }}""",  # noqa: E501
        1,
    )


@pytest.mark.parametrize("ahead", [0, 1])
def test_slots_rotate(ahead: int) -> None:
    x = np.arange(32, dtype=np.float16).reshape(8, 4)
    np.testing.assert_array_equal(run_checked(loop(ahead), {"x": x})["y"], 2 * x)


def test_a_slot_that_is_taken_too_early_or_never_filled() -> None:
    x = np.zeros((8, 4), np.float16)
    with pytest.raises(AicError, match=r"\(double\), core 0, iteration \[0\]: .*holds what was written to buffer %a"):
        run_checked(loop(2), {"x": x})
    with pytest.raises(AicError, match=r"\(double\), core 0, iteration \[0\]: .*was never written"):
        run_checked(loop(1, prologue=0), {"x": x})


def replicas(box: str) -> ModuleOp:
    whole = "#tile.box<[2] : 0 to 8>"
    return module(
        f"""
        %x = tile.tensor {{label = "x", role = "input"}} : memref<8xf32, "ddr">
        %y = tile.tensor {{label = "y", role = "output"}} : memref<8xf32, "ddr">
        %a = tile.alloc {{window = {whole}, address = 0 : i64}} : memref<8xf32, "vtcm">
        tile.multicast %x, %a {{axes = array<i64: 0>, box = {whole}}}
        tile.store %a, %y {{box = #tile.box<[2] : {box}>}} loc("store")""",
        2,
    )


def test_two_cores_that_store_to_one_place() -> None:
    x = {"x": np.arange(8, dtype=np.float32)}
    np.testing.assert_array_equal(run_checked(replicas("8 m0 to 8"), x)["y"], x["x"])
    with pytest.raises(AicError, match=r"tile.store \(store\), core 1: \[7 to 8\] .*core 0 stores to the same place"):
        run_checked(replicas("7 m0 to 8"), x)


def test_inputs_that_do_not_fit() -> None:
    with pytest.raises(AicError, match="x: missing; z: the network has no such input"):
        run_checked(edited(), {"z": INPUT})


PAIR = """
    %x = tile.tensor {label = "x", role = "input"} : memref<8xf16, "ddr">
    %y = tile.tensor {label = "y", role = "output"} : memref<8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 4 m0 - 1 to 4 m0 + 5>, address = 0 : i64} : memref<6xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4>, address = 2048 : i64} : memref<4xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 0 : i64} loc("rows")
    tile.exchange %a, %a {box = #tile.box<[2] : max(4 m0 - 1, 0) to min(4 m0 + 5, 8)>, own = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 1 : i64, waits = #tile.waits<0 at 1 all>} loc("halo")
    tile.compute %a, %b {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2] : 4 m0 to 4 m0 + 4>, #tile.box<[2] : 4 m0 to 4 m0 + 4>], arguments = {}, signal = 2 : i64, waits = #tile.waits<1 at 1>} loc("relu")
    tile.store %b, %y {box = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 3 : i64, waits = #tile.waits<2 at 1>} loc("result")
"""  # noqa: E501
"""Two cores fetch rows, then each other's, and store what they make of their own."""


def pair(*changes: Change, totals: Sequence[int] = (1, 1, 1, 1)) -> ModuleOp:
    text = PAIR
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    program = module(text, 2)
    set_signals(program, totals)
    return program


@pytest.mark.parametrize("seed", range(5))
def test_queues_in_any_order(seed: int) -> None:
    x = np.arange(-3, 5, dtype=np.float16)
    np.testing.assert_array_equal(run_checked(pair(), {"x": x}, seed=seed)["y"], x.clip(0))


IN_ANY_ORDER: dict[str, tuple[Change, str]] = {
    "halo fetched too early": (
        ("0 at 1 all", "0 at 1"),
        r"tile.exchange \(halo\), core .: .* of core .: is read without waiting for the write by tile.load \(rows\)",
    ),
    "product before its rows": (
        ("waits = #tile.waits<1 at 1>", "waits = #tile.waits<1 at 0>"),
        r"tile.compute \(relu\), core (.): \[.*\] of buffer %a .*: is read without waiting for the write by tile.load "
        r"\(rows\), core \1: \[.*\] of buffer %a",
    ),
    "result stored before it is there": (
        ("<2 at 1>", "<2 at 0>"),
        r"tile.store \(result\), core (.): .* is read without waiting for the write by tile.compute \(relu\), core \1",
    ),
    "both address the same": (
        ("address = 2048", "address = 0"),
        r"tile.compute \(relu\), core .: .* of buffer %b .*: is written without waiting for the read by tile.exchange "
        r"\(halo\), core .: .* of buffer %a .* of core .",
    ),
    "one count too many": (
        ("<2 at 1>", "<2 at 2>"),
        r"deadlocks:\n  dma: tile.store \(result\), core 0 waits until signal 2 is at 2 on core 0, where it stays at 1"
        r"\n"
        r"  dma: tile.store \(result\), core 1 waits",
    ),
    "nobody writes it": (
        ("#tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 0", "#tile.box<[2] : 4 m0 to 4 m0 + 3>, signal = 0"),
        r"\((halo|relu)\), core .: .*position \[[37]\] was never written",
    ),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fault", IN_ANY_ORDER)
def test_faults_in_any_order(fault: str, seed: int) -> None:
    change, message = IN_ANY_ORDER[fault]
    with pytest.raises(AicError, match=message):
        run_checked(pair(change), {"x": np.zeros(8, np.float16)}, seed=seed)


def test_signals_end_as_declared() -> None:
    x = {"x": np.zeros(8, np.float16)}
    with pytest.raises(AicError, match=r"signal 3 ends at 1 on core 0; aic.signals declares 2"):
        run_checked(pair(totals=(1, 1, 1, 2)), x, seed=0)
    with pytest.raises(AicError, match=r"signal 3 ends at 1 on core 0; aic.signals declares 0"):
        run_checked(pair(totals=(1, 1, 1)), x, seed=0)


def test_a_transfer_that_writes_what_it_reads() -> None:
    moved = (
        "own = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal",
        "own = #tile.box<[2] : 4 m0 to 4 m0 + 5>, signal",
    )
    with pytest.raises(AicError, match=r"tile.exchange \(halo\), core .: .* without waiting for the (read|write) by"):
        run_checked(pair(moved), {"x": np.zeros(8, np.float16)}, seed=0)


SCRATCH = """
    %x = tile.tensor {label = "x", role = "input"} : memref<8xf16, "ddr">
    %y = tile.tensor {label = "y", role = "output"} : memref<8xf16, "ddr">
    %s = tile.tensor {role = "scratch", address = 2048 : i64} : memref<8xf16, "ddr">
    %t = tile.tensor {role = "scratch", address = 2048 : i64} : memref<8xf16, "ddr">
    %a = tile.alloc {window = #tile.box<[2] : 4 m0 to 4 m0 + 4>, address = 0 : i64} : memref<4xf16, "vtcm">
    %b = tile.alloc {window = #tile.box<[2] : 0 to 8>, address = 2048 : i64} : memref<8xf16, "vtcm">
    tile.load %x, %a {box = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 0 : i64} loc("rows")
    tile.store %a, %s {box = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 1 : i64, waits = #tile.waits<0 at 1>} loc("kept")
    tile.load %s, %b {box = #tile.box<[2] : 0 to 8>, signal = 2 : i64, waits = #tile.waits<1 at 1 all>} loc("back")
    tile.compute %b, %a {kernel = "relu", engine = "hvx", boxes = [#tile.box<[2] : 4 m0 to 4 m0 + 4>, #tile.box<[2] : 4 m0 to 4 m0 + 4>], arguments = {}, signal = 3 : i64, waits = #tile.waits<2 at 1>} loc("relu")
    tile.store %a, %t {box = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 4 : i64, waits = #tile.waits<3 at 1, 2 at 1 all>} loc("other")
    tile.load %t, %b {box = #tile.box<[2] : 0 to 8>, signal = 5 : i64, waits = #tile.waits<3 at 1, 4 at 1 all>} loc("again")
    tile.store %b, %y {box = #tile.box<[2] : 4 m0 to 4 m0 + 4>, signal = 6 : i64, waits = #tile.waits<5 at 1>} loc("result")
"""  # noqa: E501
"""Two cores store parts of a tensor and fetch all of it; then likewise another, which takes its place in DDR."""


def scratch(*changes: Change) -> ModuleOp:
    text = SCRATCH
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    program = module(text, 2)
    set_signals(program, (1,) * 7)
    return program


@pytest.mark.parametrize("seed", [None, *range(5)])
def test_scratch_shares_addresses(seed: int | None) -> None:
    x = np.arange(-3, 5, dtype=np.float16)
    np.testing.assert_array_equal(run_checked(scratch(), {"x": x}, seed=seed)["y"], x.clip(0))


def test_scratch_that_is_overwritten() -> None:
    late = ("tile.load %t, %b {box = #tile.box<[2] : 0 to 8>", "tile.load %s, %b {box = #tile.box<[2] : 0 to 8>")
    message = r"tile.load \(again\), core 0: .* of tensor %s .*: position \[0\] holds what was written to tensor %t"
    with pytest.raises(AicError, match=message):
        run_checked(scratch(late), {"x": np.zeros(8, np.float16)})


@pytest.mark.parametrize("seed", range(5))
def test_scratch_that_is_taken_too_early(seed: int) -> None:
    message = r"tile.store \(other\), core .: .* of tensor %t .*: is written without waiting for the read by tile.load "
    with pytest.raises(AicError, match=message + r"\(back\), core .: .* of tensor %s"):
        run_checked(scratch(("3 at 1, 2 at 1 all", "3 at 1")), {"x": np.zeros(8, np.float16)}, seed=seed)
