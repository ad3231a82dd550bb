"""Mailboxes of From, Sender and Reply-To."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_text.syntax.mailbox import Mailbox, mailboxes, named
from tests.support.processes.clocked import hostile, in_time


@pytest.mark.parametrize(
    "value,found",
    [
        (" jane@example.org", ["jane@example.org"]),
        (" Jane Doe <jane@example.org>", ["jane@example.org"]),
        (' "Doe, Jane" <jane@example.org>', ["jane@example.org"]),
        (" Doe, Jane <jane@example.org>", ["jane@example.org"]),
        (' "bob@example.net" <jane@example.org>', ["jane@example.org"]),
        (" bob@example.net <jane@example.org>", ["jane@example.org"]),
        (' "a \\" <bob@example.net>" <jane@example.org>', ["jane@example.org"]),
        (" jane@example.org (Jane, bob@example.net)", ["jane@example.org"]),
        (" Jane (<bob@example.net>) <jane@example.org>", ["jane@example.org"]),
        (" Jane <jane@example.org> (at work)", ["jane@example.org"]),
        (" < jane@example.org >", ["jane@example.org"]),
        (" a@b, c@d", ["a@b", "c@d"]),
        (" <a@b> <c@d>", ["a@b", "c@d"]),
        (" <a@b><c@d>", ["a@b", "c@d"]),
        (" Friends: a@b, C <c@d>;", ["a@b", "c@d"]),
        (" undisclosed-recipients:;", []),
        (' "jane"@example.org', ['"jane"@example.org']),
        ("", []),
        (" Jane", []),
        (" <>", []),
        (" =?utf-8?q?a=40b?= <jane@example.org>", ["jane@example.org"]),
    ],
)
def test_addresses_are_found_behind_names_and_comments(value: str, found: list[str]) -> None:
    """RFC 5322 section 3.4, and what real clients write instead."""
    assert mailboxes(value) == found


@pytest.mark.parametrize(
    "value,names",
    [
        (" Jane Doe <jane@example.org>", ["Jane Doe"]),
        (' "Doe, Jane" <jane@example.org>', ["Doe, Jane"]),
        (' "a \\"b\\" c"\n  d <jane@example.org>', ['a "b" c d']),
        (" jane@example.org", [""]),
        (" <jane@example.org>", [""]),
        (" Jane <a@b>, Joe <c@d>; <e@f>", ["Jane", "Joe", ""]),
        (" Friends: Jane <a@b>;", ["Jane"]),
        (" =?utf-8?q?J=C3=BC?= <a@b>", ["=?utf-8?q?J=C3=BC?="]),
    ],
)
def test_names_belong_to_their_addresses(value: str, names: list[str]) -> None:
    """Unquoted, on one line, not decoded."""
    assert [mailbox.name for mailbox in named(value)] == names
    assert mailboxes(value) == [mailbox.address for mailbox in named(value)]
    assert Mailbox("", "") not in named(value)


@pytest.mark.parametrize("value", ["<a@b", '"a" <a@b', "Jane <jane@example.org> bob@example.net <c@d>", "a@b\\"])
def test_broken_value_is_read_as_something(value: str) -> None:
    """Unclosed brackets and stray text: an address at least is seen."""
    assert mailboxes(value)


def test_at_most_1000_are_looked_at() -> None:
    """From may hold one."""
    assert len(mailboxes(",".join(["a@b"] * 2000))) == 1000


@pytest.mark.parametrize(
    "value,address",
    [
        ("Alice <alice @ client.example>", "alice@client.example"),
        ("reply\r\n @\treply.example.com", "reply@reply.example.com"),
        ("a . b @ c . example", "a.b@c.example"),
        ("Jane <@a.b:jane@example.org>", "jane@example.org"),
    ],
)
def test_white_space_and_routes_of_old_forms_go(value: str, address: str) -> None:
    """RFC 5322 section 4.4: a sender may not have us see another address than mail programs do."""
    assert mailboxes(value) == [address]


_TEXT = st.text(st.sampled_from('ab@<>()",;:.\\ \r\n\t[]é\udc80') | st.characters(), max_size=300)


@given(_TEXT)
def test_blanks_go_as_they_would_one_by_one(text: str) -> None:
    """A reference that is slow and plain: blanks next to an @ or a dot, until there are none."""
    plain = f"a{text}".translate(dict.fromkeys(map(ord, '<>()",;:\\\r\n\t')))  # an address alone, with spaces
    slow = plain
    while (shorter := slow.replace(" @", "@").replace("@ ", "@").replace(" .", ".").replace(". ", ".")) != slow:
        slow = shorter
    expected = slow.strip()
    assert mailboxes(f"<{plain}>") == ([expected] if expected else [])


@given(_TEXT)
def test_any_value_is_a_list_of_mailboxes(value: str) -> None:
    """No text makes it fail; none that is found is empty."""
    assert all(found == found.strip() != "" for found in mailboxes(value))


@pytest.mark.parametrize(
    "piece", ["(", ")", "<", ">", '"', "\\", ",", ",<", "<a@b>", "a@b,", ":", ";", '"\\', "()", " ", "a", "@"]
)
def test_hostile_value_costs_little(piece: str) -> None:
    """256 KiB of one thing, also behind something that opens."""
    for opening in ("", '"', "(", "<"):
        with in_time():
            mailboxes(opening + hostile(piece))
