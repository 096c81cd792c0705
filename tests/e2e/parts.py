"""A network of several parts, run at every level."""

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from aic.interpreter.graph import GraphRunner
from aic.interpreter.parts import Mail, run_parts
from aic.interpreter.sharded import start_sharded
from aic.nsp.values import load_program
from aic.phases import phases_between, run_phases
from dialects.graph.ports import input_ports
from dialects.module import main_of, path_of, programs_of

Arrays = Mapping[str, npt.NDArray[Any]]


def outputs_of_parts(module: ModuleOp, inputs: Arrays, *, fp16: bool = False) -> dict[str, dict[str, npt.NDArray[Any]]]:
    """All outputs of a module of parts at the graph, sharded, tile and scheduled level; the module ends scheduled."""
    given = {
        path_of(part): {port.name: inputs[port.name] for port in input_ports(main_of(part))}
        for part in programs_of(module)
    }
    results: dict[str, dict[str, npt.NDArray[Any]]] = {}
    mail = Mail()
    runs = {path_of(part): GraphRunner(part).start(given[path_of(part)], mail) for part in programs_of(module)}
    results["graph"] = run_parts(runs, mail)
    run_phases(module, phases_between("shard", "shard"), fp16=fp16)
    mail = Mail()
    runs = {path_of(part): start_sharded(part, given[path_of(part)], mail) for part in programs_of(module)}
    results["sharded"] = run_parts(runs, mail)
    for phase in ("tile", "schedule"):
        run_phases(module, phases_between(phase, phase), fp16=fp16)
        mail = Mail()
        programs = {path_of(part): load_program(part, mail=mail) for part in programs_of(module)}
        results[phase] = run_parts({name: program.start(given[name]) for name, program in programs.items()}, mail)
    return results
