"""The logic under the Dagster definitions: plain functions, importable and testable without Dagster."""
