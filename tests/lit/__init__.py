"""Tests on IR text: files with `// RUN:` lines, run in process by `lit tests/lit` and by pytest."""
