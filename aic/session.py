"""Runs a QPC: values from the values engine, times from the timing engine, both of the same loaded program."""

import os
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial

from xdsl.dialects.builtin import ModuleOp

from aic.emission.descriptor import batch_size
from aic.emit import name_of
from aic.instances import too_many_instances
from aic.interpreter.parts import Mail
from aic.load import qpc_path
from aic.memory_use import MemoryUse, memory_use, memory_use_of_card
from aic.nsp.checked import run_checked, run_checked_parts
from aic.nsp.parts_report import PartsReport, make_parts_report
from aic.nsp.report import Report, make_report
from aic.nsp.timing import Performance, make_plan, measure
from aic.nsp.timing.pipeline import PipelinePerformance, measure_parts
from aic.nsp.timing.station import Seat
from aic.nsp.values.parts import PartsProgram
from aic.nsp.values.plan import Blocks
from aic.nsp.values.program import Program, load_program
from aic.partitions.opening import open_network
from aic.partitions.placement import placed
from aic.partitions.ports import ports_of_parts
from aic.signatures import signature_of, tile_tensors
from aic.specializations.network import Network
from aic.tensors import Array, Signature, TensorInfo
from dialects.aic import DenseAttr, WeightAttr
from dialects.errors import AicError
from dialects.module import (
    cores_of,
    first_core_of,
    held_by,
    is_over_cards,
    path_of,
    programs_of,
    specializations_of,
    target_of,
)


class Session:
    """A network on the simulated card. Not for use by several threads at once.

    `aic.Session("out").run({"image": array})` gives the outputs by name.

    A network that is compiled for several shapes has a program for each, its specializations, numbered in the order in
    which they were asked for. The shapes of the inputs say which one runs.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        aic_num_of_instances: int = 1,
        dev_id: int | str | Sequence[int] | None = None,
    ) -> None:
        """Loads a QPC, given as a file or as the folder of `programqpc.bin`; nothing else is read, then or later.

        With `aic_num_of_instances`, so many instances of the network run on the card, each on NSPs and memory of its
        own, and share DDR and PCIe. What they compute is the same; times are those of all at work.

        `dev_id`: the device of the simulated host to run on; of a network over several cards one for each part, in
        their order, as `[3, 1, 2]` or in the syntax of `aic-runner -D`. By default 0, 1, 2 and so on.

        Raises AicError when there is no QPC, it is malformed, the card has not enough NSPs or DDR, or devices do not
        fit.
        """
        self.path = qpc_path(os.fspath(path))
        self._loaded = open_network(self.path)
        self._is_over_cards = is_over_cards(self._loaded.module)
        self._modules = tuple(specializations_of(self._loaded.module))
        self.devices = placed(self._loaded.module, dev_id)
        """Numbers of the host's devices that the network runs on: of several cards, in the order of its parts."""
        self.instances = aic_num_of_instances
        self._check_instances()
        self._network = Network([_signature_of(module) for module in self._modules])
        self._programs: dict[int, Program | PartsProgram] = {}
        self._blocks: Blocks = {}
        self._constants: dict[tuple[str, WeightAttr | DenseAttr], Array] = {}
        self._measured: dict[int, tuple[Performance | PipelinePerformance, float]] = {}
        if len(self._modules) == 1:
            self._program(0)

    @property
    def name(self) -> str:
        """Name of the network."""
        return self._loaded.name

    @property
    def specializations(self) -> tuple[Signature, ...]:
        """What each specialization takes and gives; one without a name when the network has one shape."""
        return self._network.signatures

    @property
    def chosen(self) -> int:
        """Number of the specialization that ran last; 0 at first."""
        return self._network.chosen

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """What the first specialization takes, in the order of the model."""
        return self.specializations[0].inputs

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """What the first specialization gives, in the order of the model."""
        return self.specializations[0].outputs

    @property
    def batch_size(self) -> int:
        """Samples that one inference of the first specialization takes."""
        return self.batch_size_of(0)

    def batch_size_of(self, specialization: int) -> int:
        """Samples that one inference of a specialization takes."""
        return batch_size(tensor.shape for tensor in self.specializations[specialization].inputs)

    @property
    def sku(self) -> str:
        """The card that the network is compiled for."""
        return target_of(self._loaded.module).sku.data

    @property
    def cores(self) -> int:
        """NSP cores that the network runs on; of a network over several cards those of all of them."""
        module = self._modules[0]
        return sum(map(cores_of, programs_of(module))) if self._is_over_cards else cores_of(module)

    @cached_property
    def memory(self) -> MemoryUse:
        """Memory that the network takes on a card: of specializations, that of the largest, and all constants; of
        several cards, the one with most.
        """
        if not self._is_over_cards:
            return memory_use(self._loaded.module)
        return max(map(memory_use_of_card, programs_of(self._modules[0])), key=lambda use: use.ddr)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """One inference: outputs by name, arrays of the model's types and shapes.

        Inputs that stay on the card may be left out: they are what the inference before left there (`state`), zeros at
        first. The outputs that become them are not among what is returned.

        Raises AicError that lists every input that is missing, unknown, or of another type or shape, or the shapes that
        there are when no specialization takes these; and where this machine has not the memory for the values.
        """
        with _memory_error_told():
            return self._network.run(inputs, lambda number, given: self._program(number).run(given))

    @property
    def state(self) -> dict[str, Array]:
        """What stays on the card for the specialization that ran last, by the names of inputs."""
        return self._network.state

    def reset(self) -> None:
        """Makes zeros of all that stays on the card."""
        self._network.reset()

    def _program(self, number: int) -> Program | PartsProgram:
        """The program of a specialization, made ready when it is first needed. What constants they share is held once,
        widened or not.
        """
        if number not in self._programs:
            with _memory_error_told():
                self._programs[number] = self._made(self._modules[number])
        return self._programs[number]

    def _made(self, module: ModuleOp) -> Program | PartsProgram:
        def load(program: ModuleOp, mail: Mail | None = None) -> Program:
            return load_program(program, partial(self._stored, program), blocks=self._blocks, mail=mail)

        return PartsProgram.of(module, load) if held_by(module) == "partitions" else load(module)

    def _stored(self, program: ModuleOp, constant: WeightAttr | DenseAttr) -> Array:
        key = name_of(program) if self._is_over_cards else "", constant
        if key not in self._constants:
            self._constants[key] = self._loaded.stored(program, constant)
        return self._constants[key]

    def _check_instances(self) -> None:
        available, use = target_of(self._loaded.module).hardware.cores, self.memory
        if self.instances < 1:
            raise AicError(f"{self.instances} instances: there must be at least one")
        if self.instances > 1 and held_by(self._modules[0]) == "partitions":
            raise AicError(f"{self.instances} instances: a network over cards or clusters of cores runs once")
        cores = max(map(cores_of, programs_of(self._loaded.module))) if self._is_over_cards else self.cores
        problem = too_many_instances(self.instances, cores, self.sku, available)
        if problem is not None:
            raise AicError(problem)
        ddr = use.ddr_constants + self.instances * use.ddr_shared
        if ddr > use.ddr_available:
            raise AicError(
                f"{self.instances} instances take {ddr} bytes of DDR, the SKU '{self.sku}' has {use.ddr_available}"
            )

    def run_checked(self, inputs: Mapping[str, Array], seed: int = 0) -> dict[str, Array]:
        """One inference in checked mode: the same outputs, and refused what races, deadlocks or strays.

        Every byte of memory is watched, and engines of all cores go on in an order that `seed` draws out of those that
        the program allows. Many times slower than `run`.

        Raises AicError as `run`, and at the first fault.
        """

        def run(number: int, given: Mapping[str, Array]) -> dict[str, Array]:
            module = self._modules[number]
            if held_by(module) != "partitions":
                return run_checked(module, given, partial(self._stored, module), seed=seed)
            ports = ports_of_parts(module)
            parts = {path_of(part): part for part in programs_of(module)}
            each = run_checked_parts(parts, ports.given(given), lambda part: partial(self._stored, part), seed=seed)
            return ports.gathered(each)

        return self._network.run(inputs, run)

    @property
    def performance(self) -> Performance | PipelinePerformance:
        """Modelled performance of one inference of the first specialization. Raises AicError for an operation without
        a cost formula.
        """
        return self.performance_of(0)

    def performance_of(self, specialization: int) -> Performance | PipelinePerformance:
        """The same of any specialization."""
        return self._timed(specialization)[0]

    def timing(self, specialization: int = 0) -> Report | PartsReport:
        """The modelled performance as a report: cycles, utilisation, traffic, room of buffers, time per operation; of a
        network in parts what each does.

        Raises AicError when there is no specialization of that number.
        """
        performance, seconds = self._timed(specialization)
        name = self.specializations[specialization].name
        if isinstance(performance, PipelinePerformance):
            return make_parts_report(self._modules[specialization], performance, seconds, name)
        memory = memory_use(self._modules[specialization])
        return make_report(performance, seconds, memory, name, self.devices[0])

    def _timed(self, number: int) -> tuple[Performance | PipelinePerformance, float]:
        """The modelled performance, and the seconds that the timing engine took."""
        if not 0 <= number < len(self._modules):
            raise AicError(f"specialization {number}: there are {len(self._modules)}, numbered from 0")
        if number not in self._measured:
            start = time.perf_counter()
            performance = self._performance(self._modules[number])
            self._measured[number] = performance, time.perf_counter() - start
        return self._measured[number]

    def _performance(self, module: ModuleOp) -> Performance | PipelinePerformance:
        hardware = target_of(module).hardware
        if held_by(module) != "partitions":
            return measure(make_plan(module), hardware, self.instances)
        parts = list(programs_of(module))
        devices = self.devices if self._is_over_cards else self.devices * len(parts)
        seats = [
            Seat(make_plan(part), first_core_of(part), device, path_of(part))
            for part, device in zip(parts, devices, strict=True)
        ]
        return measure_parts(seats, hardware)


@contextmanager
def _memory_error_told() -> Generator[None]:
    try:
        yield
    except MemoryError as error:
        raise AicError(f"this machine has not the memory for the program's values: {error}") from error


def _signature_of(module: ModuleOp) -> Signature:
    """What a tile program takes and gives, or a network of them. Raises AicError where parts do not fit each other."""
    return ports_of_parts(module).signature if held_by(module) == "partitions" else signature_of(module, tile_tensors)
