"""The bars of the project, measured in one run, as ratios against peers on the same machine: `python -m bench`.

Runs of ours and of a peer take turns, and of each the least time counts: what else the machine does adds to a time and
never takes from it.
"""
