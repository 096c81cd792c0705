"""What a module of specializations must be, so that one of them can run wherever another one can."""

from xdsl.dialects.builtin import ModuleOp

from aic.emission.constants import ConstantsLayout
from aic.emission.memory import declared_tensors, lay_out_shared_ddr
from aic.static_checks import check_program
from dialects.errors import AicError
from dialects.module import cores_of, device_of, held_by, path_of, programs_of, symbols_of, target_of
from dialects.retained import retained_of
from passes.check_channels import check_channels
from passes.checking.ceilings import exceeded_together
from passes.checking.problems import refuse


def check_programs(module: ModuleOp) -> None:
    """Raises AicError unless a module is one program, or holds named specializations, not too many, that run on the
    same cores and keep the same state on the card.
    """
    inner = [op for op in module.body.block.ops if isinstance(op, ModuleOp)]
    holds = held_by(module)
    if holds is None and not inner:
        return
    if holds is None:
        raise AicError(f"the module holds {len(inner)} modules and does not say what they are")
    if holds == "partitions":
        _check_partitions(module)
        return
    if len(inner) < len(module.body.block.ops) or any(list(programs_of(each)) != [each] for each in inner):
        raise AicError("a module of specializations holds anything but a program each")
    if not inner:
        raise AicError("a module of specializations holds none")
    refuse(exceeded_together(inner))
    if len({None if each.sym_name is None else each.sym_name.data for each in inner} - {None}) < len(inner):
        raise AicError("specializations must have a name each, and none twice")
    for each in inner:
        symbols_of(each)
        if (target_of(each), cores_of(each)) != (target_of(module), cores_of(module)):
            raise AicError(f"{path_of(each)} is for another card or number of cores than the module around it")
        if retained_of(each) != retained_of(inner[0]):
            raise AicError(f"{path_of(each)} and {path_of(inner[0])} do not keep the same inputs on the card")


def _check_partitions(module: ModuleOp) -> None:
    """Raises AicError unless parts that run together on one card fit each other and the module around them."""
    parts = list(programs_of(module))
    refuse(exceeded_together(parts))
    check_channels(module)
    if any(device_of(part) != device_of(parts[0]) for part in parts):
        raise AicError("the parts of the network are on several cards: each has a file of its own")
    used = sum(map(cores_of, parts))
    if used != cores_of(module):
        raise AicError(
            f"the parts of the network have {used} cores together, the module around says {cores_of(module)}"
        )


def check_each_program(module: ModuleOp) -> None:
    """The static checks of every program, and that all of them together have room in DDR. Raises AicError that tells
    what is wrong with which.
    """
    problems: list[str] = []
    for program in programs_of(module):
        try:
            check_program(program)
        except AicError as error:
            problems.append(str(error) if program is module else f"in {path_of(program)}: {error}")
    if problems:
        raise AicError("\n".join(problems))
    available = target_of(module).hardware.ddr_bytes
    tensors = declared_tensors(module)
    constants = ConstantsLayout.of(tensor.value for tensor in tensors if tensor.value is not None).size
    shared = lay_out_shared_ddr(module).size
    if constants + shared > available:
        raise AicError(
            f"takes {constants + shared} bytes of DDR, the SKU {target_of(module).sku.data} has {available}: "
            f"{constants} of constants, {shared} of inputs, outputs and scratch"
        )
