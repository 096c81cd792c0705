"""Calibration: choosing a narrower range than all values take. Each method is a file, `choice.py` calls them."""
