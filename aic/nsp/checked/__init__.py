"""Checked mode of the simulated NSPs: a scheduled tile program on byte-addressed memory.

Slower than fast mode (`aic.nsp.values`) and with the same bits; it refuses programs that read what was never written or
leave their memory. With a seed it takes the queues of engines as they are, in an order drawn by the seed, and refuses
races and deadlocks.
"""

from collections.abc import Mapping

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from aic.nsp.checked.machine import Machine
from aic.nsp.checked.queues import Queues
from aic.nsp.values.memory import Constants
from dialects.graph.kernels import Array
from dialects.module import cores_of, main_of, signals_of
from dialects.tile.program_order import issue_order
from dialects.weights import store_of

__all__ = ["run_checked"]


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
    machine = Machine(module, inputs, constants or store_of(module).stored_bytes)
    issued = list(issue_order(main_of(module).body.block))
    with np.errstate(all="ignore"):
        if seed is not None:
            Queues(machine, issued, signals_of(module), seed).run()
        else:
            for turn, (op, _, iteration) in enumerate(issued):
                if iteration is not None:
                    run = machine.run(op, iteration, turn)
                    for step in (run.read, run.write):
                        for core in range(cores_of(module)):
                            step(core)
    return machine.outputs()
