"""The simulated NSPs: engines that execute or time the tile program of a module, and what they report."""
