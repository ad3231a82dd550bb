"""docs/doctor.md lists every check that there is, with its severities, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from reply_milter.core.diagnosis.postfix.lookup_keys import REWRITING
from reply_milter.core.diagnosis.problem import Severity

_ROOT = Path(__file__).parents[2]
_SOURCES = _ROOT / "milter/reply_milter"
_ROW = re.compile(r"(?m)^\| `([a-z]+\.[a-z_]+)` \| ([a-z, ]+) \|")


def _calls() -> Iterator[tuple[str, str]]:
    """Names of checks, with what they are called through: ``error``, ``severity`` and the like."""
    for path in (*(_SOURCES / "core/diagnosis").rglob("*.py"), *(_SOURCES / "doctor").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args:
                first = ast.unparse(node.args[0]).strip("'\"")
                called = ast.unparse(node.func)
                if called in ("not_examined", "hidden"):
                    yield f"{first}.unseen", "note" if called == "not_examined" else "error"
                elif called in ("error", "warning", "note") or "error" in called or called == "severity":
                    yield first, called


def test_every_check_is_listed_and_no_other() -> None:
    """By its name."""
    told = {name for name, _ in _ROW.findall((_ROOT / "docs/doctor.md").read_text())}
    rewriting = {f"postfix.{name.removesuffix('_maps')}" for name in REWRITING}
    found = {name for name, _ in _calls() if re.fullmatch(r"[a-z]+\.[a-z_]+", name)}
    assert told == found | rewriting


def test_severities_are_those_of_the_rules() -> None:
    """Where a rule has but one."""
    told = {name: set(words.split(", ")) for name, words in _ROW.findall((_ROOT / "docs/doctor.md").read_text())}
    assert set().union(*told.values()) <= {severity.value for severity in Severity}
    for name, called in _calls():
        if called in ("error", "warning", "note") and name in told:
            assert called in told[name], name
