"""Every row of the contract's sections 4 and 5 through a real Postfix: one text file a case."""

from pathlib import Path

import pytest
from case_file import Conversation

from site_under_test import Site

pytestmark = pytest.mark.system

_CASES = sorted((Path(__file__).parent / "cases").glob("*.case"))


@pytest.mark.parametrize("case", _CASES, ids=lambda path: path.stem)
def test_case(site: Site, case: Path) -> None:
    """What the file's first comment says."""
    Conversation(site, case.stem).run(case.read_text())


def test_there_are_cases() -> None:
    """An empty folder would pass everything."""
    assert len(_CASES) >= 30
