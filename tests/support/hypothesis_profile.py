"""How many examples a property test tries: the same few in every run, or with VITALHOUSE_EXAMPLES=50 that many times as
many, and others each time.
"""

import os

from hypothesis import settings

_FACTOR = int(os.environ.get("VITALHOUSE_EXAMPLES", "1"))


def examples(count: int = 100) -> int:
    """So many, times what was asked for."""
    return count * _FACTOR


def choose_examples() -> None:
    """To be called before the property tests are imported: they take over what is set then."""
    settings.register_profile("repeatable", derandomize=True, database=None)
    settings.register_profile("exploring", max_examples=examples())
    settings.load_profile("repeatable" if _FACTOR == 1 else "exploring")
