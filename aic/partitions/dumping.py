"""The configuration that `-mdp-dump-partition-config` writes: the sample, or what `-mdp-auto-partition` chooses."""

from collections.abc import Sequence

from aic.compiler import lower
from aic.options import Options, UsageError
from aic.partitions.config_file import write_config
from aic.partitions.nodes import node_names, sample
from dialects.graph.locations import node_name
from dialects.module import cores_of, specializations_of
from dialects.weights import drop_store, store_of
from passes.partition_devices import chosen_arrangement, longest_of, ops_of
from passes.partitioning.arrangements import Arrangement
from passes.partitioning.configuration import Configuration

_BEFORE = "quantize"
"""The phase after which a network is divided."""


def write_configuration(options: Options) -> str:
    """Writes what the options ask for; what that is, for people. Raises AicError."""
    path = options.mdp_dump_partition_config
    if options.model is None or path is None:
        raise UsageError(["the model is missing"])
    names = node_names(options.model)
    if options.mdp_auto_partition is None:
        write_config(sample(options.model, options.aic_num_cores), path)
        return f"{len(names)} nodes"
    module = lower(options, _BEFORE)
    try:
        network = longest_of(specializations_of(module))
        chosen = chosen_arrangement(network)
        of = {node_name(op): chosen.stage_of(n) for n, op in enumerate(ops_of(network))}
        write_config(Configuration.arranged(chosen, cores_of(network), _by_stage(names, of, chosen)), path)
    finally:
        drop_store(store_of(module).folder)
    return f"{len(names)} nodes, {chosen.told}: {_expected(chosen)}"


def _by_stage(names: Sequence[str], of: dict[str, int], chosen: Arrangement) -> list[list[str]]:
    """The nodes of each stage. One that is no operation any more, fused or folded, goes with the one before it."""
    stages: list[list[str]] = [[] for _ in range(len(chosen.cuts) + 1)]
    stage = 0
    for name in names:
        stage = of.get(name, stage)
        stages[stage].append(name)
    return stages


def _expected(chosen: Arrangement) -> str:
    """What the costs say of an arrangement."""
    period, latency = chosen.period_seconds, chosen.latency_seconds
    return f"by cost {1 / period:.4g} inferences/s, {latency * 1e6:.4g} us each"
