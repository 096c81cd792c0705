"""Checked mode of the simulated NSPs: a scheduled tile program on byte-addressed memory.

Slower than fast mode (`aic.nsp.values`) and with the same bits; it refuses programs that read what was never written or
leave their memory. With a seed it takes the queues of engines as they are, in an order drawn by the seed, and refuses
races and deadlocks.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from aic.interpreter.parts import Mail, Running, run_each
from aic.nsp.checked.machine import Machine
from aic.nsp.checked.queues import Queues, of_part, run_together
from aic.nsp.checked.runs import ChannelRun
from aic.nsp.values.memory import Constants
from dialects.graph.kernels import Array
from dialects.module import main_of, signals_of
from dialects.tile.program_order import Run as Issued
from dialects.tile.program_order import issue_order
from dialects.weights import store_of

__all__ = ["run_checked", "run_checked_parts"]


def run_checked(
    module: ModuleOp, inputs: Mapping[str, Array], constants: Constants | None = None, *, seed: int | None = None
) -> dict[str, Array]:
    """Outputs by name for inputs by name, in the types of the model; the same bits as fast mode.

    Args:
        module: a scheduled tile module.
        inputs: an array for every input.
        constants: gives the stored values of constants; the module's weight store unless given.
        seed: draws the order in which engines of all cores go on and transfers complete, out of those that queues,
            signals and waits allow; without it, instructions run one after the other in the order of the text.

    Raises:
        AicError: inputs do not fit; or the program reads what was never written, or what another buffer has overwritten
            since; leaves a buffer's window, a buffer, a tensor or the VTCM; stores to one place from two cores; leaves
            outputs unwritten. With a seed, also: two touches of the same memory race, in whatever order they came;
            engines wait for ever; signals do not end as declared. The message names instruction, node, core, iteration,
            buffer and box.
    """
    stored = constants or store_of(module).stored_bytes
    return run_checked_parts({"": module}, {"": inputs}, lambda _: stored, seed=seed)[""]


def run_checked_parts(
    parts: Mapping[str, ModuleOp],
    inputs: Mapping[str, Mapping[str, Array]],
    constants: Callable[[ModuleOp], Constants],
    *,
    seed: int | None = None,
) -> dict[str, dict[str, Array]]:
    """The same of a network's parts, by their names, which send each other tensors and go on side by side. Each has the
    memory, the inputs and the outputs that are its own.

    Raises AicError as `run_checked`, naming the part, and when parts wait for each other for ever.
    """
    mail = Mail()
    machines = {name: Machine(part, inputs[name], constants(part), mail) for name, part in parts.items()}
    issued = {name: list(issue_order(main_of(part).body.block)) for name, part in parts.items()}
    with np.errstate(all="ignore"):
        if seed is None:
            return run_each({name: _in_order(name, machines[name], issued[name]) for name in parts}, mail)
        run_together(
            {
                name: Queues(machines[name], issued[name], signals_of(part), seed + number)
                for number, (name, part) in enumerate(parts.items())
            },
            seed,
        )
    outputs: dict[str, dict[str, Array]] = {}
    for name, machine in machines.items():
        with of_part(name):
            outputs[name] = machine.outputs()
    return outputs


def _in_order(name: str, machine: Machine, issued: Sequence[Issued]) -> Running:
    """A program, instruction after instruction in the order of the text; it waits where a tensor has not come."""
    with of_part(name):
        for turn, (op, _, iteration) in enumerate(issued):
            if iteration is None:
                continue
            run = machine.run(op, iteration, turn)
            for step in (run.read, run.write):
                for core in range(machine.memory.cores):
                    while isinstance(run, ChannelRun) and (channel := run.awaits(core)) is not None:
                        yield channel
                    step(core)
        return machine.outputs()
