"""docs/failure-cases.md: every case is there once, and every test that it names exists."""

import re
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs/failure-cases.md").read_text(encoding="utf-8")


def test_all_fifty_cases_are_listed_once() -> None:
    """In order, so that one finds them."""
    assert [int(number) for number in re.findall(r"(?m)^\| C-(\d+) ", _PAGE)] == list(range(1, 51))


def test_every_test_that_the_page_names_exists() -> None:
    """A case file, a module of tests, or a bad configuration by its number."""
    named = [
        name for row in re.findall(r"(?m)^\| C-\d+ .*\| ([^|]+) \|$", _PAGE) for name in re.findall(r"`([^`]+)`", row)
    ]
    missing = [name for name in named if not _exists(name)]
    assert len(named) >= 50
    assert not missing


def _exists(name: str) -> bool:
    if name.startswith("bad_configs/"):
        return bool(list(_ROOT.glob(f"tests/{name}-*.toml")))
    return (_ROOT / "tests" / name).exists() or (_ROOT / f"tests/system/cases/{name}.case").exists()


def test_every_case_file_named_after_a_case_is_on_the_page() -> None:
    """So that the page does not lag behind."""
    files = [path.stem for path in (_ROOT / "tests/system/cases").glob("c-*.case")]
    assert [name for name in files if f"`{name}`" not in _PAGE] == []
