"""The funnel: every row that a zone keeps is kept or dropped before the next one."""

from orchestration.lib.sources.balance.consent_funnel import Funnel, Outcome


def funnel(landed: int, dropped: int, trusted: int, curated: int) -> Funnel:
    steps = [
        ("lake", "landing", "kept", True, landed),
        ("landing", "trusted", "no research consent", False, dropped),
        ("landing", "trusted", "kept", True, trusted),
        ("trusted", "curated", "kept", True, curated),
    ]
    return Funnel(tuple(Outcome("customer", *step) for step in steps))


def test_a_funnel_that_adds_up_has_no_gap() -> None:
    found = funnel(1_000, 400, 600, 600)
    assert found.gaps == []
    assert found.kept == {"customer in landing": 1_000, "customer in trusted": 600, "customer in curated": 600}


def test_a_row_too_few_or_too_many_is_a_gap() -> None:
    assert funnel(1_000, 399, 600, 600).gaps == ["customer: 1,000 rows in landing, 999 kept or dropped before trusted"]
    assert funnel(1_000, 400, 600, 601).gaps == ["customer: 600 rows in trusted, 601 kept or dropped before curated"]


def test_the_table_names_every_outcome() -> None:
    text = funnel(1_000, 400, 600, 600).as_markdown()
    assert "| customer | landing → trusted | no research consent | 400 |" in text
    assert len(text.splitlines()) == 2 + 4
