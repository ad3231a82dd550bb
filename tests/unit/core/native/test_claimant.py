"""Who answers through a native address. The source is the application's own, so any text may be an address there."""

import json
from dataclasses import replace

import pytest

from reply_milter.core.mail.domain import normalise
from reply_milter.core.native.claimant import checked, claimant
from reply_milter.core.native.forms import FORMS
from reply_milter.core.native.known import Known, UserLine, read_line
from reply_milter.core.wrapping.keys import pseudo_user
from tests.support.fakes import AUTHOR, KEYRING, NOW
from tests.support.wrapping import gitea

NAMED = FORMS["gitea"].blank


def known(*addresses: str) -> Known:
    """What a line with those addresses says."""
    line = read_line(json.dumps({"id": 1, "secret": "0" * 32, "addresses": addresses}))
    assert isinstance(line, UserLine)
    return line.known


@pytest.mark.parametrize(
    "addresses,asked",
    [
        ((AUTHOR,), AUTHOR),
        (("Jane+Tag@Example.ORG",), AUTHOR),
        (("Alice <alice@client.example>", AUTHOR), AUTHOR),
        (("mallory@client.example, bob@client.example", AUTHOR), AUTHOR),
        (("mallory@client.example\r\nBcc: bob@client.example", AUTHOR), AUTHOR),
        (("alice@mallory.example,x", "alice@mallory.example>", AUTHOR), AUTHOR),
        (("@client.example", "alice", "-", " "), ""),
        (('"quoted local"@client.example', "alice@[192.0.2.1]"), ""),
        ((), ""),
    ],
)
def test_only_an_address_is_asked(addresses: tuple[str, ...], asked: str) -> None:
    """A question goes to the first one that is plain: what is none might make another recipient, or another field."""
    found = claimant("incoming+x@git.example.com", NAMED, known(*addresses), gitea())
    assert (found.recipient, len(found.addresses)) == (asked, len(addresses))


def test_the_user_is_the_one_that_wrapped_notifications_of_that_address_have() -> None:
    """So what is revoked for it holds for both; without an address it is the application's number."""
    realm, key = KEYRING.realm, KEYRING.active
    for addresses, name in ((("x y", AUTHOR), AUTHOR), (("x y",), "1"), ((), "1")):
        token = checked(NAMED, known(*addresses), gitea(), KEYRING, NOW).token
        assert token.user == pseudo_user(key, realm, name)


def test_without_bind_sender_nobody_is_asked_and_anybody_may_answer() -> None:
    """As the operator wants it."""
    handler = gitea()
    assert handler.wrap is not None
    free = replace(handler, wrap=replace(handler.wrap, bind_sender=False))
    found = claimant("incoming+x@git.example.com", NAMED, known(AUTHOR), free)
    assert (found.addresses, found.recipient) == ((), "")


@pytest.mark.parametrize("text", ["\u212aate@client.example", "\ud800@client.example", "A B@client.example", "a@b@"])
def test_what_is_no_address_is_no_authors(text: str) -> None:
    """A letter that only looks like K in lower case, half a character: no author is ever compared as equal to it."""
    (address,) = known(text).addresses
    assert normalise(address) is None
    assert known(text).main_address == ""
