"""Stand-ins for the objects of dbt that sqlfluff's jinja templater does not know."""

from types import SimpleNamespace

# A dispatched macro becomes a call of a function of its name.
adapter = SimpleNamespace(dispatch=lambda name: lambda *arguments: f"{name}({', '.join(map(str, arguments))})")
api = SimpleNamespace(Relation=SimpleNamespace(create=lambda **parts: f"{parts['schema']}.{parts['identifier']}"))
model = SimpleNamespace(
    config=SimpleNamespace(meta={}, materialized="table"), tags=["source"], unique_id="model.vitalhouse.model"
)
target = SimpleNamespace(database="warehouse")
