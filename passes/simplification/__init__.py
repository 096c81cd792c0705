"""Local rewrites of the graph dialect that make it smaller and bring it into one form, without changing a value."""
