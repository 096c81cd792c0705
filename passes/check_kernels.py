"""`check-kernels`: every kernel is called as its op in the graph allows, and all calls together take bounded work.

A core's call of a kernel is an op on blocks of tensors. That op is made, for every core and iteration, and its rules
decide: types of operands and result, shapes, arguments. So a program that was compiled and one that somebody else wrote
keep to the same rules as a graph does.
"""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from dialects.hardware import load_hardware
from dialects.module import target_of
from passes.checking.ceilings import exceeded_ceilings
from passes.checking.kernels import find_wrong_calls
from passes.checking.problems import refuse
from passes.checking.program import Program, unroll
from passes.rewriting.program_pass import ProgramPass


@dataclass(frozen=True)
class CheckKernelsPass(ProgramPass):
    """Refuses a program that calls a kernel in a way that no op of the graph is."""

    name = "check-kernels"

    def apply_to(self, ctx: Context, op: ModuleOp) -> None:
        refuse(exceeded_ceilings(op))
        check_kernels(unroll(op), op)


def check_kernels(program: Program, module: ModuleOp) -> None:
    """Raises AicError, naming instructions, nodes, cores and iterations, for a wrong call or too much work.

    Work is that on the SKU as it is described, whatever the module's target says of it.
    """
    refuse(find_wrong_calls(program, load_hardware(target_of(module).sku.data)))
