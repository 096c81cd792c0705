"""Tensor slicing: how the values of a program are held by several devices, what that costs, and the search. No IR is
changed here, but for `program`, which follows the decisions.
"""
