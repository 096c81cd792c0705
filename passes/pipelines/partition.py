"""The passes of the phase `partition`. Each does what the module asks of it; where it asks nothing, nothing."""

PARTITION_PIPELINE = "partition-devices,slice-tensors,match-inputs,partition-clusters,check-channels"
