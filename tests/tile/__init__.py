"""Tests of the sharded, tiled and scheduled levels."""
