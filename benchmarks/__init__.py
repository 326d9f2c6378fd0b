"""Benchmarks, each beside a peer: a module runs alone (`python -m benchmarks.NAME`), `make bench` runs them all."""
