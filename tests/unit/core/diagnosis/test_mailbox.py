"""Mailboxes that replies are fetched from."""

from dataclasses import replace

import pytest

from reply_milter.core.diagnosis.mailbox import MailboxFacts, Survey, examine

_ALL = Survey(move=True, uidplus=True, idle=True, keywords=True)
_GOOD = MailboxFacts(name="gmail", deletes=True, wants_idle=True, by_to=False, authserv_id="mx.google.com", survey=_ALL)


def test_a_good_mailbox_has_no_problem() -> None:
    """Nothing to say."""
    assert list(examine(_GOOD)) == []


@pytest.mark.parametrize(
    "facts,checks,word",
    [
        (replace(_GOOD, survey=Survey(refused="wrong password")), ["imap.refused"], "wrong password"),
        (replace(_GOOD, survey=Survey(unavailable="no route")), ["imap.unavailable"], "no route"),
        (replace(_GOOD, survey=replace(_ALL, move=False)), [], ""),
        (replace(_GOOD, survey=replace(_ALL, uidplus=False)), ["imap.deletion"], "moved in place"),
        (replace(_GOOD, deletes=False, survey=replace(_ALL, uidplus=False)), [], ""),
        (replace(_GOOD, survey=replace(_ALL, uidplus=False, move=False)), ["imap.removal"], "$ReplyMilter"),
        (
            replace(_GOOD, survey=replace(_ALL, uidplus=False, move=False, keywords=False)),
            ["imap.removal"],
            "only remembered",
        ),
        (replace(_GOOD, survey=replace(_ALL, idle=False)), ["imap.idle"], "IDLE"),
        (replace(_GOOD, wants_idle=False, survey=replace(_ALL, idle=False)), [], ""),
        (replace(_GOOD, survey=replace(_ALL, missing=("A/B",))), ["imap.folder"], '"A/B"'),
        (replace(_GOOD, by_to=True), ["imap.recipient"], "Cc"),
        (replace(_GOOD, authserv_id=""), ["imap.authserv_id"], "DKIM"),
    ],
)
def test_what_is_missing_is_said(facts: MailboxFacts, checks: list[str], word: str) -> None:
    """With the mailbox's name."""
    found = list(examine(facts))
    assert [problem.check for problem in found] == checks
    assert all("gmail" in problem.what and word in problem.what for problem in found)
