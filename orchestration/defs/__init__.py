"""Dagster definitions, one module a concern: what depends on what, and nothing else."""
