"""Inputs and outputs as the user wants them, where these differ from the model's."""
