"""What rewrites of the graph dialect share: applying patterns, handling constants, permutations of dimensions."""
