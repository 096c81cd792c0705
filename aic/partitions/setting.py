"""What the options say of cards, as attributes of the module that is to be divided over them."""

from pathlib import Path

from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr, i64
from xdsl.ir import Attribute

from aic.options import Options, UsageError
from aic.partitions.config_file import read_config
from aic.partitions.nodes import check_nodes, node_names
from dialects.hardware import load_hardware
from dialects.module import specializations_of
from passes.partition_clusters import CLUSTERS, clusters
from passes.partition_devices import AUTOMATIC, OBJECTIVE
from passes.partitioning.configuration import CONFIGURATION, Configuration
from passes.partitioning.objectives import OBJECTIVES


def set_partitions(module: ModuleOp, options: Options) -> None:
    """Says in a module how it is to be divided over cards, if the options do; in every specialization that it holds.

    Raises AicError for a configuration that is wrong by itself, does not fit the model's nodes, or contradicts
    `-aic-num-cores`. IR text is not held to the nodes of the model, which it may have no more.
    """
    wanted = _wanted(options)
    for network in specializations_of(module):
        network.attributes |= wanted


def _wanted(options: Options) -> dict[str, Attribute]:
    """What the options ask for, as attributes of a network."""
    wanted: dict[str, Attribute] = {}
    if options.sdp_cluster_sizes:
        mos = options.mos if isinstance(options.mos, tuple) else ()
        wanted[CLUSTERS] = clusters(options.sdp_cluster_sizes, mos)
    if options.mdp_auto_partition is not None:
        wanted[AUTOMATIC] = IntegerAttr(options.mdp_auto_partition, i64)
        if options.mdp_auto_objective != OBJECTIVES[0]:
            wanted[OBJECTIVE] = StringAttr(options.mdp_auto_objective)
    if options.mdp_load_partition_config is None or options.model is None:
        return wanted
    path = options.mdp_load_partition_config
    configuration = read_config(path, load_hardware(options.aic_sku).cores)
    _check_cores(configuration, options, path)
    check_nodes(configuration, node_names(options.model) if options.from_phase is None else None, path)
    return wanted | {CONFIGURATION: configuration.to_attribute()}


def _check_cores(configuration: Configuration, options: Options, path: Path) -> None:
    cores = sorted({device.cores for partition in configuration.partitions for device in partition.devices})
    if options.aic_num_cores not in (Options().aic_num_cores, *cores):
        raise UsageError(
            [f"-aic-num-cores={options.aic_num_cores}: {path} gives its cards {', '.join(map(str, cores))} (numCores)"]
        )
