"""Tests of aic, named after the sources they test."""
