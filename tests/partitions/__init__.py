"""A network over several cards."""
