"""Something tried as another user: what it tells, and that it never goes on in a second process."""

import os

import pytest

from reply_milter.adapters.os import file_facts
from reply_milter.adapters.os.as_account import told_as

NOBODY = file_facts.account("nobody")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@as_root
def test_it_is_done_as_that_user_in_a_process_of_its_own() -> None:
    """Ours stays as it is."""
    assert NOBODY is not None
    told = told_as(NOBODY, lambda: f"{os.geteuid()} {os.getpid()} \u00e4")
    user, process, letter = told.split()
    assert (int(user), letter) == (NOBODY.user, "\u00e4") and int(process) != os.getpid()
    assert os.geteuid() == 0


@as_root
def test_an_accident_there_is_told_and_stays_there() -> None:
    """It is no good answer, either."""
    ours = os.getpid()

    def fails() -> str:
        assert os.getpid() == ours, "elsewhere"
        return ""

    assert told_as(NOBODY, fails) == "it could not be tried as nobody"


def test_without_an_account_it_is_done_as_who_we_are() -> None:
    """As for a user who is not root."""
    assert told_as(None, lambda: str(os.getpid())) == str(os.getpid())
