"""What an independent writer makes is read as it was meant, for any numbers; and nothing else is."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.native import gitea, gob, moodle
from reply_milter.core.native.forms import FORMS, is_genuine, reading_of
from reply_milter.core.native.known import Known
from tests.support.native_writers import gitea_token, gob_int, gob_octets, gob_uint, moodle_key

SECRETS = st.text("0123456789abcdef", min_size=1, max_size=32)
IDS = st.integers(1, (1 << 63) - 1)


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_integers_are_written_and_read_alike(value: int) -> None:
    """64 bits with a sign."""
    assert gob.write_int(value) == gob_int(value)
    assert gob.read(gob_int(value), 0, gob.INT) == (value, len(gob_int(value)))


@given(st.integers(0, (1 << 64) - 1), st.binary(max_size=300))
def test_other_values_are_written_and_read_alike(value: int, octets: bytes) -> None:
    """64 bits without a sign, and octets."""
    assert gob.write_uint(value) == gob_uint(value) and gob.write_octets(octets) == gob_octets(octets)
    assert gob.read(gob_uint(value), 0, gob.UINT) == (value, len(gob_uint(value)))
    assert gob.read(gob_octets(octets), 0, gob.OCTETS) == (octets, len(gob_octets(octets)))


@given(st.binary(max_size=60), st.sampled_from([gob.INT, gob.UINT, gob.OCTETS]))
def test_what_is_read_strictly_has_one_spelling(octets: bytes, kind: Literal[2, 3, 5]) -> None:
    """Whatever stands there; and what is read strictly is read loosely, too."""
    found = gob.read(octets, 0, kind)
    loosely = gob.read_loosely(octets, 0, kind)
    if found is None:
        return
    write = {gob.INT: gob.write_int, gob.UINT: gob.write_uint, gob.OCTETS: gob.write_octets}[kind]
    assert write(found.value) == octets[: found.end]  # type: ignore[operator]
    assert loosely == found


@given(IDS, SECRETS, st.integers(0, 1 << 40), IDS, st.integers(0, 1), st.booleans())
def test_tokens_of_gitea_and_forgejo(user: int, secret: str, expires: int, number: int, kind: int, fork: bool) -> None:
    """Taken with the user's secret and no other, under its own form and no other."""
    token = gitea_token(user, secret, expires, number, kind, forgejo=fork)
    reading = reading_of(FORMS["forgejo" if fork else "gitea"], token)
    assert reading.is_canonical and (reading.named.user, reading.named.last_second) == (user, expires)
    assert is_genuine(reading, Known(secret)) and not is_genuine(reading, Known(secret + "0"))
    assert not is_genuine(reading, None)
    assert gitea.parse(token, gitea.GITEA if fork else gitea.FORGEJO) is None


@given(IDS, IDS, st.integers(0, (1 << 63) - 1), SECRETS, SECRETS)
def test_addresses_of_moodle(handler: int, user: int, data: int, of_data: str, of_user: str) -> None:
    """Taken with both keys."""
    key = moodle_key(handler, user, data, of_data, of_user)
    reading = reading_of(FORMS["moodle"], key)
    assert (reading.named.handler, reading.named.user, reading.named.data) == (handler, user, data)
    assert is_genuine(reading, Known(of_user, data_secret=of_data))
    assert not is_genuine(reading, Known(of_user, data_secret=of_data + "0")) and moodle.parse(key[:-1]) is None


def test_a_data_key_that_is_not_there_makes_nothing_genuine() -> None:
    """A query may join no row, and return an empty one."""
    reading = reading_of(FORMS["moodle"], moodle_key(1, 42, 7, "", "a" * 32))
    assert not is_genuine(reading, Known("a" * 32, data_secret=""))


@pytest.mark.parametrize("form", list(FORMS))
@given(key=st.text(max_size=300))
def test_any_text_is_looked_up_and_checked_once(form: str, key: str) -> None:
    """Nobody hears, or times, which part of a key was wrong."""
    reading = reading_of(FORMS[form], key)
    assert not is_genuine(reading, None)
    assert reading.is_canonical <= (not reading.is_blank)


@given(st.data())
def test_one_changed_character_is_another_token(data: st.DataObject) -> None:
    """Or none."""
    token = gitea_token(42, "a" * 32, 1 << 31)
    place = data.draw(st.integers(0, len(token) - 1))
    changed = token[:place] + data.draw(st.characters(codec="ascii")) + token[place + 1 :]
    reading = reading_of(FORMS["gitea"], changed)
    good = reading.is_canonical and is_genuine(reading, Known("a" * 32) if reading.named.user == 42 else None)
    assert good == (changed == token)
