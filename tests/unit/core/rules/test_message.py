"""The checks of a message, in the contract's order."""

from collections.abc import Sequence
from typing import Any

import pytest

from reply_milter.core.mail.headers import FIELDS_LIMIT, OCTETS_LIMIT
from reply_milter.core.rules.authentication import Authentication
from reply_milter.core.rules.message import Message, SenderMatch, bindings, findings
from reply_milter.core.rules.thread import ThreadMatch
from reply_milter.core.token.mint import MintedAddress
from reply_milter.core.token.verify import Checked, Facts, check_token
from reply_milter.core.verdict.handler import Handler
from reply_milter.core.verdict.reasons import Reason
from tests.support.fakes import AUTHOR, FORM, FORUM, ISSUE, KEYRING, NOW, minted, rules

ANSWERED = minted()
LIMIT = 1000
FIELDS = {"from": [f" {AUTHOR}"], "message-id": [" <1@x>"], "in-reply-to": [f" <{ANSWERED.message_id}>"]}


def message(fields: dict[str, list[str]] | None = None, **changes: Any) -> Message:
    """A genuine reply to ANSWERED; ``fields`` over its own, an empty list to take one off."""
    merged: dict[str, Sequence[str]] = {name: values for name, values in (FIELDS | (fields or {})).items() if values}
    plain: dict[str, Any] = {"null_sender": False, "field_count": len(merged), "field_octets": 200, "size": 300}
    return Message(fields=merged, **plain | changes)


def checked(answered: MintedAddress = ANSWERED, handler: Handler = ISSUE) -> Checked:
    """The checked token of a minted address."""
    token_text = FORM.token_text(answered.address.split("@")[0])
    found = check_token(token_text, FORM.checksum_length, KEYRING, rules().handlers, NOW)
    assert isinstance(found, Checked)
    return found._replace(handler=handler)


def reasons(read: Message, token: Checked | None = None, facts: Facts | None = None) -> list[Reason]:
    """What there is to object to."""
    bound = bindings(read, token or checked(), facts, FORM, KEYRING, Authentication.NONE)
    return [finding.reason for finding in findings(read, bound, FORM, LIMIT)]


def test_genuine_reply_has_no_findings() -> None:
    """From the address that was written to, in reply to what was sent."""
    assert reasons(message()) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"from": []},
        {"from": [" "]},
        {"from": [f" {AUTHOR}", f" {AUTHOR}"]},
        {"from": [f" {AUTHOR}, {AUTHOR}"]},
        {"from": [f" Group: {AUTHOR}, b@x;"]},
        {"message-id": [" <1@x>", " <2@x>"]},
        {"date": [" a", " b"]},
        {"date": [" a", " a", " b"]},
        {"date": [" Mon, 1", " Mon,1"]},
        {"in-reply-to": [f" <{ANSWERED.message_id}>", f" <x@y> <{ANSWERED.message_id}>"]},
    ],
)
def test_doubled_or_missing_fields_that_name_a_message_are_malformed(fields: dict[str, list[str]]) -> None:
    """One From with one mailbox; at most one Message-ID, Date and In-Reply-To."""
    assert reasons(message(fields))[0] is Reason.MALFORMED


@pytest.mark.parametrize(
    "fields",
    [
        {"message-id": [" <1@x>", "<1@x> "]},
        {"date": [" Mon, 1\r\n\tJan", " Mon, 1\tJan", " Mon, 1\n\tJan"]},
        {"in-reply-to": [f" <{ANSWERED.message_id}>"] * 2},
    ],
)
def test_equal_twins_count_once(fields: dict[str, list[str]]) -> None:
    """Equal after unfolding, but for white space around: gateways add what is there already. All rules see one."""
    read = message(fields)
    assert reasons(read) == []
    assert all(len(read.fields[name]) == 1 for name in fields)


def test_two_from_are_two_authors_even_if_they_are_equal() -> None:
    """Who wrote it must be beyond doubt."""
    assert reasons(message({"from": [f" {AUTHOR}"] * 2}))[0] is Reason.MALFORMED


@pytest.mark.parametrize("octets,reasons_found", [(900, []), (901, [Reason.MALFORMED])])
def test_field_names_fit_a_line(octets: int, reasons_found: list[Reason]) -> None:
    """An MTA would break a longer one, on the way to the hook, into what is no field."""
    assert reasons(message(longest_name=octets)) == reasons_found


def test_our_own_address_is_seen_behind_many_domains_that_take_long() -> None:
    """Of those, 64 are looked at; ours in ASCII wherever it stands."""
    decoys = "".join(f"reply+x@{chr(0x4E00 + index)}.example," for index in range(500))
    assert Reason.LOOP in reasons(message({"reply-to": [f" {decoys} reply+x@{FORM.mint_domain}"]}))


def test_date_and_message_id_may_be_missing() -> None:
    """Some clients send none."""
    assert reasons(message({"message-id": [], "date": []})) == []


@pytest.mark.parametrize(
    "changes,malformed",
    [
        ({"field_count": FIELDS_LIMIT}, False),
        ({"field_count": FIELDS_LIMIT + 1}, True),
        ({"field_octets": OCTETS_LIMIT}, False),
        ({"field_octets": OCTETS_LIMIT + 1}, True),
    ],
)
def test_endless_header_is_malformed(changes: dict[str, Any], malformed: bool) -> None:
    """2,000 fields, 256 KiB."""
    assert (Reason.MALFORMED in reasons(message(**changes))) is malformed


@pytest.mark.parametrize("size,found", [(LIMIT, []), (LIMIT + 1, [Reason.TOO_LARGE])])
def test_message_may_be_as_large_as_configured(size: int, found: list[Reason]) -> None:
    """In octets, header and body."""
    assert reasons(message(size=size)) == found


@pytest.mark.parametrize(
    "read,found",
    [
        (message(null_sender=True), Reason.BOUNCE),
        (message({"content-type": [" multipart/report"]}), Reason.BOUNCE),
        (message({"auto-submitted": [" auto-replied"]}), Reason.AUTO_REPLY),
    ],
)
def test_mail_of_machines_is_found(read: Message, found: Reason) -> None:
    """Automatic replies and delivery reports."""
    assert reasons(read) == [found]


@pytest.mark.parametrize("name", ["sender", "reply-to"])
@pytest.mark.parametrize("value", [ANSWERED.address, f'"x" <{ANSWERED.address.upper()}>', f"a@b, {ANSWERED.address}"])
def test_own_address_as_author_is_a_loop(name: str, value: str) -> None:
    """In Sender or Reply-To, among others, in any case."""
    assert reasons(message({name: [value]})) == [Reason.LOOP]


def test_own_address_in_from_is_a_loop() -> None:
    """The author is then not the one we wrote to, either."""
    assert reasons(message({"from": [f" <{ANSWERED.address}>"]})) == [Reason.LOOP, Reason.SENDER_MISMATCH]


def test_findings_come_in_the_published_order() -> None:
    """The first one whose action is not accept decides."""
    fields = {
        "from": [f" <{ANSWERED.address}>", " b@x"],
        "auto-submitted": [" auto-replied"],
        "in-reply-to": [],
    }
    assert reasons(message(fields, null_sender=True, size=LIMIT + 1)) == [
        Reason.MALFORMED,
        Reason.TOO_LARGE,
        Reason.AUTO_REPLY,
        Reason.BOUNCE,
        Reason.LOOP,
        Reason.THREAD_ABSENT,
        Reason.SENDER_MISMATCH,
    ]


@pytest.mark.parametrize(
    "fields,match,found",
    [
        ({}, ThreadMatch.MATCH, []),
        ({"in-reply-to": [], "references": [f" <a@b> <{ANSWERED.message_id}>"]}, ThreadMatch.MATCH, []),
        ({"in-reply-to": [" <p/1@reply.test>"]}, ThreadMatch.MISMATCH, [Reason.THREAD_MISMATCH]),
        ({"in-reply-to": [" <a@b>"]}, ThreadMatch.ABSENT, [Reason.THREAD_ABSENT]),
        ({"in-reply-to": []}, ThreadMatch.ABSENT, [Reason.THREAD_ABSENT]),
    ],
)
def test_thread_is_found_in_reply_to_or_references(
    fields: dict[str, list[str]], match: ThreadMatch, found: list[Reason]
) -> None:
    """The digest of an id is what the token holds; an id of our form is another notification; else nothing is known."""
    assert bindings(message(fields), checked(), None, FORM, KEYRING, Authentication.NONE).thread.match is match
    assert reasons(message(fields)) == found


def test_integer_handler_binds_no_thread() -> None:
    """Its replies may be composed anew."""
    token = checked(minted(FORUM), FORUM)
    assert (
        bindings(message({"in-reply-to": []}), token, None, FORM, KEYRING, Authentication.NONE).thread.match
        is ThreadMatch.NONE
    )
    assert reasons(message({"in-reply-to": []}), token) == []


UNBOUND = minted(recipient="")


@pytest.mark.parametrize(
    "author,on_file,bound,match",
    [
        (AUTHOR, (), True, SenderMatch.MATCH),
        ("Jane <JANE+phone@Example.ORG.>", (), True, SenderMatch.MATCH),
        ("bob@example.org", (), True, SenderMatch.MISMATCH),
        ("bob@example.org", ("bob@example.org",), True, SenderMatch.MATCH),
        ("Bob+x@Example.org", ("bob@example.org",), False, SenderMatch.MATCH),
        (AUTHOR, ("bob@example.org",), True, SenderMatch.MISMATCH),
        (AUTHOR, ("bob@example.org", AUTHOR), True, SenderMatch.MATCH),
        (AUTHOR, ("bob@example.org",), False, SenderMatch.MISMATCH),
        (AUTHOR, (), False, SenderMatch.UNKNOWN),
        ('"jane"@example.org', (), True, SenderMatch.MISMATCH),
        ("a@b, c@d", (), True, SenderMatch.MISMATCH),
        ("", (), True, SenderMatch.MISMATCH),
        ("", (), False, SenderMatch.UNKNOWN),
    ],
)
def test_author_is_compared_with_file_and_token(
    author: str, on_file: tuple[str, ...], bound: bool, match: SenderMatch
) -> None:
    """Nothing on file and unbound: unknown. What is on file counts alone; the token speaks where nothing is."""
    token = checked(ANSWERED if bound else UNBOUND)
    read = message({"from": [author], "in-reply-to": [f"<{(ANSWERED if bound else UNBOUND).message_id}>"]})
    assert bindings(read, token, Facts(addresses=on_file), FORM, KEYRING, Authentication.NONE).sender is match


def test_missing_facts_leave_the_token_to_speak() -> None:
    """The store may be away."""
    assert bindings(message(), checked(), None, FORM, KEYRING, Authentication.NONE).sender is SenderMatch.MATCH


@pytest.mark.parametrize(
    "auth,asked,found",
    [
        (Authentication.PASS, True, []),
        (Authentication.FAIL, True, [Reason.AUTH_FAIL]),
        (Authentication.NONE, True, [Reason.AUTH_NONE]),
        (Authentication.NONE, False, []),
    ],
)
def test_silence_is_found_where_somebody_was_to_speak(auth: Authentication, asked: bool, found: list[Reason]) -> None:
    """Without an authserv_id no author is authenticated."""
    bound = bindings(message(), checked(), None, FORM, KEYRING, auth, asked)
    assert [finding.reason for finding in findings(message(), bound, FORM, LIMIT)] == found
