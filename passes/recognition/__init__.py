"""Decisions behind the passes that recognize ops in pieces: what a value is. No IR is changed here."""
