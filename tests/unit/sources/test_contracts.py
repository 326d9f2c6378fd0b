"""Contracts of the sources: none is left out."""

import pkgutil
from importlib import import_module

from orchestration.lib import sources


def test_every_source_is_taken_in() -> None:
    modules = [
        import_module(f"{sources.__name__}.{each.name}.contract") for each in pkgutil.iter_modules(sources.__path__)
    ]
    found = {entity.table.name for module in modules for entity in getattr(module, "ENTITIES", ())}
    assert found == {entity.table.name for entity in sources.ENTITIES}
