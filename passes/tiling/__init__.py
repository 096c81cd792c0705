"""Decisions behind `tile-operations`: how an op's work on one core is cut so that it fits into VTCM. No IR is changed
here.
"""
