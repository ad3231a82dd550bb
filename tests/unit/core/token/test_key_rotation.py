"""How keys come and go, and what is known of the addresses that they minted."""

from reply_milter.core.token.key_rotation import NEVER, LastExpiry, add, last_expiry, promote
from reply_milter.core.token.keyring import KeyState, MasterKey

DAY = 86400
NOW = 1_800_000_000
SECRET = bytes(32)
ACTIVE = MasterKey("k1", KeyState.ACTIVE, SECRET)


def verifying(minted_until: int | None) -> MasterKey:
    """A key that only verifies."""
    return MasterKey("k2", KeyState.VERIFY, SECRET, minted_until)


def added(*ids: str, remembered: tuple[str, ...] = ()) -> str:
    """The id of a key that is added to others."""
    return add(tuple(MasterKey(identifier, KeyState.VERIFY, SECRET) for identifier in ids), SECRET, remembered)[-1].id


def test_an_id_is_given_away_once() -> None:
    """An id is not used again after its block was removed from the file, even if only the store remembers it."""
    assert added("k1") == "k2"
    assert added("k2") == "k3", "k1 was another key"
    assert added("k1", remembered=("k1", "k7", "old")) == "k8"
    assert added("old", "k3x", "k99999999999") == "k1", "names that people gave"


def test_a_key_that_never_minted_has_no_last_address() -> None:
    """It was added by the command, which says so."""
    (_, new) = add((ACTIVE,), SECRET, ())
    assert new.minted_until == NEVER
    assert last_expiry(new, NOW, 90, was_used=False) == LastExpiry(None, known=True)


def test_the_last_address_of_a_key_expires_when_its_validity_ends() -> None:
    """Counted from its last moment as the key that mints, and from now while it is that."""
    assert last_expiry(ACTIVE, NOW, 90, was_used=True) == LastExpiry(NOW + 90 * DAY, known=True)
    old, _ = promote((ACTIVE, verifying(NEVER)), "k2", NOW - DAY)
    assert last_expiry(old, NOW, 90, was_used=True) == LastExpiry(NOW + 89 * DAY, known=True)


def test_where_nobody_wrote_it_down_the_latest_possible_is_reported() -> None:
    """A file written by hand; and a key of ours whose state was changed by hand, which its use shows."""
    unknown = LastExpiry(NOW + 90 * DAY, known=False)
    assert last_expiry(verifying(None), NOW, 90, was_used=False) == unknown
    assert last_expiry(verifying(NEVER), NOW, 90, was_used=True) == unknown
