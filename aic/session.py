"""Runs a QPC: values from the values engine, times from the timing engine, both of the same loaded program."""

import os
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import cached_property

from aic.instances import too_many_instances
from aic.load import load_qpc, qpc_path
from aic.memory_use import MemoryUse, memory_use
from aic.nsp.checked import run_checked
from aic.nsp.report import Report, make_report
from aic.nsp.timing import Performance, make_plan, measure
from aic.nsp.values.program import Program, load_program
from aic.tensors import Array, TensorInfo
from dialects.element_types import stored_dtype
from dialects.errors import AicError
from dialects.module import cores_of, target_of
from dialects.tile.ops import TensorOp, type_of


class Session:
    """A network on the simulated card. Not for use by several threads at once.

    `aic.Session("out").run({"image": array})` gives the outputs by name.
    """

    def __init__(self, path: str | os.PathLike[str], *, aic_num_of_instances: int = 1) -> None:
        """Loads a QPC, given as a file or as the folder of `programqpc.bin`; nothing else is read, then or later.

        With `aic_num_of_instances`, so many instances of the network run on the card, each on NSPs and memory of its
        own, and share DDR and PCIe. What they compute is the same; times are those of all at work.

        Raises AicError when there is no QPC, it is malformed, or the card has not enough NSPs or DDR.
        """
        self.path = qpc_path(os.fspath(path))
        self._loaded = load_qpc(self.path)
        self.instances = aic_num_of_instances
        self._check_instances()
        with _memory_error_told():
            self._program: Program = load_program(self._loaded.module, self._loaded.constants.stored_bytes)
        self.inputs = tuple(_tensor_info(tensor) for tensor in self._program.plan.inputs)
        """What `run` takes, in the order of the model."""
        self.outputs = tuple(_tensor_info(tensor) for tensor in self._program.plan.outputs)
        """What `run` gives, in the order of the model."""

    @property
    def name(self) -> str:
        """Name of the network."""
        return self._loaded.descriptor.name

    @property
    def batch_size(self) -> int:
        """Samples that one inference takes."""
        return self._loaded.descriptor.batch_size

    @property
    def sku(self) -> str:
        """The card that the network is compiled for."""
        return target_of(self._loaded.module).sku.data

    @property
    def cores(self) -> int:
        """NSP cores that the network runs on."""
        return cores_of(self._loaded.module)

    @cached_property
    def memory(self) -> MemoryUse:
        """Memory that the network takes."""
        return memory_use(self._loaded.module)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """One inference: outputs by name, arrays of the model's types and shapes.

        Raises AicError that lists every input that is missing, unknown, or of another type or shape, and where this
        machine has not the memory for the values.
        """
        with _memory_error_told():
            return self._program.run(inputs)

    def _check_instances(self) -> None:
        available, use = target_of(self._loaded.module).hardware.cores, self.memory
        if self.instances < 1:
            raise AicError(f"{self.instances} instances: there must be at least one")
        problem = too_many_instances(self.instances, self.cores, self.sku, available)
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
        return run_checked(self._loaded.module, inputs, self._loaded.constants.stored_bytes, seed=seed)

    @property
    def performance(self) -> Performance:
        """Modelled performance of one inference. Raises AicError for an operation without a cost formula."""
        return self._timed[0]

    def timing(self) -> Report:
        """The modelled performance as a report: cycles, utilisation, traffic, room of buffers, time per operation."""
        return make_report(*self._timed, self.memory)

    @cached_property
    def _timed(self) -> tuple[Performance, float]:
        """The modelled performance, and the seconds that the timing engine took."""
        start = time.perf_counter()
        module = self._loaded.module
        performance = measure(make_plan(module), target_of(module).hardware, self.instances)
        return performance, time.perf_counter() - start


@contextmanager
def _memory_error_told() -> Generator[None]:
    try:
        yield
    except MemoryError as error:
        raise AicError(f"this machine has not the memory for the program's values: {error}") from error


def _tensor_info(tensor: TensorOp) -> TensorInfo:
    buffer = type_of(tensor.result)
    name = "" if tensor.label is None else tensor.label.data
    return TensorInfo(name, stored_dtype(buffer.element_type), buffer.get_shape())
