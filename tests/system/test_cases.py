"""Every row of the contract's sections 4 and 5 through a real Postfix and a real Sendmail: one text file a case."""

from pathlib import Path

import pytest

from tests.support.hosts.site_under_test import Site
from tests.system.case_file import Conversation, runs_on
from tests.system.observed_case import Observed

pytestmark = pytest.mark.system

_CASES = sorted((Path(__file__).parent / "cases").glob("*.case"))
_FIXTURES = {"postfix": "site", "sendmail": "sendmail_site"}
_BOTH = [(mta, case) for mta in _FIXTURES for case in _CASES if runs_on(case.read_text(), mta)]


@pytest.mark.parametrize("mta,case", _BOTH, ids=[f"{mta}-{case.stem}" for mta, case in _BOTH])
def test_case(request: pytest.FixtureRequest, mta: str, case: Path) -> None:
    """What the file's first comment says."""
    host: Site = request.getfixturevalue(_FIXTURES[mta])
    Conversation(host, case.stem).run(case.read_text())


@pytest.mark.parametrize("case", _CASES, ids=lambda path: path.stem)
def test_case_in_observe_mode(observing_site: Site, case: Path) -> None:
    """Nothing is refused; header and metric say what enforce would have done, and nothing for what it takes."""
    Observed(observing_site, case.stem).run(case.read_text())


@pytest.mark.parametrize("mta", _FIXTURES)
def test_there_are_cases(mta: str) -> None:
    """An empty folder would pass everything, and so would one whose cases are for the other MTA alone."""
    assert len([name for name, _ in _BOTH if name == mta]) >= 30
