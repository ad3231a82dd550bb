"""Keys, and what is computed with them."""

import hmac
from dataclasses import replace
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.encoding.tlv import tlv
from reply_milter.core.mail.message_id import write
from reply_milter.core.token.keyring import Keyring, KeyState, MasterKey, UserKey, derive
from reply_milter.core.token.token import Token, TokenText, parse
from tests.support.fakes import KEYRING, REALM, minted

OLD = MasterKey("old", KeyState.VERIFY, b"o" * 32)
NEW = MasterKey("new", KeyState.ACTIVE, b"n" * 32)
USER_KEY = UserKey("k", b"u" * 32)


def signed(master: MasterKey, realm: str = REALM, user: int = 42, length: int = 26) -> TokenText:
    """A GLOB of ``user`` under ``master``."""
    made = Token(user, 1, 2, 3)
    found = parse(made.unsigned() + derive(realm, master, user).checksum(made, length), length)
    assert found is not None
    return found


@given(st.binary(min_size=32, max_size=32), st.lists(st.text(max_size=100) | st.binary(max_size=200), max_size=4))
def test_digests_are_hmacs(secret: bytes, parts: list[str | bytes]) -> None:
    """Again and again with one key, and its second digest does not depend on the first."""
    key = UserKey("k", secret)
    expected = hmac.digest(secret, tlv(*parts), "sha256")
    assert [key.digest(*parts), key.digest(b"other"), key.digest(*parts)] == [
        expected,
        hmac.digest(secret, tlv(b"other"), "sha256"),
        expected,
    ]


def test_every_live_key_verifies() -> None:
    """The active one and those that only verify; the key that fits is named."""
    ring = Keyring(REALM, (OLD, NEW))
    for master in (OLD, NEW):
        found = ring.verify(signed(master))
        assert found is not None
        assert found.master_id == master.id


def test_retired_key_verifies_nothing() -> None:
    """It is kept for the record."""
    ring = Keyring(REALM, (replace(OLD, state=KeyState.RETIRED), NEW))
    assert ring.verify(signed(OLD)) is None
    assert [key.id for key in ring.live()] == ["new"]


def test_live_keys_are_tried_newest_first() -> None:
    """The newest is the likeliest."""
    assert [key.id for key in Keyring(REALM, (OLD, NEW)).live()] == ["new", "old"]


def test_only_the_active_key_mints() -> None:
    """Wherever it stands among the others."""
    ring = Keyring(REALM, (replace(NEW, state=KeyState.ACTIVE), OLD))
    assert ring.minting_key(42) == derive(REALM, NEW, 42)


def test_token_does_not_move_between_realms() -> None:
    """The realm is part of every key."""
    assert Keyring("other", (NEW,)).verify(signed(NEW)) is None


def test_token_does_not_move_between_users() -> None:
    """The user is part of every key, beside being signed."""
    genuine = signed(NEW)
    stolen = genuine._replace(token=genuine.token._replace(user=43))
    assert Keyring(REALM, (NEW,)).verify(stolen) is None


def test_checksum_covers_its_length() -> None:
    """So the first characters of a long checksum are no short one."""
    made = Token(42, 1, 2, 3)
    assert not USER_KEY.checksum(made, 26).startswith(USER_KEY.checksum(made, 16))


def test_checksum_covers_every_field() -> None:
    """A change of any one gives another checksum."""
    made = Token(42, 1, 2, 3, 4)
    others = [made._replace(**{name: 9}) for name in ("user", "handler", "issued", "context", "sender", "version")]
    assert len({USER_KEY.checksum(each, 26) for each in (made, *others)}) == 7


def test_sender_tag_is_never_zero() -> None:
    """0 means unbound: among a hundred thousand addresses some three would have it."""
    tags = {USER_KEY.sender(f"user{number}@example.org") for number in range(100_000)}
    assert 0 not in tags
    assert max(tags) < 1 << 15


def test_thread_digest_has_55_bits() -> None:
    """It fills the context and nothing beside it."""
    digests = [USER_KEY.thread(f"{number}@example.org") for number in range(1000)]
    assert max(digests).bit_length() == 55


def test_digests_for_different_purposes_differ() -> None:
    """Thread, sender, token id, message and content of one text never meet."""
    text = "same@example.org"
    found = [USER_KEY.token_id(text), USER_KEY.message_id_tag(text, ""), USER_KEY.content_tag(text, b"", b"", b"")]
    assert len(set(found)) == 3
    assert USER_KEY.thread(text) >> 40 != USER_KEY.sender(text)


def test_ids_are_13_characters() -> None:
    """Half an id each."""
    assert len(USER_KEY.token_id("x")) == len(USER_KEY.message_id_tag("x", "y")) == 13
    assert len(USER_KEY.content_tag("x", b"", b"", b"")) == 13


def test_token_id_does_not_show_the_token() -> None:
    """It goes into logs."""
    token_text = minted().address[6:].split("@")[0]
    shown = KEYRING.minting_key(42).token_id(token_text)
    assert shown not in token_text


def test_secrets_are_not_shown() -> None:
    """Secrets appear neither in a traceback nor in a log line."""
    assert "secret" not in repr(NEW) + repr(USER_KEY)
    assert "nnnn" not in repr(Keyring(REALM, (NEW,)))


def test_no_two_locators_and_times_give_the_same_digest_input() -> None:
    """The seed's plain concatenation could be spliced: .../2351 + 1220588887 is .../235 + 11220588887."""
    digits = "12205888871220588887"
    pairs = [(f"p/{digits[:cut]}", int(digits[cut:end])) for cut in range(1, 12) for end in range(cut + 1, 20)]
    pairs += [(f"p/{digits[:cut]}/{digits[cut:9]}", int(digits[9:])) for cut in range(1, 9)]
    assert len({tlv("thread", write(locator, seconds, "x", "reply.test")) for locator, seconds in pairs}) == len(
        set(pairs)
    )
    assert len({USER_KEY.thread(write(locator, seconds, "x", "d")) for locator, seconds in pairs}) == len(set(pairs))


def test_no_two_splits_of_a_text_give_the_same_input() -> None:
    """Each part is written behind its length."""
    text = "go-gitea/gitea/issue/2351/1220588887"
    splits = [(text[:one], text[one:two], text[two:]) for one, two in combinations(range(len(text) + 1), 2)]
    assert len({tlv(*parts) for parts in splits}) == len(splits)


@given(st.lists(st.binary(max_size=6), max_size=5), st.lists(st.binary(max_size=6), max_size=5))
def test_joined_parts_tell_where_they_were_joined(one: list[bytes], other: list[bytes]) -> None:
    """Different lists never give the same octets."""
    assert (tlv(*one) == tlv(*other)) is (one == other)


def test_text_is_joined_as_the_octets_that_it_came_from() -> None:
    """UTF-8, and what could not be decoded as it arrived."""
    assert tlv("é") == tlv("é".encode())
    assert tlv(b"\xff".decode("utf-8", "surrogateescape")) == tlv(b"\xff")
