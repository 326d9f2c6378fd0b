"""Quote names and texts in SQL, where DuckDB takes no parameter."""


def quote_name(identifier: str) -> str:
    """Quote the name of a schema, table or column."""
    return '"' + identifier.replace('"', '""') + '"'


def quote_text(value: str) -> str:
    """Write a text as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"
