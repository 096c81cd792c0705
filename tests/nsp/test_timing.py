"""The timing engine: when steps start and end, what moves over which link, and what is refused."""

from dataclasses import replace

import pytest
from xdsl.dialects.builtin import f16

from aic.nsp.timing import Timeline, make_plan, simulate
from aic.nsp.timing.records import Instruction, Kernel, Need, Plan, Step
from dialects.costs import cost
from dialects.errors import AicError
from tests.nsp.programs import PRO, alloc, blur, instruction, matmul, module, plan, run, tensor

CLOCK = PRO.core_clock_hertz
DDR_RATE = PRO.ddr_bytes_per_second / CLOCK
DDR_LATENCY = PRO.ddr_latency_seconds * CLOCK
ISSUE = PRO.dma_issue_cycles
SQUARE = "256x256xf16"
SQUARE_BYTES = 2 * 256 * 256
MATMUL = cost("matmul", {}, [(256, 256), (256, 256)], (256, 256), f16, PRO).cycles


def whole(cores: int) -> str:
    return f"[{cores}] : 0 to 256, 0 to 256"


def only_core(core: int, cores: int) -> str:
    """A box that is empty on every other core."""
    return f"[{cores}] : max(256 m0 - {256 * core}, {256 * core} - 256 m0) to 256, 0 to 256"


def buffers(cores: int, *names: str) -> str:
    return "".join(alloc(name, whole(cores), SQUARE) for name in names)


def load(source: str, target: str, box: str, signal: int, waits: str = "") -> str:
    return instruction(f"tile.load %{source}, %{target}", f"box = #tile.box<{box}>", source, signal, waits)


def span(timeline: Timeline, node: str, unit: str, core: int = 0) -> list[tuple[float, float]]:
    """Start and end of what a unit does for a node."""
    steps = timeline.plan.steps
    return [
        (i.start, i.end)
        for i in timeline.intervals
        if (steps[i.step].instruction.node, i.unit, i.core) == (node, unit, core)
    ]


def test_a_load_takes_issue_latency_and_bytes() -> None:
    timeline = run(tensor("x", SQUARE) + buffers(1, "a") + load("x", "a", whole(1), 0), 1)
    assert timeline.cycles == pytest.approx(ISSUE + DDR_LATENCY + SQUARE_BYTES / DDR_RATE)
    assert timeline.ddr_read_bytes == SQUARE_BYTES
    assert timeline.busy("dma") == [ISSUE]


def test_one_core_is_held_to_its_port() -> None:
    narrow = replace(PRO, ddr_port_bytes_per_second=1e10)
    store = instruction("tile.store %a, %x", f"box = #tile.box<{whole(1)}>", "x", 0)
    for transfer in (load("x", "a", whole(1), 0), store):
        timeline = run(tensor("x", SQUARE) + buffers(1, "a") + transfer, 1, narrow)
        assert timeline.cycles == pytest.approx(ISSUE + DDR_LATENCY + SQUARE_BYTES / (1e10 / CLOCK))


def test_loads_of_all_cores_share_ddr() -> None:
    timeline = run(tensor("x", SQUARE) + buffers(4, "a") + load("x", "a", whole(4), 0), 4)
    assert timeline.cycles == pytest.approx(ISSUE + DDR_LATENCY + 4 * SQUARE_BYTES / DDR_RATE)


def test_a_short_load_leaves_its_share_to_a_long_one() -> None:
    """Core 0 loads everything, core 1 a quarter: together 1.25 squares at DDR's rate, which the port allows."""
    wide = replace(PRO, ddr_port_bytes_per_second=PRO.ddr_bytes_per_second)
    box = "[2] : 0 to min(256 - 192 m0, 256), 0 to 256"
    timeline = run(tensor("x", SQUARE) + buffers(2, "a") + load("x", "a", box, 0), 2, wide)
    assert timeline.cycles == pytest.approx(ISSUE + DDR_LATENCY + 1.25 * SQUARE_BYTES / DDR_RATE)
    (short,) = span(timeline, "x", "dma", 1)
    assert short[1] == pytest.approx(ISSUE + DDR_LATENCY + 0.5 * SQUARE_BYTES / DDR_RATE)


def test_a_multicast_leaves_ddr_once_and_arrives_everywhere_at_once() -> None:
    text = tensor("x", SQUARE) + buffers(4, "a")
    text += instruction("tile.multicast %x, %a", f"box = #tile.box<{whole(4)}>, axes = array<i64: 0>", "x", 0)
    timeline = run(text, 4)
    expected = ISSUE + DDR_LATENCY + PRO.noc_latency_cycles + SQUARE_BYTES / DDR_RATE
    assert timeline.cycles == pytest.approx(expected)
    assert timeline.ddr_read_bytes == SQUARE_BYTES
    assert timeline.carried("noc out port") == SQUARE_BYTES
    assert timeline.carried("noc in port") == 3 * SQUARE_BYTES
    assert timeline.busy("dma") == [ISSUE, 0, 0, 0]


def test_kernels_of_all_receivers_start_when_a_multicast_arrives() -> None:
    text = tensor("x", SQUARE) + buffers(3, "a", "b", "c")
    multicast = f"box = #tile.box<{whole(3)}>, axes = array<i64: 0>"
    text += instruction("tile.multicast %x, %a", multicast, "x", 0)
    timeline = run(text + matmul("a", "b", "c", (whole(3),) * 3, "product", 1, "0 at 1"), 3)
    ((_, arrival),) = span(timeline, "x", "dma")
    assert [span(timeline, "product", "hmx", core)[0][0] for core in range(3)] == [arrival] * 3


def test_a_multicast_reads_once_per_group() -> None:
    """On a 2 x 2 mesh, cores of one row get the same half."""
    box = "[2, 2] : 128 m0 to 128 m0 + 128, 0 to 256"
    text = tensor("x", SQUARE) + alloc("a", box, "128x256xf16")
    text += instruction("tile.multicast %x, %a", f"box = #tile.box<{box}>, axes = array<i64: 1>", "x", 0)
    timeline = run(text, 4)
    assert timeline.ddr_read_bytes == SQUARE_BYTES
    assert [len(span(timeline, "x", "dma", core)) for core in range(4)] == [1, 0, 1, 0]


def exchange(own: str, need: str, target: str = "b") -> str:
    text = alloc("a", own, SQUARE) + alloc("b", "[4] : 0 to 256, 0 to 256", SQUARE)
    box = f"box = #tile.box<{need}>, own = #tile.box<{own}>"
    return text + instruction(f"tile.exchange %a, %{target}", box, "swap", 0)


def test_an_exchange_moves_what_others_own() -> None:
    """Four cores own 64 rows each and need one more at either side."""
    own = "[4] : 64 m0 to 64 m0 + 64, 0 to 256"
    need = "[4] : max(64 m0 - 1, 0) to min(64 m0 + 65, 256), 0 to 256"
    timeline = run(exchange(own, need), 4)
    row = 2 * 256
    assert timeline.carried("noc in port") == timeline.carried("noc out port") == 6 * row
    assert timeline.carried("copy") == SQUARE_BYTES
    assert timeline.ddr_read_bytes == 0
    in_place = run(exchange(own, need, "a"), 4)
    assert in_place.carried("copy") == 0
    received = 2 * row / PRO.noc_port_bytes_per_cycle
    assert in_place.cycles == pytest.approx(2 * ISSUE + PRO.noc_latency_cycles + received)


def test_replicas_are_fetched_once_and_from_oneself_where_possible() -> None:
    """Both cores of a mesh row own the same half; every core needs all: the other half, once, from different owners."""
    own = "[2, 2] : 128 m0 to 128 m0 + 128, 0 to 256"
    timeline = run(exchange(own, "[2, 2] : 0 to 256, 0 to 256", "a"), 4)
    assert timeline.carried("noc in port") == 4 * SQUARE_BYTES / 2
    sent = [link.bytes for link in timeline.links if link.kind == "noc out port"]
    assert sent == [SQUARE_BYTES / 2] * 4
    columns = "[3, 2] : 0 to 256, 128 m1 to 128 m1 + 128"
    assert run(exchange(columns, columns), 6).carried("noc in port") == 0


def test_a_kernel_starts_when_its_operands_have_arrived() -> None:
    text = tensor("x", SQUARE) + buffers(1, "a", "b", "c")
    text += load("x", "a", whole(1), 0)
    text += matmul("a", "b", "c", (whole(1),) * 3, "product", 1, "0 at 1")
    timeline = run(text, 1)
    arrival = ISSUE + DDR_LATENCY + SQUARE_BYTES / DDR_RATE
    ((start, end),) = span(timeline, "product", "hmx")
    assert start == pytest.approx(arrival)
    assert end - start == pytest.approx(MATMUL)
    assert timeline.cycles == end
    assert timeline.macs == 256**3


def test_queues_run_side_by_side_and_each_in_order() -> None:
    text = buffers(1, "a", "b", "c", "d", "e")
    text += matmul("a", "b", "c", (whole(1),) * 3, "first", 0)
    text += matmul("a", "b", "d", (whole(1),) * 3, "second", 0)
    relu = f'kernel = "relu", engine = "hvx", boxes = [#tile.box<{whole(1)}>, #tile.box<{whole(1)}>], arguments = {{}}'
    text += instruction("tile.compute %a, %e", relu, "third", 1)
    timeline = run(text, 1)
    assert span(timeline, "first", "hmx") == [(0, pytest.approx(MATMUL))]
    assert span(timeline, "second", "hmx") == [(pytest.approx(MATMUL), pytest.approx(2 * MATMUL))]
    assert span(timeline, "third", "hvx")[0][0] == 0


def two_loads_and_a_product(waits: str) -> Timeline:
    text = tensor("x", SQUARE) + tensor("z", SQUARE) + buffers(1, "a", "b", "c")
    text += load("x", "a", whole(1), 0) + load("z", "b", whole(1), 0)
    return run(text + matmul("a", "b", "c", (whole(1),) * 3, "product", 1, waits), 1)


def test_a_count_says_how_many_are_waited_for() -> None:
    timeline = two_loads_and_a_product("0 at 1")
    (first,), (second,) = span(timeline, "x", "dma"), span(timeline, "z", "dma")
    assert span(timeline, "product", "hmx")[0][0] == first[1] < second[1]
    assert span(two_loads_and_a_product("0 at 2"), "product", "hmx")[0][0] == second[1]
    assert span(two_loads_and_a_product("0 at 0"), "product", "hmx")[0][0] == 0


def test_a_core_serves_its_transfers_in_order() -> None:
    timeline = two_loads_and_a_product("0 at 2")
    (first,), (second,) = span(timeline, "x", "dma"), span(timeline, "z", "dma")
    carry = SQUARE_BYTES / min(DDR_RATE, PRO.ddr_port_bytes_per_second / CLOCK)
    assert first == (pytest.approx(ISSUE + DDR_LATENCY), pytest.approx(ISSUE + DDR_LATENCY + carry))
    assert second == (pytest.approx(first[1]), pytest.approx(first[1] + carry))


@pytest.mark.parametrize("everywhere", [False, True])
def test_waiting_for_every_core(everywhere: bool) -> None:
    """Only core 1 loads. Core 0 goes on at once, or a signal's latency after core 1's load is complete."""
    text = tensor("x", SQUARE) + buffers(2, "a", "b", "c")
    text += load("x", "a", only_core(1, 2), 0)
    text += matmul("a", "b", "c", (whole(2),) * 3, "product", 1, "0 at 1 all" if everywhere else "0 at 1")
    timeline = run(text, 2)
    ((_, loaded),) = span(timeline, "x", "dma", 1)
    expected = loaded + PRO.signal_latency_cycles if everywhere else 0
    assert span(timeline, "product", "hmx", 0)[0][0] == pytest.approx(expected)


def test_an_idle_core_meets_its_waits_and_takes_no_time() -> None:
    text = tensor("x", SQUARE) + buffers(2, "a", "b", "c", "d")
    text += load("x", "a", whole(2), 0)
    text += matmul("a", "b", "c", (whole(2), whole(2), only_core(0, 2)), "one", 1, "0 at 1")
    text += matmul("a", "b", "d", (whole(2),) * 3, "two", 2, "1 at 1")
    timeline = run(text, 2)
    ((_, loaded),) = span(timeline, "x", "dma", 1)
    assert span(timeline, "one", "hmx", 1) == []
    assert span(timeline, "two", "hmx", 1)[0][0] == pytest.approx(loaded)
    assert span(timeline, "two", "hmx", 0)[0][0] == pytest.approx(loaded + MATMUL)


def test_attention_holds_both_units() -> None:
    box = "[1] : 0 to 1, 0 to 128, 0 to 768"
    text = "".join(alloc(name, box, "1x128x768xf16") for name in "qkvy") + alloc("z", box, "1x128x768xf16")
    listed = ", ".join([f"#tile.box<{box}>"] * 4)
    arguments = "{head_dim = 64 : i64, scale = 0.125 : f64}"
    attention = f'kernel = "attention", engine = "hmx", boxes = [{listed}], arguments = {arguments}'
    text += instruction("tile.compute %q, %k, %v, %y", attention, "attend", 0)
    relu = f'kernel = "relu", engine = "hvx", boxes = [#tile.box<{box}>, #tile.box<{box}>], arguments = {{}}'
    text += instruction("tile.compute %q, %z", relu, "relu", 1)
    timeline = run(text, 1)
    ((_, softmax_end),) = span(timeline, "attend", "hvx")
    assert span(timeline, "relu", "hvx")[0][0] == softmax_end
    assert span(timeline, "attend", "hmx")[0][1] > softmax_end


def test_a_gather_reads_its_rows_from_ddr_in_place() -> None:
    """8 rows of a table of 1000: the kernel reads them itself, over no link of the DMA engine."""
    text = tensor("table", "1000x256xf16") + alloc("i", "[1] : 0 to 8", "8xi64")
    text += alloc("y", "[1] : 0 to 8, 0 to 256", "8x256xf16")
    boxes = ("[1] : 0 to 1000, 0 to 256", "[1] : 0 to 8", "[1] : 0 to 8, 0 to 256")
    listed = ", ".join(f"#tile.box<{box}>" for box in boxes)
    arguments = "{axis = -2 : i64, rank = 2 : i64, index_rank = 1 : i64}"
    gather = f'kernel = "gather", engine = "hvx", boxes = [{listed}], arguments = {arguments}'
    timeline = run(text + instruction("tile.compute %table, %i, %y", gather, "embed", 0), 1)
    assert timeline.ddr_read_bytes == 8 * 256 * 2
    assert timeline.carried("ddr") == 0
    assert timeline.cycles == pytest.approx(cost("gather", {}, [(1000, 256), (8,)], (8, 256), f16, PRO).cycles)


def test_f32_products_occupy_hvx_whatever_queue_they_are_in() -> None:
    text = "".join(alloc(name, whole(1), "256x256xf32") for name in "abc")
    timeline = run(text + matmul("a", "b", "c", (whole(1),) * 3, "product", 0), 1)
    assert timeline.busy("hmx") == [0]
    assert timeline.busy("hvx")[0] > 0


def test_fill_pays_for_the_padding_only() -> None:
    inner, outer = "[1] : 0 to 256, 0 to 256", "[1] : -1 to 257, 0 to 256"
    shape = "shape = array<i64: 256, 256>, value = 0.0 : f64"
    none = run(alloc("a", inner, SQUARE) + instruction("tile.fill %a", shape, "pad", 0), 1)
    rows = run(alloc("a", outer, "258x256xf16") + instruction("tile.fill %a", shape, "pad", 0), 1)
    vectors = 2 * 256 * 2 / PRO.hvx_vector_bytes
    assert none.cycles == 0
    assert rows.cycles == pytest.approx(PRO.hvx_start_cycles + vectors * PRO.hvx_cycles_per_vector.access)


def pipelined(trips: int, lag: int) -> str:
    """Rows of 64 loaded one iteration ahead where lag is 1, and multiplied."""
    rows = "[1] : 64 i0 to 64 i0 + 64, 0 to 256"
    text = tensor("x", f"{64 * trips + 64}x256xf16") + alloc("a", rows, "64x256xf16") + buffers(1, "b")
    text += alloc("c", rows, "64x256xf16")
    first = "[1] : 0 to 64, 0 to 256"
    text += load("x", "a", first, 0) if lag else ""
    ahead = "[1] : 64 i0 + 64 to 64 i0 + 128, 0 to 256" if lag else rows
    body = load("x", "a", ahead, 0, f"1 at i0 - {lag}")
    body += matmul("a", "b", "c", (rows, whole(1), rows), "product", 1, "0 at i0 + 1")
    return text + f"tile.for {trips} {{\n{body}}}\n"


def test_loops_are_unrolled_and_transfers_overlap_kernels() -> None:
    serial, ahead = run(pipelined(8, 0), 1), run(pipelined(8, 1), 1)
    assert len(span(serial, "product", "hmx")) == len(span(ahead, "product", "hmx")) == 8
    assert serial.ddr_read_bytes == 8 * 64 * 256 * 2
    assert ahead.cycles < 0.75 * serial.cycles
    steps = [step for step in plan(pipelined(8, 0), 1).steps if step.instruction.operation == "load"]
    assert [step.iteration for step in steps] == [(i,) for i in range(8)]


def test_what_is_owned_may_depend_on_the_loop() -> None:
    """In iteration i, core i owns the square and the other three fetch it."""
    own = "[4] : max(256 m0 - 256 i0, 256 i0 - 256 m0) to 256, 0 to 256"
    box = f"box = #tile.box<{whole(4)}>, own = #tile.box<{own}>"
    body = instruction("tile.exchange %a, %a", box, "turn", 0)
    timeline = run(buffers(4, "a") + f"tile.for 4 {{\n{body}}}\n", 4)
    sent = [link.bytes for link in timeline.links if link.kind == "noc out port"]
    assert sent == [3 * SQUARE_BYTES] * 4


def test_an_instruction_may_run_ahead_of_its_loop() -> None:
    """One iteration ahead: the loop does not load its first rows, and its last load has nothing to do."""
    rows = "[1] : 64 i0 to 64 i0 + 64, 0 to 256"
    text = tensor("x", "256x256xf16") + alloc("a", rows, "64x256xf16")
    text += f"tile.for 4 {{\n{load('x', 'a', rows, 0).replace('signal', 'ahead = 1 : i64, signal')}}}\n"
    timeline = run(text, 1)
    assert timeline.ddr_read_bytes == 3 * 64 * 256 * 2
    steps = timeline.plan.steps
    assert [step.iteration for step in steps] == [(1,), (2,), (3,), (3,)]
    assert [step.run for step in steps] == [0, 1, 2, 3]


def test_a_ragged_last_iteration_costs_less() -> None:
    rows = "[1] : 64 i0 to min(64 i0 + 64, 90), 0 to 256"
    text = alloc("a", rows, "64x256xf16") + buffers(1, "b") + alloc("c", rows, "64x256xf16")
    body = matmul("a", "b", "c", (rows, whole(1), rows), "product", 1)
    first, last = span(run(text + f"tile.for 2 {{\n{body}}}\n", 1), "product", "hmx")
    assert last[1] - last[0] == pytest.approx(cost("matmul", {}, [(26, 256), (256, 256)], (26, 256), f16, PRO).cycles)
    assert first[1] - first[0] == pytest.approx(cost("matmul", {}, [(64, 256), (256, 256)], (64, 256), f16, PRO).cycles)


def test_the_same_program_gives_the_same_timeline() -> None:
    first, second = run(blur(), 4), run(blur(), 4)
    assert first.intervals == second.intervals
    assert first.cycles == second.cycles


def test_an_unscheduled_program_is_refused() -> None:
    text = tensor("x", SQUARE) + buffers(1, "a")
    text += instruction("tile.load %x, %a", f"box = #tile.box<{whole(1)}>", "x")
    with pytest.raises(AicError, match="has no schedule: run the phase `schedule` first"):
        make_plan(module(text, 1))


def hand_made(operation: str, needs: tuple[Need, ...]) -> Plan:
    shapes = ((256, 256), (256, 256), (256, 256))
    step = Step(Instruction("node_7", operation, "hmx", f16, {}, 0, 2), (), needs, 0, Kernel((shapes,), (0, 0), (0, 0)))
    return Plan(2, (step,), 0, 0)


def test_a_kernel_without_cost_is_refused() -> None:
    with pytest.raises(AicError, match=r"'warp'.*has no cost formula"):
        simulate(hand_made("warp", ()), PRO)


def test_a_deadlock_names_the_step_and_what_it_waits_for() -> None:
    with pytest.raises(
        AicError, match=r"deadlock: core 0, queue hmx: matmul \(node_7\).*signal 0 \(1 completions on this"
    ):
        simulate(hand_made("matmul", (Need(0, 1, False),)), PRO)


def test_more_cores_than_the_card_has_are_refused() -> None:
    with pytest.raises(AicError, match="runs on 16 cores, standard has 14"):
        simulate(plan(buffers(16, "a"), 16), replace(PRO, sku="standard", cores=14))
