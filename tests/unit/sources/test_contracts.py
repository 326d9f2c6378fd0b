"""Contracts of the sources: none is left out, and what a transform fills has the columns that it computes."""

import pkgutil
from importlib import import_module

from orchestration.lib import sources
from orchestration.lib.sources.ecg.contract import ECG_FEATURE_COLUMNS
from python_transforms.ecg import FEATURES


def test_every_source_is_taken_in() -> None:
    modules = [
        import_module(f"{sources.__name__}.{each.name}.contract") for each in pkgutil.iter_modules(sources.__path__)
    ]
    found = {entity.table.name for module in modules for entity in getattr(module, "ENTITIES", ())}
    assert found == {entity.table.name for entity in sources.ENTITIES}


def test_columns_of_a_run_are_what_the_transform_computes() -> None:
    assert {name: feature.dtype for name, feature in FEATURES.items()} == ECG_FEATURE_COLUMNS
