"""Seeded generators that write the raw files of each source in the format its provider uses."""
