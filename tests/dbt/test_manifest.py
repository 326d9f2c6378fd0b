"""The API's description needs no parse of the project: its YAML alone says the same."""

from dataclasses import replace
from typing import Any

from orchestration.lib.modelling.manifest import described, publishable


def test_the_yaml_describes_what_the_manifest_does(manifest: dict[str, Any]) -> None:
    relations = publishable(manifest)
    assert relations
    assert described() == {
        name: replace(relation, measurement=None, is_gated=False) for name, relation in relations.items()
    }
