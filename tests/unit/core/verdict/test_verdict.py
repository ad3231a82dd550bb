"""What the client hears, for every reason."""

import re

import pytest

from reply_milter.core.verdict.answer import Action, SmtpReply
from reply_milter.core.verdict.reasons import INVALID, MALFORMED_MESSAGE, MISSPELT, Reason, expired_reply, reply_for
from reply_milter.core.verdict.verdict import Defer, Discard, Reject, refusal
from tests.support.fakes import NOW

REPLIES = [*map(reply_for, Reason), INVALID, MISSPELT, MALFORMED_MESSAGE, expired_reply(NOW, "https://example.com/x")]
LONGEST_URL = "https://" + "x" * 200
BEFORE_A_GOOD_CHECKSUM = (Reason.MALFORMED, Reason.FORGED, Reason.REVOKED)


@pytest.mark.parametrize("reply", REPLIES, ids=str)
def test_text_is_safe_for_libmilter_and_smtp(reply: SmtpReply) -> None:
    """One line of at most 200 visible ASCII octets, without ``%``: libmilter takes it as a format string."""
    assert re.fullmatch(r"[ -$&-~]{1,200}", reply.text)
    assert "\r" not in str(reply)


def test_longest_url_leaves_the_reply_within_a_line() -> None:
    """RFC 5321 section 4.5.3.1.5: 512 octets with code and CRLF."""
    assert len(str(expired_reply(NOW, LONGEST_URL))) + 2 <= 512


@pytest.mark.parametrize("reply", REPLIES, ids=str)
def test_code_and_enhanced_code_are_of_one_class(reply: SmtpReply) -> None:
    """RFC 3463: the first digits agree."""
    assert re.fullmatch(r"[45][0-9][0-9]", reply.code)
    assert re.fullmatch(r"[45]\.\d{1,3}\.\d{1,3}", reply.enhanced)
    assert reply.code[0] == reply.enhanced[0]


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("action", [Action.REJECT, Action.DEFER, Action.DISCARD])
def test_code_fits_the_verdict(reason: Reason, action: Action) -> None:
    """A Reject is a 5xx, a Defer a 4xx, whatever the standing words are; and the reason stays."""
    found = refusal(action, reason, reply_for(reason))
    assert found.reason is reason
    match found:
        case Reject():
            assert (found.reply.code[0], action) == ("5", Action.REJECT)
        case Defer():
            assert found.reply.code[0] == found.reply.enhanced[0] == "4"
        case Discard():
            assert action is Action.DISCARD


@pytest.mark.parametrize(
    "reason,start",
    [
        (Reason.MALFORMED, "550 5.7.1 "),
        (Reason.NOT_ALONE, "452 4.5.3 "),
        (Reason.FORGED, "550 5.7.1 "),
        (Reason.THROTTLED, "451 4.7.1 "),
        (Reason.REVOKED, "550 5.7.1 "),
        (Reason.STORE_UNAVAILABLE, "451 4.3.0 "),
        (Reason.TOO_LARGE, "552 5.3.4 "),
        (Reason.DUPLICATE, "550 5.7.1 This message was already received"),
        (Reason.REPLAYED, "550 5.7.1 This message was already received"),
    ],
)
def test_answer_is_the_published_one(reason: Reason, start: str) -> None:
    """Codes that the contract names."""
    assert str(reply_for(reason)).startswith(start)


def test_misspelt_recipient_has_a_code_of_its_own() -> None:
    """A bad mailbox syntax: RFC 3463 section 3.2."""
    assert str(MISSPELT).startswith("550 5.1.3 ")


def test_no_answer_tells_which_check_a_forger_failed() -> None:
    """Malformed, forged and revoked read the same."""
    assert {str(reply_for(reason)) for reason in BEFORE_A_GOOD_CHECKSUM} == {str(INVALID)}


def test_expired_tells_the_day_and_where_to_go_on() -> None:
    """The day in UTC; the URL may be missing."""
    assert expired_reply(NOW, "").text == "This reply address expired on 2026-01-01"
    assert expired_reply(NOW - 1, "https://example.com/x").text.endswith("2025-12-31; see https://example.com/x")


def test_deferring_keeps_the_words() -> None:
    """A policy of defer changes the code, not the text of the reply."""
    found = refusal(Action.DEFER, Reason.LOOP, reply_for(Reason.LOOP))
    assert isinstance(found, Defer)
    assert str(found.reply) == f"451 4.7.1 {reply_for(Reason.LOOP).text}"


def test_reasons_are_words_for_metrics_and_headers() -> None:
    """Lower-case words with underscores."""
    assert all(re.fullmatch(r"[a-z_]+", reason) for reason in Reason)
