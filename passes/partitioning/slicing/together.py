"""Rules for several programs of which one runs at a time on the same devices.

They share weights and state. A weight that all cut alike lies on every device once, so one program leads: the others
take what they use of a weight from the slices that the leader has, and hold state as it does. Who leads is tried: the
program that takes longest, and the one that takes least; what all gain together decides, each measured by what it takes
on one device.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import fsum

from passes.partitioning.slicing.search import Choice, Node, Rule, Seconds, Shared, choose_rules
from passes.partitioning.slicing.states import Box, Held, Slices, State, box_of


def choose_together(programs: Sequence[Sequence[Node]], devices: int, seconds: Seconds) -> list[Choice]:
    """Rules for each program. A program of its own gets the same as by `choose_rules`."""
    alone = [fsum(node.rules[0].seconds for node in nodes) for nodes in programs]
    leaders = dict.fromkeys((alone.index(max(alone)), alone.index(min(alone))))
    tried = [_led_by(leader, programs, devices, seconds) for leader in leaders]

    def gained(choices: Sequence[Choice]) -> float:
        return fsum(choice.seconds / (once or 1.0) for choice, once in zip(choices, alone, strict=True))

    return min(tried, key=gained)


def _led_by(leader: int, programs: Sequence[Sequence[Node]], devices: int, seconds: Seconds) -> list[Choice]:
    there = _There(devices)
    choices: dict[int, Choice] = {}
    for number in (leader, *(n for n in range(len(programs)) if n != leader)):
        nodes = [there.restricted(node) for node in programs[number]]
        choices[number] = choose_rules(nodes, devices, seconds)
        for node, rule in zip(nodes, choices[number].rules, strict=True):
            there.take(node, rule)
    return [choices[number] for number in range(len(programs))]


@dataclass
class _There:
    """What devices have of weights and of state."""

    devices: int
    boxes: dict[Shared, list[set[Box | None]]] = field(default_factory=dict[Shared, list[set[Box | None]]])
    """Of a weight, what each device has."""
    states: dict[str, tuple[tuple[int, ...], State]] = field(default_factory=dict[str, tuple[tuple[int, ...], State]])
    """Of state by its name: the shape, and how it is held."""

    def take(self, node: Node, rule: Rule) -> None:
        """Adds what a rule needs, where none has needed it so far."""
        for weight, need in zip(node.weights, rule.needs, strict=True):
            if weight is not None:
                boxes = self.boxes.setdefault(weight, [set() for _ in range(self.devices)])
                for device, held in enumerate(boxes):
                    held.add(box_of(need, weight.shape, device))
        if node.state is not None:
            self.states.setdefault(node.state, (node.shape, rule.state))

    def restricted(self, node: Node) -> Node:
        """The node with the rules that need nothing but what is there; with all when there are none."""
        rules = [rule for rule in node.rules if self._has(node, rule) and self._holds(node, rule.state)]
        return replace(node, rules=tuple(rules)) if rules else node

    def _has(self, node: Node, rule: Rule) -> bool:
        """Whether every device has the boxes of weights that a rule needs."""
        for weight, need in zip(node.weights, rule.needs, strict=True):
            if weight in self.boxes:
                needed = (box_of(need, weight.shape, device) for device in range(self.devices))
                if not all(box is None or box in held for box, held in zip(needed, self.boxes[weight], strict=True)):
                    return False
        return True

    def _holds(self, node: Node, state: State) -> bool:
        """Whether state is held like that of its name: the same way where the shape is the same, and by as many devices
        and along the same dimension where it is not.
        """
        if node.state not in self.states:
            return True
        shape, held = self.states[node.state]
        if node.shape == shape or isinstance(held, Held):
            return state == held
        return isinstance(state, Slices) and state.dim == held.dim
