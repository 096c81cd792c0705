"""The passes of the schedule phase."""

SCHEDULE_PIPELINE = "pipeline-loops,fetch-ahead,split-transfers,assign-queues,assign-addresses,insert-waits"
"""Loops that fetch one iteration ahead, weights fetched early, addresses, signals and waits."""
