"""Inputs and outputs with the layout, precision and scale that a file asks for, instead of the model's."""
