"""Random networks, as the compiler shards them and sharded at random, on little or much VTCM."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import passes.sharding.plans
from dialects.aic import TargetAttr
from dialects.errors import AicError
from dialects.hardware import Hardware
from dialects.tile.sharding import Sharding
from passes.sharding.candidates import candidates
from passes.sharding.search import Node
from tests.tile.levels import assert_levels_agree
from tests.tile.random_graphs import Network, networks

CORES = st.sampled_from([1, 3, 4, 16])
SMALL = {"vtcm_reserved_bytes": 0, "vtcm_alignment_bytes": 64}


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(networks(), CORES, st.integers(0, 99))
def test_as_the_compiler_shards(network: Network, cores: int, seed: int) -> None:
    assert_levels_agree(network.module, cores, TargetAttr.of("pro"), seed)


@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(networks(), CORES, st.sampled_from([1024, 2048, 4096, 1 << 16]), st.data())
def test_however_values_are_sharded(network: Network, cores: int, vtcm: int, data: st.DataObject) -> None:
    def drawn(nodes: Sequence[Node], cores: int, hardware: Hardware, **tuning: object) -> list[Sharding]:
        options = [candidates(node.shape, node.indexing.granularity, cores, 4) for node in nodes]
        return [data.draw(st.sampled_from(shardings)) for shardings in options]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes.sharding.plans, "choose_shardings", drawn)
        try:
            assert_levels_agree(network.module, cores, TargetAttr.of("pro", {**SMALL, "vtcm_bytes": vtcm}), 0)
        except AicError as error:
            assume("bytes of VTCM" not in str(error))
            raise
