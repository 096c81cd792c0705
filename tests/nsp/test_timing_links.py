"""Sharing of links: max-min fair between cores, in order of age within a core."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aic.nsp.timing.fabric import Fabric
from aic.nsp.timing.links import Current, Link, Sharing, share
from aic.nsp.timing.records import Flow, Use
from tests.nsp.programs import PRO

LINKS = 5
flows = st.lists(
    st.dictionaries(st.integers(0, LINKS - 1), st.sampled_from([0.25, 0.5, 1.0]), min_size=1, max_size=3),
    min_size=1,
    max_size=8,
)
rates = st.lists(st.sampled_from([1.0, 2.0, 7.0, 100.0]), min_size=LINKS, max_size=LINKS)


@given(flows=flows, rates=rates)
def test_no_link_is_overloaded_and_every_flow_has_a_bottleneck(
    flows: list[dict[int, float]], rates: list[float]
) -> None:
    links = [Link("ddr", n, rate) for n, rate in enumerate(rates)]
    currents = [
        Current(0, core, 1.0, [(links[n], part) for n, part in uses.items()]) for core, uses in enumerate(flows)
    ]
    share([[current] for current in currents], links)
    load = {id(link): 0.0 for link in links}
    for current in currents:
        for link, part in current.uses:
            load[id(link)] += current.rate * part
    for link in links:
        assert load[id(link)] <= link.bytes_per_cycle * (1 + 1e-9)
    for current in currents:
        full = [link for link, _ in current.uses if load[id(link)] >= link.bytes_per_cycle * (1 - 1e-9)]
        fastest = [
            max(other.rate for other in currents if any(used is link for used, _ in other.uses)) for link in full
        ]
        assert any(current.rate >= rate * (1 - 1e-9) for rate in fastest)


@given(flows=flows, rates=rates)
def test_an_older_flow_of_a_chain_comes_first(flows: list[dict[int, float]], rates: list[float]) -> None:
    """One core: each flow gets all that the older ones leave of its links. The first link is common to all."""
    links = [Link("ddr", n, rate) for n, rate in enumerate(rates)]
    whole = [{0: 1.0} | uses for uses in flows]
    chain = [Current(0, 0, 1.0, [(links[n], part) for n, part in uses.items()]) for uses in whole]
    moving = share([chain], links)
    left = list(rates)
    for current, uses in zip(chain, whole, strict=True):
        expected = min(left[n] / part for n, part in uses.items())
        assert (current.rate if current in moving else 0) == pytest.approx(expected, abs=1e-6)
        for n, part in uses.items():
            left[n] -= current.rate * part


@given(chains=st.lists(flows, min_size=1, max_size=4), rates=rates)
def test_rates_that_are_remembered_are_the_same(chains: list[list[dict[int, float]]], rates: list[float]) -> None:
    """However many flows wait behind each other, of the same links or others."""
    links = [Link("ddr", n, rate) for n, rate in enumerate(rates)]
    ways = [[[(links[n], part) for n, part in ({0: 1.0} | uses).items()] for uses in chain] for chain in chains]

    def fresh() -> list[list[Current]]:
        return [[Current(0, core, 1.0, uses) for uses in chain] for core, chain in enumerate(ways)]

    def found(chains: list[list[Current]], moving: list[Current]) -> list[tuple[int, int, float]]:
        places = {id(each): (n, age) for n, chain in enumerate(chains) for age, each in enumerate(chain)}
        return [(*places[id(current)], current.rate) for current in moving]

    once = fresh()
    expected = found(once, share(once, links))
    sharing = Sharing()
    for _ in range(2):
        again = fresh()
        assert found(again, sharing.share(again, links)) == expected


def test_links_without_limit() -> None:
    current = Current(0, 0, 1.0, [(Link("copy", 0, inf), 1.0)])
    share([[current]], [link for link, _ in current.uses])
    assert current.rate == inf


@given(amounts=st.lists(st.integers(1, 10**7), min_size=1, max_size=10))
def test_bytes_arrive_no_sooner_than_ddr_can_carry_them(amounts: list[int]) -> None:
    fabric = Fabric.of(PRO, 16)
    for core, amount in enumerate(amounts):
        fabric.start(0, core, Flow(amount, (Use("ddr", 0), Use("ddr read port", core))))
    now, ended = 0.0, 0
    while (end := fabric.next_end()) < inf:
        now = end
        ended += len(fabric.advance(now))
    rate = PRO.ddr_bytes_per_second / PRO.core_clock_hertz
    assert ended == len(amounts)
    assert now == pytest.approx(sum(amounts) / rate)
