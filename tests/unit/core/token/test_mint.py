"""Making reply addresses."""

from dataclasses import replace
from typing import Any

import pytest

from reply_milter.core.token import token
from reply_milter.core.token.mint import MintedAddress, MintError
from reply_milter.core.token.token import CONTEXT_LIMIT, EPOCH, USER_LIMIT
from reply_milter.core.token.verify import Checked, check_token
from reply_milter.core.verdict.handler import Handler
from tests.support.fakes import AUTHOR, FORM, FORUM, ISSUE, KEYRING, NOW, minted, rules

LAST_MINUTE = EPOCH + 60 * (token.ISSUED_LIMIT - 1)


def verified(made: MintedAddress, now: int = NOW) -> Checked:
    """What a verifier reads."""
    token_text = FORM.token_text(made.address.split("@")[0])
    found = check_token(token_text, FORM.checksum_length, KEYRING, rules().handlers, now)
    assert isinstance(found, Checked)
    return found


def test_minted_address_verifies() -> None:
    """It says what was asked for."""
    made = minted(user=42, now=NOW)
    found = verified(made)
    assert found.token == made.token
    assert (found.token.user, found.handler, found.expires_at) == (42, ISSUE, made.expires)
    assert made.expires == NOW + 90 * 86400


def test_local_part_fills_its_64_octets_in_lower_case() -> None:
    """RFC 5321 section 4.5.3.1.1; one spelling."""
    local = minted().address.split("@")[0]
    assert len(local) == 64
    assert local == local.lower()


def test_locator_makes_a_message_id_of_the_recommended_form() -> None:
    """With the time and something unique, at the domain that mints."""
    assert minted(locator="a/b", now=NOW, unique="k3f9").message_id == f"a/b/{NOW}.k3f9@reply.test"


def test_message_id_may_be_given_with_or_without_brackets() -> None:
    """The digest covers what stands between them."""
    for given in ("<own.form@app.example>", " own.form@app.example "):
        made = minted(locator="", message_id=given)
        assert made.message_id == "own.form@app.example"
        assert made.token.context == KEYRING.minting_key(42).thread("own.form@app.example")


@pytest.mark.parametrize("given", ["<a@b", "a@b>", "<<a@b>>", ">a@b<"])
def test_half_a_pair_of_brackets_is_no_message_id(given: str) -> None:
    """Nobody could say which id a reply would repeat; the libraries in other languages refuse them, too."""
    with pytest.raises(MintError, match="Message-ID"):
        minted(locator="", message_id=given)


def test_integer_context_travels_as_it_is() -> None:
    """Up to 55 bits; there is no Message-ID then."""
    made = minted(FORUM, context=CONTEXT_LIMIT - 1)
    assert (made.token.context, made.message_id) == (CONTEXT_LIMIT - 1, "")


def test_recipient_is_bound_in_its_normal_form() -> None:
    """Another spelling of the same address gives the same tag."""
    tag = KEYRING.minting_key(42).sender(AUTHOR)
    assert minted(recipient="Jane+x@EXAMPLE.org").token.sender == minted().token.sender == tag


@pytest.mark.parametrize("recipient", ["", '"jane"@example.org', "jürgen@example.org", "jane@[192.0.2.1]"])
def test_what_has_no_normal_form_stays_unbound(recipient: str) -> None:
    """The sender field is 0."""
    assert minted(recipient=recipient).token.sender == 0


REFUSED: list[tuple[Handler, dict[str, Any], str]] = [
    (ISSUE, {"user": -1}, "user id"),
    (ISSUE, {"user": USER_LIMIT}, "user id"),
    (ISSUE, {"now": EPOCH - 1}, "2025-01-01"),
    (ISSUE, {"now": LAST_MINUTE + 60}, "2088"),
    (replace(ISSUE, enabled=False), {}, "disabled"),
    (ISSUE, {"locator": "a//b"}, "locator"),
    (ISSUE, {"locator": "", "message_id": ""}, ""),
    (ISSUE, {"locator": "", "message_id": "no at sign"}, "Message-ID"),
    (ISSUE, {"locator": "", "message_id": "<noat>"}, "Message-ID"),
    (ISSUE, {"locator": "", "message_id": "<a@b> <c@d>"}, "Message-ID"),
    (ISSUE, {"locator": "", "message_id": "<a@" + "b" * 998 + ">"}, "Message-ID"),
    (ISSUE, {"context": 1}, "thread"),
    (FORUM, {"context": None}, "context"),
    (FORUM, {"context": -1}, "context"),
    (FORUM, {"context": CONTEXT_LIMIT}, "context"),
    (FORUM, {"locator": "a"}, "number"),
    (FORUM, {"message_id": "<a@b>"}, "number"),
    (ISSUE, {"recipient": "jane"}, "recipient"),
    (ISSUE, {"recipient": "Jane <jane@example.org>"}, "recipient"),
]


@pytest.mark.parametrize("handler,order,word", REFUSED)
def test_what_can_not_be_minted_is_refused_in_words(handler: Handler, order: dict[str, Any], word: str) -> None:
    """Out of range, malformed, or of the wrong kind: the message says what to ask for."""
    with pytest.raises(MintError) as refused:
        minted(handler, **order)
    assert word in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("order", [{"user": 0}, {"user": USER_LIMIT - 1}, {"now": EPOCH}, {"now": LAST_MINUTE + 59}])
def test_ends_of_the_ranges_are_inside(order: dict[str, Any]) -> None:
    """User 0 and 2^40-1; the first minute of 2025 and the last of the 25 bits."""
    made = minted(**order)
    assert verified(made, made.token.issued_at).token == made.token
