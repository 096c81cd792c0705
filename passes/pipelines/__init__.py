"""The orders in which the compiler's phases run passes, as specifications that `aic-opt -p` takes."""
