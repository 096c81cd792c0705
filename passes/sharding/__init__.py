"""Decisions behind `shard-tensors`: candidates, what an op requires of its operands, costs, and the search. No IR is
changed here.
"""
