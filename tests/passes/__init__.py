"""Tests of the passes and of what they share."""
