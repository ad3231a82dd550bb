"""Pseudo-users: of which address, and what people are told of them."""

import pytest

from reply_milter.core.token.keyring import Keyring, KeyState, MasterKey
from reply_milter.core.wrapping.keys import pseudo_user
from reply_milter.core.wrapping.pseudo_users import pseudo_users_of, shown_user, stands_for

OLD, NEW, GONE = (
    MasterKey("k1", KeyState.VERIFY, b"1" * 32),
    MasterKey("k2", KeyState.ACTIVE, b"2" * 32),
    MasterKey("k0", KeyState.RETIRED, b"0" * 32),
)
KEYRING = Keyring("test", (GONE, OLD, NEW))


def test_an_address_has_one_under_each_live_key() -> None:
    """As the sign milter mints for it, whatever the case of its domain; none under a retired key."""
    found = pseudo_users_of("Jane@EXAMPLE.org", KEYRING)
    assert found == tuple(pseudo_user(key, "test", "Jane@example.org".lower()) for key in (NEW, OLD))
    assert found == pseudo_users_of("jane@example.org", KEYRING)


def test_it_is_proven_whom_one_stands_for() -> None:
    """By the number, and not by the order of what is on file."""
    new, old = pseudo_users_of("jane@example.org", KEYRING)
    on_file = ("jane@home.example", "jane@example.org")
    assert stands_for(new, KEYRING, on_file) == stands_for(old, KEYRING, on_file) == "jane@example.org"
    assert stands_for(new, KEYRING, on_file[:1]) == stands_for(42, KEYRING, on_file) == ""


@pytest.mark.parametrize(
    ("user", "words"),
    [((42, False), "42"), ((42, True), "(wrapped, 42)"), ((42, True, "a@b.example"), "(wrapped, for a@b.example)")],
)
def test_people_are_told_which_kind_it_is(user: tuple[int, bool], words: str) -> None:
    """A number alone is a real user's."""
    assert shown_user(*user) == words
