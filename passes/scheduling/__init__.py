"""Decisions behind the passes of the schedule phase: when buffers live, where they lie, what waits for what. No IR is
changed here.
"""
