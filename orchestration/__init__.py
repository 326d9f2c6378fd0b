"""Orchestration: Dagster definitions, the lake, the catalog, the loader and the command line."""
