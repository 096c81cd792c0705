"""No QPC, whatever is in it, makes the runtime crash, hang, take memory without bound, or compute something else."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aic.load import load_qpc, validate_qpc
from aic.qpc.container import open_container
from aic.qpc.errors import QpcError
from aic.qpc.packing import add_crcs
from tests.qpc.fuzz.mutants import AROUND_THE_PROGRAM, IN_THE_PROGRAM
from tests.qpc.fuzz.networks import compiled
from tests.qpc.fuzz.outcome import Worker

MUTATIONS = AROUND_THE_PROGRAM | IN_THE_PROGRAM
NETWORKS = ["attention", "convolution", "recurrence", "specialized"]


@pytest.fixture(scope="module")
def qpcs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return compiled(tmp_path_factory.mktemp("networks"))


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    worker = Worker(tmp_path_factory.mktemp("worker"))
    yield worker
    worker.close()


def check(worker: Worker, original: bytes, mutation: str, random: Random) -> None:
    """A mutant is refused or runs; and where the program is the same, so are its results."""
    try:
        mutant = MUTATIONS[mutation](random, original)
    except (QpcError, AttributeError, TypeError):  # what is wrong is so wrong that it cannot be written
        return
    outcome = worker.outcome(mutant)
    assert outcome.kind != "fault", outcome.text
    if outcome.kind == "ran" and mutation in AROUND_THE_PROGRAM:
        assert outcome == worker.outcome(original)


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_no_mutant_does_harm(worker: Worker, qpcs: dict[str, bytes], mutation: str) -> None:
    @settings(max_examples=40 if mutation == "program_operations" else 12, suppress_health_check=list(HealthCheck))
    @given(name=st.sampled_from(NETWORKS), seed=st.integers(0, 1 << 32))
    def run(name: str, seed: int) -> None:
        check(worker, qpcs[name], mutation, Random(seed))

    run()


@pytest.mark.sweep
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_no_mutant_of_many_does_harm(worker: Worker, qpcs: dict[str, bytes], mutation: str) -> None:
    for seed in range(4000 if mutation == "program_operations" else 500):
        check(worker, qpcs[NETWORKS[seed % len(NETWORKS)]], mutation, Random(seed))


@pytest.fixture(scope="module")
def checked(qpcs: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A QPC with checksums."""
    folder = tmp_path_factory.mktemp("checked")
    (folder / "plain.bin").write_bytes(qpcs["convolution"])
    add_crcs(folder / "plain.bin", folder / "checked.bin")
    return folder / "checked.bin"


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_changed_bit_is_told_where_there_is_a_checksum(checked: Path, data: st.DataObject) -> None:
    """In all of network.elf and of constants.bin, and in the checksums."""
    content = bytearray(checked.read_bytes())
    with open_container(checked) as segments:
        names = ["network.elf", "constants.bin", "network.elf.crc", "metadata.crc", "constants.bin.crc"]
        segment = segments[data.draw(st.sampled_from(names))]
        at = segment.offset + data.draw(st.integers(0, len(segment.data) - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    changed = checked.with_name("changed.bin")
    changed.write_bytes(content)
    assert any(error.kind == "checksum" for error in validate_qpc(changed).errors)
    with pytest.raises(QpcError):
        load_qpc(changed)
