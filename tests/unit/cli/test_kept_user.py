"""Whose a kept message is: no pseudo-user is taken for a real one."""

import pytest

from reply_milter.cli.kept_user import user_members, user_words
from reply_milter.core.verdict.handler import Handlers
from tests.support.fakes import ISSUE
from tests.support.wrapping import gitea

HANDLERS = Handlers.of([ISSUE, gitea()])


@pytest.mark.parametrize(
    ("user", "handler", "words", "members"),
    [
        (42, "issue", "42", {"user": 42, "pseudo_user": None}),
        (0, "issue", "0", {"user": 0, "pseudo_user": None}),
        (None, "", "-", {"user": None, "pseudo_user": None}),
        (42, "gone", "42", {"user": 42, "pseudo_user": None}),
        (42, "gitea", "(wrapped, 42)", {"user": None, "pseudo_user": 42}),
        (0, "gitea", "-", {"user": None, "pseudo_user": None}),
    ],
)
def test_whose_a_kept_message_is(user: int | None, handler: str, words: str, members: dict[str, int | None]) -> None:
    """In words, and in JSON."""
    assert user_words(user, handler, HANDLERS) == words
    assert user_members(user, handler, HANDLERS) == members
