"""SECURITY.md: every threat is there once, in order, and every test that it names exists and is one."""

import ast
import re
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "SECURITY.md").read_text(encoding="utf-8")
_ROWS = re.findall(r"(?m)^\| (T\d+) \|.*\| ([^|]+) \|$", _PAGE)


def test_all_threats_are_listed_once() -> None:
    """Numbers are stable: people refer to them."""
    assert len(_ROWS) >= 40
    assert [number for number, _ in _ROWS] == [f"T{number}" for number in range(1, len(_ROWS) + 1)]


def test_each_threat_has_tests_and_they_exist() -> None:
    """File and function; a page that says more than is tested is worse than none."""
    named = {number: re.findall(r"`([\w/]+\.py)::(\w+)`", tests) for number, tests in _ROWS}
    assert [number for number, tests in named.items() if not tests] == []
    missing = [(file, name) for tests in named.values() for file, name in tests if name not in _tests_of(file)]
    assert missing == []


@cache
def _tests_of(file: str) -> frozenset[str]:
    path = _ROOT / "tests" / file
    if not path.name.startswith("test_") or not path.exists():
        return frozenset()
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return frozenset(node.name for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))


def test_a_test_that_is_not_there_would_be_noticed() -> None:
    """The check itself: no file, no such function, and a function that is no test."""
    assert "test_all_threats_are_listed_once" in _tests_of("unit/test_security_page.py")
    assert "test_nothing_of_the_kind" not in _tests_of("unit/test_security_page.py")
    assert not _tests_of("unit/test_nowhere.py") and not _tests_of("site_under_test.py")


def test_links_lead_somewhere() -> None:
    """Pages of the repository."""
    links = re.findall(r"\]\(((?!http)[^)#]+)\)", _PAGE)
    assert len(links) >= 5
    assert [link for link in links if not (_ROOT / link).exists()] == []
