"""Whether a reply answers the notification that its address was minted for."""

import pytest

from reply_milter.core.mail.message_id import Thread
from reply_milter.core.rules.thread import ThreadFinding, ThreadMatch, bind, candidates
from tests.support.fakes import KEYRING, minted

ANSWERED = minted()
KEY = KEYRING.minting_key(42)
CONTEXT = ANSWERED.token.context
OURS = {"reply.test"}
ANOTHER = "project/issue/13/1767139200.y@reply.test"


def test_in_reply_to_comes_first_then_references_from_the_last() -> None:
    """The last of References is the message that was answered."""
    assert candidates("<a@x>", "<b@x> <c@x>") == ["a@x", "c@x", "b@x"]


def test_sixteen_ids_are_looked_at_in_all() -> None:
    """Each costs an HMAC."""
    many = " ".join(f"<{number}@x>" for number in range(40))
    assert candidates("<a@x>", many) == ["a@x", *(f"{number}@x" for number in range(39, 24, -1))]
    assert candidates(many, many) == [f"{number}@x" for number in range(16)]


def test_id_with_the_right_digest_matches() -> None:
    """Wherever it stands; it tells locator and replied-to."""
    for ids in ([ANSWERED.message_id], ["x@y", ANOTHER, ANSWERED.message_id]):
        found = bind(KEY, CONTEXT, ids, OURS)
        assert found == ThreadFinding(ThreadMatch.MATCH, Thread("project/issue/12", 1767139200, "reply.test"))


def test_application_may_keep_a_form_of_its_own() -> None:
    """The digest covers the whole id; nothing is read from it."""
    assert bind(KEY, KEY.thread("own.form@app"), ["own.form@app"], OURS) == ThreadFinding(ThreadMatch.MATCH)


def test_another_notification_of_ours_is_a_mismatch() -> None:
    """The address is used for what it was not made for."""
    assert bind(KEY, CONTEXT, ["x@y", ANOTHER], OURS).match is ThreadMatch.MISMATCH
    assert bind(KEY, CONTEXT, [ANOTHER.upper().replace("PROJECT", "p")], OURS).match is ThreadMatch.MISMATCH


def test_foreign_ids_and_none_are_absent() -> None:
    """Relays and mail programs lose threading headers."""
    assert bind(KEY, CONTEXT, [], OURS).match is ThreadMatch.ABSENT
    assert bind(KEY, CONTEXT, ["p/1@elsewhere.test", "not.of.our.form@reply.test"], OURS).match is ThreadMatch.ABSENT


def test_other_letter_case_is_another_id() -> None:
    """A Message-ID is compared octet by octet."""
    assert bind(KEY, CONTEXT, [ANSWERED.message_id.upper()], OURS).match is not ThreadMatch.MATCH


def test_octets_that_are_not_utf_8_are_hashed_as_they_came() -> None:
    """A raw octet in an id is no internal error."""
    assert bind(KEY, CONTEXT, ["a\udcff@b"], OURS).match is ThreadMatch.ABSENT


@pytest.mark.parametrize(
    "in_reply_to,references,found",
    [
        ("a@b", "", ["a@b"]),
        ("a@b, c@d", "", ["a@b", "c@d"]),
        ("", "a@b\r\n c@d,(e@f) g", ["c@d", "a@b"]),
        ("a@b", "<c@d> <e@f>", ["a@b", "e@f", "c@d"]),
        ("words a@b <c@d>", "", ["c@d"]),
        ("no id", "none (x@y)", []),
    ],
)
def test_ids_without_brackets(in_reply_to: str, references: str, found: list[str]) -> None:
    """Words with an @, and only where there is no bracket at all."""
    assert candidates(in_reply_to, references) == found


def test_ids_without_brackets_are_as_few() -> None:
    """Sixteen in all, of References the last."""
    many = " ".join(f"{number}@x" for number in range(100))
    assert candidates("", many) == [f"{number}@x" for number in range(99, 83, -1)]
    assert candidates(many, many) == [f"{number}@x" for number in range(84, 100)]
