"""Networks that come from outside: drawn by nnsmith, which knows nothing of this compiler."""
