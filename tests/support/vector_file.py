"""The published test vectors, a pytest parameter each."""

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "vectors"


def cases(file: str, kind: str, member: str = "result") -> list[Any]:
    """Each test of the groups of one type, with its group; only those that have ``member``."""
    groups = json.loads((FOLDER / file).read_text())["testGroups"]
    tests = [(group, test) for group in groups if group["type"] == kind for test in group["tests"]]
    return [
        pytest.param(group, test, id=f"{test['tcId']} {test['comment']}") for group, test in tests if member in test
    ]
