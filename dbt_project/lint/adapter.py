"""Stand for dbt's `adapter` when SQL is linted without a connection: a dispatched macro is a call of a function."""

from collections.abc import Callable


def dispatch(macro_name: str) -> Callable[..., str]:
    """Return a macro that renders as a function of its arguments."""
    return lambda *arguments, **named: f"{macro_name}({', '.join(map(str, [*arguments, *named.values()]))})"
