"""Stand for dbt's `adapter` where SQL is linted without a connection: dispatched macros are functions."""

from collections.abc import Callable


def dispatch(macro_name: str) -> Callable[..., str]:
    """Return a macro that renders as a function of its first argument; further ones may be parts of text literals."""
    return lambda *arguments: f"{macro_name}({', '.join(map(str, arguments[:1]))})"
