"""Runs one network, a program or the parts of one, before and after each pass and compares."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TypeAlias

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass

from aic.successors import Marked
from aic.tensors import TensorInfo
from aic.validation.comparison import NONE, Difference, difference
from aic.validation.inputs import drawn_inputs, input_ranges, table_rows
from aic.validation.levels import (
    ConstantsOf,
    RunLevel,
    Runner,
    converted,
    graph_runner,
    inputs_of,
    level_of,
    run_network,
    unsharded,
)
from aic.validation.localization import Culprit, Reference, find_culprit
from aic.validation.spread import allowed_outputs, allowed_results
from aic.validation.steps import checked_operations
from aic.validation.tracing import traced, traced_graph
from dialects.equality import same_module
from dialects.errors import AicError
from dialects.graph.base import GraphOp
from dialects.graph.elementwise import CastOp
from dialects.graph.kernels import Array
from dialects.module import held_by, main_of, programs_of, standing_alone
from dialects.quantized.base import QuantizedOp
from passes.rewriting.precision import Precision, precision_of

GivenInputs: TypeAlias = Callable[[Sequence[TensorInfo]], Mapping[str, Array]]
"""Inputs by name for a network that takes these tensors."""


class Drift(AicError):
    """A pass has changed values by more than its precision allows, or left a module that cannot be run."""


@dataclass(frozen=True)
class PassVerdict:
    """What was found of one pass."""

    phase: str
    name: str
    level: RunLevel
    """Which interpreter ran the module after the pass."""
    precision: Precision
    difference: Difference
    changed: bool
    """Whether the pass changed the module at all; if not, nothing was run."""
    seconds: float
    """What running and comparing took."""


class NetworkValidator:
    """Validates every pass over one network, and the network in the QPC, on the same inputs. Raises Drift at the first
    pass that drifts.

    What a precision allows is measured (`aic.validation.spread`) on the graph: at first, and anew when the network has
    been converted to fp16. A module that begins at the tile level is held to equal bits.
    """

    def __init__(self, given: GivenInputs | None = None, distribution: str = "gaussian") -> None:
        """Uses the inputs that `given` returns; draws them from the distribution when there is none."""
        self.verdicts: list[PassVerdict] = []
        self._given = given
        self._distribution = distribution
        self._inputs: dict[str, Array] = {}
        self._before: ModuleOp | None = None
        self._marks: Marked | None = None
        self._outputs: dict[str, Array] = {}
        self._allowed: dict[Precision, dict[str, Array]] = {}

    def between_passes(
        self, phase: str, previous: ModulePass | None, module: ModuleOp, following: ModulePass | None
    ) -> None:
        """The network before the first pass, and after each; `module` is the one that passes rewrite."""
        network = standing_alone(module)
        if previous is not None:
            try:
                self.check(phase, previous.name, precision_of(type(previous)), network)
            finally:
                if self._marks is not None:
                    self._marks.forget(module)
                    self._marks = None
        elif self._before is None:
            self._begin(network)
        if following is not None and _by_operation(precision_of(type(following)), network):
            if held_by(module) == "partitions":
                raise AicError(f"{following.name}: what it makes of a network in parts cannot be compared step by step")
            self._marks = Marked.of(module)
            self._before = self._marks.before

    def check(
        self, phase: str, name: str, precision: Precision, module: ModuleOp, constants: ConstantsOf | None = None
    ) -> None:
        """Compares a module with the one before it. Raises Drift."""
        start = time.perf_counter()
        before = self._before
        if before is None:
            raise AicError(f"{name}: there is no module before it to compare with")
        level = level_of(module)
        if level_of(before) is RunLevel.TILE or (precision is Precision.ROUNDING and _rounds_nothing(before)):
            precision = Precision.EXACT
        if same_module(before, module) and constants is None:
            self._note(PassVerdict(phase, name, level, precision, NONE, False, time.perf_counter() - start))
            return
        outputs = self._run_after(phase, name, module, constants)
        compare = self._compared_by_operation if _by_operation(precision, before) else self._compared
        worst, complaint = compare(precision, module, constants, outputs)
        self._note(PassVerdict(phase, name, level, precision, worst, True, time.perf_counter() - start))
        if complaint:
            raise Drift(
                f"{_place(phase, name)} values drift beyond its precision ({_PROMISES[precision]})\n  {complaint}"
            )
        if precision in (Precision.FP16, Precision.QUANTIZED) or _dtypes(outputs) != _dtypes(self._outputs):
            self._allowed.clear()  # from here on values are rounded to fewer bits
        self._before, self._outputs = module.clone(), outputs

    def _note(self, verdict: PassVerdict) -> None:
        self.verdicts.append(verdict)

    def _begin(self, module: ModuleOp) -> None:
        """Takes the module that the first pass is given: draws inputs, and computes what they lead to."""
        self._before = module.clone()
        if self._given is not None:
            self._inputs = dict(self._given(inputs_of(module)))
            self._outputs = run_network(module, self._inputs)
            return
        known = level_of(module) is not RunLevel.TILE
        rows, ranges = (table_rows(module), input_ranges(module)) if known else ({}, {})
        for distribution in (self._distribution, "uniform"):
            self._inputs = drawn_inputs(inputs_of(module), rows, distribution, ranges)
            self._outputs = run_network(module, self._inputs)
            if not _says_nothing(self._outputs):
                return

    def _run_after(self, phase: str, name: str, module: ModuleOp, constants: ConstantsOf | None) -> dict[str, Array]:
        try:
            outputs = run_network(module, self._inputs, constants)
        except Exception as error:
            # Whatever a wrong module makes an interpreter raise is the pass's fault.
            raise Drift(f"{_place(phase, name)} leaves a module that cannot be run: {error}") from error
        if outputs.keys() != self._outputs.keys():
            raise Drift(f"{_place(phase, name)} the outputs {list(self._outputs)} became {list(outputs)}")
        return outputs

    def _compared(
        self, precision: Precision, module: ModuleOp, constants: ConstantsOf | None, outputs: Mapping[str, Array]
    ) -> tuple[Difference, str]:
        """Every output compared with what it was: the worst difference, and what there is to complain of."""
        allowed: Mapping[str, Array | None] = {}
        if precision is not Precision.EXACT:
            allowed = self._allowed_at(precision)
        differences = {
            output: difference(before, outputs[output], allowed.get(output)) for output, before in self._outputs.items()
        }
        drifting = [output for output, found in differences.items() if found.drifts]
        complaint = ""
        if drifting:
            complaint = _complaint(self._culprit(precision, module, constants, drifting), differences, drifting)
        return reduce(Difference.worse, differences.values(), NONE), complaint

    def _compared_by_operation(
        self, _: Precision, module: ModuleOp, constants: ConstantsOf | None, outputs: Mapping[str, Array]
    ) -> tuple[Difference, str]:
        """Every operation compared with what it stands for. The difference is that of the outputs, and the share of
        what is allowed that of the worst operation.
        """
        assert self._before is not None
        used, culprit = 0.0, None
        for found in checked_operations(self._before, module, converted(module, self._inputs)):
            used = max(used, found.difference.used)
            if found.difference.drifts and culprit is None:
                culprit = Culprit(found.op, found.difference)
        changes = (difference(before, outputs[output], None) for output, before in self._outputs.items())
        worst = Difference(max((change.error for change in changes), default=0.0), used)
        if culprit is None:
            return worst, ""
        return worst, _complaint(None if isinstance(culprit.op, ReturnOp) else culprit, {}, [])

    def _allowed_at(self, precision: Precision) -> dict[str, Array]:
        """What each element of the outputs may be off, measured once."""
        if precision not in self._allowed:
            runner, inputs = self._graph_before()
            with np.errstate(all="ignore"):
                outputs = runner.run(inputs)
            self._allowed[precision] = allowed_outputs(runner, inputs, outputs, to_fp16=precision is Precision.FP16)
        return self._allowed[precision]

    def _graph_before(self) -> tuple[Runner, dict[str, Array]]:
        """The graph of the module before the pass, and the inputs in its element types."""
        assert self._before is not None
        graph = unsharded(self._before)
        return graph_runner(graph), converted(graph, self._inputs)

    def _culprit(
        self,
        precision: Precision,
        module: ModuleOp,
        constants: ConstantsOf | None,
        drifting: list[str],
    ) -> Culprit | None:
        before = self._before
        assert before is not None
        suspect = traced(module, self._inputs, constants)
        if precision is Precision.EXACT:
            return find_culprit(Reference(traced(before, self._inputs), None), suspect, drifting)
        runner, inputs = self._graph_before()
        trace = traced_graph(runner, inputs)
        results = {value.op: value.array for value in trace.values}
        allowed = allowed_results(runner, inputs, results, to_fp16=precision is Precision.FP16)
        return find_culprit(Reference(trace, allowed), suspect, drifting)


def _by_operation(precision: Precision, module: ModuleOp) -> bool:
    """Whether what a pass makes of a module is to be compared operation by operation: where values become integers, or
    roundings decide which integers they become.
    """
    if precision is Precision.FP16:
        return any(isinstance(op, QuantizedOp) for op in _operations(module))
    return precision is Precision.QUANTIZED


def _operations(network: ModuleOp) -> list[Operation]:
    """The operations of all programs of a network."""
    return [op for part in programs_of(network) for op in main_of(part).body.block.ops]


def _rounds_nothing(module: ModuleOp) -> bool:
    """Whether a graph computes on integers only, so that it has the same bits in whatever order: numbers are moved and
    converted at most.
    """
    ops = [op for op in _operations(module) if isinstance(op, GraphOp)]
    return all(op.EXACT or isinstance(op, QuantizedOp | CastOp) for op in ops)


def _place(phase: str, name: str) -> str:
    """What messages begin with."""
    return f"phase {phase}, pass {name}:" if phase else f"pass {name}:"


def _dtypes(outputs: Mapping[str, Array]) -> list[np.dtype[np.generic]]:
    return [array.dtype for array in outputs.values()]


def _says_nothing(outputs: Mapping[str, Array]) -> bool:
    """Whether most of what was computed is not a number: the inputs are not such as the network takes."""
    floats = [array for array in outputs.values() if array.dtype.kind == "f"]
    finite = sum(int(np.isfinite(array).sum()) for array in floats)
    return 2 * finite < sum(array.size for array in floats)


def _complaint(culprit: Culprit | None, differences: Mapping[str, Difference], drifting: list[str]) -> str:
    """Operation and node, how much, and which outputs it reaches."""
    lines = ["every operation computes what one before the pass did; outputs are returned wrongly"]
    if culprit is not None:
        tensor = f", which makes {culprit.tensor!r}" if culprit.tensor else ""
        part = f" in {culprit.part}" if culprit.part else ""
        lines = [f"first: {culprit.op.name} of node {culprit.node!r}{part}{tensor}{_by(culprit.difference)}"]
    lines += [f"output {output!r}{_by(differences[output])}" for output in drifting[:_LISTED]]
    if len(drifting) > _LISTED:
        lines.append(f"and {len(drifting) - _LISTED} more outputs")
    return "\n  ".join(lines)


_LISTED = 5
_PROMISES = {
    Precision.EXACT: "equal bits",
    Precision.ROUNDING: "roundings in the element types of the values",
    Precision.FP16: "roundings to fp16",
    Precision.QUANTIZED: "half a step between integers, operation by operation",
}


def _by(found: Difference | None) -> str:
    if found is None:
        return ""
    bound = f", {found.used:.3g} times what is allowed" if np.isfinite(found.used) and found.used > 0 else ""
    return f": off by {found.error:.3g} of its largest value{bound}"
