"""Interpreters: what a module computes at every level, and what the loaded QPC computes on simulated NSPs."""
