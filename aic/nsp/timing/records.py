"""The tile program as plain records: what each core's engines do, in the order of the program, loops unrolled.

Geometry only: bytes and shapes, no times. Core c's share of a step stands at index c.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from xdsl.ir import Attribute

from dialects.channels import Link

Queue: TypeAlias = Literal["dma", "hmx", "hvx"]
LinkKind: TypeAlias = Literal[
    "ddr",
    "ddr read port",
    "ddr write port",
    "noc out port",
    "noc in port",
    "copy",
    "pcie out",
    "pcie in",
    "uplink out",
    "uplink in",
]
PORTS: tuple[LinkKind, ...] = ("ddr read port", "ddr write port", "noc out port", "noc in port", "copy")
"""Links of which each core has one of its own."""
Shape: TypeAlias = tuple[int, ...]
Shapes: TypeAlias = tuple[Shape, ...]
"""Shapes of what a kernel reads, and last of what it writes."""


class Use(NamedTuple):
    """A link that a transfer passes, and the part of the transfer's bytes that pass it (1.0: all)."""

    kind: LinkKind
    core: int
    part: float = 1.0


class Flow(NamedTuple):
    """Bytes that move together, over links that they need at the same time."""

    bytes: int
    uses: tuple[Use, ...]


class Need(NamedTuple):
    """A step waits until the counter of `signal` has reached `least`, on its own core or on all."""

    signal: int
    least: int
    everywhere: bool


@dataclass(frozen=True, slots=True)
class Moves:
    """Transfers of one step. A core without flows has nothing to move; `descriptors` are what its DMA engine issues.

    `receivers[c]`: the other cores whose step is complete when core c's flows are (a multicast).
    """

    flows: tuple[tuple[Flow, ...], ...]
    descriptors: tuple[int, ...]
    receivers: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel at the shapes that each core works on: core c has `shapes[which[c]]`, or is idle where that is negative.

    `ddr_bytes[c]` are read from DDR in place, by the kernel itself.
    """

    shapes: tuple[Shapes, ...]
    which: tuple[int, ...]
    ddr_bytes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Padding:
    """Positions that each core fills with padding."""

    elements: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sending:
    """A tensor that the first core sends to another part of the network."""

    channel: int
    link: Link
    bytes: int


@dataclass(frozen=True, slots=True)
class Arriving:
    """A tensor that another part of the network sends: complete when it is there."""

    channel: int


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing: an instruction that runs ahead of its loop, at the end of the loop."""


Work: TypeAlias = Moves | Kernel | Padding | Sending | Arriving | Idle


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction of the program's text. `operation` is `load`, `fill`, .. or the kernel's name."""

    node: str
    """Name of the ONNX node."""
    operation: str
    queue: Queue
    element: Attribute
    arguments: Mapping[str, object]
    signal: int | None
    result_element_bytes: int
    """Bytes of an element of what is written."""


@dataclass(frozen=True, slots=True)
class Step:
    """One execution of an instruction: for which iterations of the loops around it, after what, and what it does."""

    instruction: Instruction
    iteration: tuple[int, ...]
    needs: tuple[Need, ...]
    run: int
    """Steps before this one of the same instruction."""
    work: Work


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole program: its steps in order, and the bytes of each transfer between host and card."""

    cores: int
    steps: tuple[Step, ...]
    from_host: tuple[int, ...]
    to_host: tuple[int, ...]
