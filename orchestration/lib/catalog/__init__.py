"""The catalog: which files arrived, and their status."""
