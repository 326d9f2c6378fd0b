"""docs/data_quality.md names tests that there are, and each promise is kept by one that `make test` runs."""

import ast
import re
from pathlib import Path

import pytest

from orchestration.lib.core.home import REPOSITORY

ROWS = re.findall(r"^\| (.+?) \| (.+) \|$", (REPOSITORY / "docs/data_quality.md").read_text(), re.MULTILINE)
PROMISES = {promise: keepers for promise, keepers in ROWS if promise not in ("promise", "---")}


def files(keepers: str) -> list[Path]:
    """The files of Python tests that a row of the page names, wherever a pattern names several."""
    paths: list[Path] = []
    for name in re.findall(r"`(tests/[\w/.*]+\.py)`", keepers):
        matches = sorted(REPOSITORY.glob(name))
        assert matches, f"{name} is not there"
        paths += matches
    return paths


def has_quick_test(path: Path) -> bool:
    """Whether a test in the file is not marked slow, or not all of its cases are."""
    tree = ast.parse(path.read_text())
    if any("mark.slow" in ast.unparse(node) for node in tree.body if is_pytestmark(node)):
        return False
    tests = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    return any(
        "pytest.mark.slow" not in {ast.unparse(decorator) for decorator in test.decorator_list} for test in tests
    )


def is_pytestmark(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"


@pytest.mark.parametrize("promise", PROMISES)
def test_every_promise_is_kept_by_a_quick_test(promise: str) -> None:
    # dbt's tests run in the project's own tests and in every build.
    paths = files(PROMISES[promise])
    assert "dbt" in PROMISES[promise] or any(has_quick_test(path) for path in paths)


def test_the_page_has_its_promises() -> None:
    assert len(PROMISES) > 70
