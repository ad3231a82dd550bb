"""Which address of a mailbox's message is ours: the provider's field above the topmost Received, or To and Cc."""

import pytest

from reply_milter.core.fetching.recipients import Known, Recipients, recipients
from reply_milter.core.verdict.handler import Handlers
from tests.support.fakes import FORM, FORUM, ISSUE, KEYRING, NOW, minted

KNOWN = Known(FORM, KEYRING, Handlers.of([ISSUE, FORUM]), NOW)
RECEIVED = ("Received", " from a by b")
GENUINE = minted().address
OTHER = minted(user=7).address
FORGED = GENUINE.replace(GENUINE[GENUINE.index("@") - 4 : GENUINE.index("@")], "aaaa")


def found(field: str, *fields: tuple[str, str]) -> Recipients:
    """Look into a header."""
    return recipients(fields, field, KNOWN)


@pytest.mark.parametrize("name", ["delivered-to", "x-delivered-to", "x-original-to", "envelope-to"])
def test_the_field_above_received_names_the_recipient(name: str) -> None:
    """Whatever its case, with brackets or without, behind other trace fields."""
    path = ("Return-Path", " <jane@example.org>")
    for value in (f" {GENUINE}", f" <{GENUINE}>", f"{GENUINE}"):
        assert found(name, path, (name.title(), value), RECEIVED) == Recipients((GENUINE,))


def test_below_received_everything_may_be_the_senders() -> None:
    """Also where the provider wrote no such field."""
    assert not found("delivered-to", RECEIVED, ("Delivered-To", f" {GENUINE}"))
    assert not found("delivered-to", ("Received-SPF", " pass"), RECEIVED, ("Delivered-To", f" {GENUINE}"), RECEIVED)


def test_without_a_received_nothing_is_the_providers() -> None:
    """A message that somebody put there by IMAP."""
    assert not found("delivered-to", ("Delivered-To", f" {GENUINE}"), ("From", " jane@example.org"))


def test_to_and_cc_prove_nothing_and_a_token_does() -> None:
    """Wherever they stand, in lists and groups; a copy of an address is no second one, in any case of letters."""
    lists = ("To", f" team: jane@example.org, <{GENUINE}>;, reply@reply.test"), ("CC", f" {GENUINE.upper()}")
    assert found("", RECEIVED, *lists) == Recipients((GENUINE,))
    assert not found("", RECEIVED, ("Bcc", f" {GENUINE}"), ("X-To", f" {GENUINE}"), ("Subject", f" {GENUINE}"))


def test_forgeries_beside_a_genuine_address_do_not_count() -> None:
    """They would take a reply away. Alone, one of them is judged, and refused."""
    assert found("", ("To", f" {FORGED}, {GENUINE}, jane@example.org")) == Recipients((GENUINE,))
    assert found("", ("To", f" {FORGED}, jane@example.org")) == Recipients((FORGED,))


def test_several_genuine_addresses_are_all_judged() -> None:
    """The milter's flow refuses the second one."""
    assert found("", ("To", f" {GENUINE}"), ("Cc", f" {OTHER}")) == Recipients((GENUINE, OTHER))


@pytest.mark.parametrize(
    "value", ["reply@reply.test", "reply+news@reply.test", "jane@example.org", "", "@", "reply+@reply.test", "<>"]
)
def test_what_has_no_tokens_form_is_not_ours(value: str) -> None:
    """Such as mail to the bare mailbox, which people read."""
    assert not found("delivered-to", ("Delivered-To", value), RECEIVED)
    assert not found("", ("To", value))


def test_a_field_that_says_two_things_is_not_single() -> None:
    """Two fields, or two addresses in one; where nothing is ours, that matters to nobody."""
    both = ("Delivered-To", " jane@example.org"), ("Delivered-To", f" {GENUINE}")
    assert found("delivered-to", *both, RECEIVED) == Recipients((GENUINE,), is_single=False)
    one = ("Delivered-To", f" jane@example.org, {GENUINE}")
    assert found("delivered-to", one, RECEIVED) == Recipients((GENUINE,), is_single=False)


def test_thousands_of_addresses_cost_no_more() -> None:
    """Those beyond the bounds are not looked at."""
    crowd = ", ".join(f"u{number}@example.org" for number in range(5000))
    assert not found("", *[("To", f"{crowd}, {GENUINE}")] * 500)
