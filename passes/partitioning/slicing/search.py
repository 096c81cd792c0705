"""Choice of a rule for every op, by dynamic programming over costs.

A rule says how an op is computed: in which states it needs its operands, in which it leaves its result. Forwards, every
rule gets the least cost of reaching it, where what several ops use is shared among them; backwards, from the results to
the inputs, each op takes the rule that is cheapest for itself and for what is settled behind it. Then single ops change
their rules as long as that helps.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from operator import add
from typing import TypeAlias

from passes.partitioning.slicing.exchanges import origin_of
from passes.partitioning.slicing.states import Held, State

_SWEEPS = 4
"""Times that single ops are looked at again; in networks that were tried nothing changes after two."""


@dataclass(frozen=True)
class Rule:
    """A way to compute an op on all devices."""

    needs: tuple[State, ...]
    """Of its operands."""
    state: State
    """Of its result."""
    seconds: float
    """On the busiest device."""


@dataclass(frozen=True)
class Shared:
    """A weight that several programs may use."""

    key: Hashable
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Node:
    """One op as the search sees it: nodes are numbered in program order."""

    producers: tuple[int | None, ...]
    """Of its operands; None for one that every device can have as it needs it."""
    shape: tuple[int, ...]
    element_bytes: int
    """Of the result."""
    rules: tuple[Rule, ...]
    """The first one: by the first device alone, where that may be."""
    leaves: bool = False
    """Whether the first device is to have the result, to return it or to send it on."""
    becomes: tuple[int, ...] = ()
    """Nodes that the result is in the next inference: it stays where they are, as they are."""
    weights: tuple[Shared | None, ...] = ()
    """Of the operands, those that are weights."""
    state: str | None = None
    """Name of the state that the node is, as other programs know it."""


Seconds: TypeAlias = Callable[[State, State, tuple[int, ...], int], float]
"""Time from one state to another, for a shape and the bytes of an element."""


@dataclass(frozen=True)
class Choice:
    """A rule per node, and the time that they take with all that is exchanged."""

    rules: Sequence[Rule]
    seconds: float


def choose_rules(nodes: Sequence[Node], devices: int, seconds: Seconds) -> Choice:
    """A rule per node. Never slower, by these costs, than the first device alone, if every node has that rule."""
    search = _Search(nodes, devices, seconds)
    settled = search.improved(search.settled())
    alone = [node.rules[0] for node in nodes]
    return min((Choice(rules, search.total(rules)) for rules in (alone, settled)), key=lambda choice: choice.seconds)


def seconds_of(nodes: Sequence[Node], rules: Sequence[Rule], devices: int, seconds: Seconds) -> list[float]:
    """Time of each op by its rule, with the exchanges of its result."""
    return _Search(nodes, devices, seconds).each(rules)


class _Search:
    def __init__(self, nodes: Sequence[Node], devices: int, seconds: Seconds) -> None:
        self._nodes, self._devices, self._seconds = nodes, devices, seconds
        self._uses = Counter(producer for node in nodes for producer in node.producers)
        self._changes: dict[tuple[int, State], list[float]] = {}
        self._conversions: dict[tuple[object, ...], float] = {}
        self._made_of: dict[int, list[int]] = {}
        """By nodes that stay: those whose results they are in the next inference."""
        for number, node in enumerate(nodes):
            for kept in node.becomes:
                self._made_of.setdefault(kept, []).append(number)

    def settled(self) -> list[Rule]:
        """Forwards, then backwards. What stays is held such that it costs least to use it and to leave it so."""
        costs: list[list[float]] = []
        shares: list[list[float]] = []
        for index, node in enumerate(self._nodes):
            costs.append([rule.seconds + self._of_operands(node, rule, shares) for rule in node.rules])
            users = self._uses[index] + node.leaves
            shares.append([cost / max(users, 1) for cost in costs[-1]])
        chosen: dict[int, Rule] = {}
        needs = [self._known_to_leave(node) for node in self._nodes]
        for index in reversed(range(len(self._nodes))):
            node = self._nodes[index]
            totals = [
                cost + self._converted(node, rule.state, needs[index]) + self._renewed(index, rule.state, chosen)
                for rule, cost in zip(node.rules, costs[index], strict=True)
            ]
            rule = node.rules[totals.index(min(totals))]
            chosen[index] = rule
            for producer, need in zip(node.producers, rule.needs, strict=True):
                if producer is not None:
                    needs[producer].add(need)
        return [chosen[index] for index in range(len(self._nodes))]

    def _renewed(self, index: int, state: State, chosen: Mapping[int, Rule]) -> float:
        """Time to bring what a node is in the next inference to the state that it has in this one."""
        makers = [maker for maker in self._made_of.get(index, ()) if maker in chosen]
        return fsum(self._converted(self._nodes[maker], chosen[maker].state, (state,)) for maker in makers)

    def _known_to_leave(self, node: Node) -> set[State]:
        """In which states a result is when the program ends, as far as there is no choice."""
        kept = (self._nodes[number].rules for number in node.becomes)
        settled: set[State] = {rules[0].state for rules in kept if len(rules) == 1}
        return settled | ({Held.FIRST} if node.leaves else set())

    def improved(self, rules: list[Rule]) -> list[Rule]:
        """Better rules for single nodes, as long as there are any. What stays is held as it is."""
        wanted = self._wanted(rules)
        for _ in range(_SWEEPS):
            before = list(rules)
            for index, node in enumerate(self._nodes):
                if index in self._made_of:
                    continue
                self._count(wanted, node, rules[index], -1)
                totals = [self._around(index, rule, rules, wanted) for rule in node.rules]
                best = totals.index(min(totals))
                if totals[best] < totals[node.rules.index(rules[index])]:
                    rules[index] = node.rules[best]
                self._count(wanted, node, rules[index], 1)
            if rules == before:
                break
        return rules

    def total(self, rules: Sequence[Rule]) -> float:
        """Time of all ops, and of all that they exchange."""
        return fsum(self.each(rules))

    def each(self, rules: Sequence[Rule]) -> list[float]:
        """Time of each op, and of the exchanges of its result."""
        return [
            rule.seconds + self._converted(node, rule.state, +needs)
            for node, rule, needs in zip(self._nodes, rules, self._wanted(rules), strict=True)
        ]

    def _of_operands(self, node: Node, rule: Rule, shares: Sequence[list[float]]) -> float:
        """Least cost of what a rule needs, of which other users of the same operands bear their share."""
        total = 0.0
        for producer, need in zip(node.producers, rule.needs, strict=True):
            if producer is not None:
                total += min(map(add, shares[producer], self._shared_changes(producer, need)))
        return total

    def _shared_changes(self, index: int, need: State) -> list[float]:
        known = self._changes.get((index, need))
        if known is None:
            node, users = self._nodes[index], self._uses[index] + self._nodes[index].leaves
            known = [
                self._seconds(rule.state, need, node.shape, node.element_bytes) / max(users, 1) for rule in node.rules
            ]
            self._changes[index, need] = known
        return known

    def _around(self, index: int, rule: Rule, rules: Sequence[Rule], wanted: Sequence[Counter[State]]) -> float:
        """Time of a node and of the exchanges of its operands and its result, if it had that rule."""
        node = self._nodes[index]
        total = rule.seconds + self._converted(node, rule.state, +wanted[index])
        needed: dict[int, set[State]] = {}
        for producer, need in zip(node.producers, rule.needs, strict=True):
            if producer is not None:
                needed.setdefault(producer, set(+wanted[producer])).add(need)
        for producer, needs in needed.items():
            total += self._converted(self._nodes[producer], rules[producer].state, needs)
        return total

    def _converted(self, node: Node, state: State, needs: Iterable[State]) -> float:
        """Time to bring a value to all states in which it is needed; their order does not count."""
        needs = frozenset(needs)
        key = (state, needs, node.shape, node.element_bytes)
        known = self._conversions.get(key)
        if known is None:
            shape, size = node.shape, node.element_bytes
            known = self._conversions[key] = fsum(
                self._seconds(origin_of(state, need, needs, shape, self._devices), need, shape, size) for need in needs
            )
        return known

    def _wanted(self, rules: Sequence[Rule]) -> list[Counter[State]]:
        """By node: by how many uses each state is needed."""
        wanted: list[Counter[State]] = [Counter(_leaving(node, rules)) for node in self._nodes]
        for node, rule in zip(self._nodes, rules, strict=True):
            self._count(wanted, node, rule, 1)
        return wanted

    def _count(self, wanted: Sequence[Counter[State]], node: Node, rule: Rule, uses: int) -> None:
        for producer, need in zip(node.producers, rule.needs, strict=True):
            if producer is not None:
                wanted[producer][need] += uses


def _leaving(node: Node, rules: Sequence[Rule]) -> set[State]:
    """In which states a result is when the program ends, besides those that nodes need."""
    return {rules[number].state for number in node.becomes} | ({Held.FIRST} if node.leaves else set())
