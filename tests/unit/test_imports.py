"""Imports go one way: defs ▶ lib ▶ python_transforms; synthetic data is nobody's but the command line's."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.lib.core.home import REPOSITORY

# What a package may not import, and where that is left to its reader: (package, forbidden, modules excepted).
RULES = [
    ("python_transforms", {"dagster", "duckdb", "dbt", "dagster_dbt", "orchestration", "synthetic", "pyarrow"}, set()),
    ("synthetic", {"dagster", "duckdb", "dbt", "dagster_dbt", "orchestration", "python_transforms"}, set()),
    ("orchestration/lib", {"orchestration.defs", "orchestration.definitions", "orchestration.cli"}, set()),
    ("orchestration/lib", {"synthetic", "tests", "benchmarks", "serving", "fastapi", "starlette"}, set()),
    ("serving", {"orchestration.defs", "orchestration.definitions", "orchestration.cli", "dagster"}, set()),
    ("serving", {"synthetic", "tests", "benchmarks", "python_transforms"}, set()),
    # A build hands Dagster its jobs; everything else in lib is used without Dagster.
    (
        "orchestration/lib",
        {"dagster", "dagster_dbt"},
        {
            "orchestration/lib/build/build.py",
            "orchestration/lib/build/event_storage.py",
            "orchestration/lib/build/partitions.py",
        },
    ),
    ("notebooks", {"dagster", "dagster_dbt", "dbt", "synthetic", "orchestration.defs", "orchestration.cli"}, set()),
    ("orchestration/defs", {"orchestration.cli", "orchestration.definitions", "synthetic", "python_transforms"}, set()),
]


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)


def breaches(package: str, forbidden: set[str], excepted: set[str]) -> list[str]:
    found = []
    for path in sorted((REPOSITORY / package).rglob("*.py")):
        name = str(path.relative_to(REPOSITORY))
        if name in excepted:
            continue
        found += [
            f"{name} imports {module}"
            for module in imports(path)
            if any(module == each or module.startswith(f"{each}.") for each in forbidden)
        ]
    return found


@pytest.mark.parametrize(("package", "forbidden", "excepted"), RULES)
def test_imports_go_one_way(package: str, forbidden: set[str], excepted: set[str]) -> None:
    assert list((REPOSITORY / package).rglob("*.py"))
    assert breaches(package, forbidden, excepted) == []


def test_a_breach_is_seen(tmp_path: Path) -> None:
    """The rule itself is tested: a module that imports what it must not, inside a function."""
    (tmp_path / "module.py").write_text("def f():\n    from orchestration.defs import ecg\n")
    assert list(imports(tmp_path / "module.py")) == ["orchestration.defs", "orchestration.defs.ecg"]


def test_only_the_command_line_knows_of_synthetic_data() -> None:
    outside = [
        str(path.relative_to(REPOSITORY))
        for path in (REPOSITORY / "orchestration").rglob("*.py")
        if "synthetic" in path.read_text() and path.parent.name != "cli"
    ]
    assert outside == []


def opens_a_file_for_writing(line: str) -> bool:
    return "duckdb.connect(" in line and "read_only=True" not in line and '":memory:"' not in line


def test_the_warehouse_is_opened_for_writing_in_one_place() -> None:
    connecting = [
        str(path.relative_to(REPOSITORY))
        for folder in ("orchestration", "python_transforms", "notebooks")
        for path in (REPOSITORY / folder).rglob("*.py")
        if any(opens_a_file_for_writing(line) for line in path.read_text().splitlines())
    ]
    assert connecting == ["orchestration/lib/warehouse/connection.py"]
