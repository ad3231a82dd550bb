"""What a wrapped address stands for: written, sealed away, opened by the right key for the right token alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.encoding.tlv import tlv, untlv
from reply_milter.core.token.keyring import Keyring, KeyState, MasterKey, derive
from reply_milter.core.wrapping import keys
from reply_milter.core.wrapping.plain import Plain, ThreadName, decode, encode

_ONE = MasterKey("k1", KeyState.ACTIVE, bytes(range(32)))
_OTHER = MasterKey("k2", KeyState.VERIFY, bytes(range(1, 33)))
_GLOB = "a" * 58
_TEXT = st.text(max_size=60).filter(lambda text: "\ud800" not in text)
_PLAINS = st.builds(Plain, _TEXT, _TEXT, st.none() | st.builds(ThreadName, _TEXT, _TEXT))


@given(_PLAINS)
def test_plain_comes_back(plain: Plain) -> None:
    """With and without a thread, whatever the texts are; and sealed and opened as well."""
    assert decode(encode(plain)) == plain
    sealed = keys.seal_capsule(_ONE, "r", _GLOB, plain)
    assert keys.open_capsule(_ONE, "r", _GLOB, sealed) == plain
    verdict = keys.seal_original(b"s" * 32, "i" * 26, "gitea", plain)
    assert keys.open_original([b"x" * 32, b"s" * 32], "i" * 26, "gitea", verdict) == plain


@given(st.binary(max_size=80))
def test_no_octets_break_the_readers(octets: bytes) -> None:
    """They give parts or None, and parts are what was joined."""
    parts = untlv(octets)
    assert parts is None or tlv(*parts) == octets
    decode(octets)
    assert keys.open_capsule(_ONE, "r", _GLOB, octets) is None


@pytest.mark.parametrize(
    ("master", "realm", "glob"), [(_OTHER, "r", _GLOB), (_ONE, "s", _GLOB), (_ONE, "r", "b" + _GLOB[1:])]
)
def test_a_capsule_opens_for_its_own_token_alone(master: MasterKey, realm: str, glob: str) -> None:
    """Not with another key, in another realm, or for another token."""
    sealed = keys.seal_capsule(_ONE, "r", _GLOB, Plain("a@b.example", "u@c.example"))
    assert keys.open_capsule(master, realm, glob, sealed) is None


def test_an_original_opens_for_its_own_reply_alone() -> None:
    """Not under another id, for another handler, or with a key that did not seal it."""
    sealed = keys.seal_original(b"s" * 32, "i" * 26, "gitea", Plain("a@b.example", "u@c.example"))
    assert keys.open_original([b"s" * 32], "j" * 26, "gitea", sealed) is None
    assert keys.open_original([b"s" * 32], "i" * 26, "moodle", sealed) is None
    assert keys.open_original([b"t" * 32], "i" * 26, "gitea", sealed) is None
    assert keys.open_original([b"s" * 32], "i" * 26, "gitea", sealed[:10]) is None


def test_a_pseudo_user_is_of_key_realm_and_recipient() -> None:
    """40 bits, the same each time, and another for each of the three."""
    one = keys.pseudo_user(_ONE, "r", "u@c.example")
    assert 0 <= one < 1 << 40
    assert one == keys.pseudo_user(_ONE, "r", "u@c.example")
    others = {
        keys.pseudo_user(_OTHER, "r", "u@c.example"),
        keys.pseudo_user(_ONE, "s", "u@c.example"),
        keys.pseudo_user(_ONE, "r", "v@c.example"),
    }
    assert len(others | {one}) == 4


def test_the_context_is_of_everything_that_is_sealed_away() -> None:
    """55 bits; another original, recipient or thread gives another."""
    key = derive("r", _ONE, 7)
    plain = Plain("a@b.example", "u@c.example", ThreadName("m@b.example", "[x #7]"))
    changed = [
        plain._replace(original="b@b.example"), plain._replace(recipient="v@c.example"),
        plain._replace(thread=None), plain._replace(thread=ThreadName("m@b.example", "[x #8]")),
    ]  # fmt: skip
    contexts = {keys.context_of(key, one) for one in (plain, *changed)}
    assert len(contexts) == 5
    assert all(0 <= context < 1 << 55 for context in contexts)


def test_only_a_live_key_is_found() -> None:
    """A retired one opens nothing any more."""
    retired = MasterKey("k0", KeyState.RETIRED, bytes(32))
    ring = Keyring("r", (retired, _OTHER, _ONE))
    assert ring.active is _ONE
    assert ring.master("k2") is _OTHER
    assert ring.master("k0") is None
