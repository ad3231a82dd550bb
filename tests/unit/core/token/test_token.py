"""The token: its fields, its one spelling, and that no single edit of an address passes."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.token import token
from reply_milter.core.token.address import ReplyAddress, classify
from reply_milter.core.token.token import EPOCH, Token, issued_minutes, parse
from reply_milter.core.token.verify import Checked, check_token
from tests.support.fakes import FORM, KEYRING, NOW, minted, rules
from tests.support.processes.clocked import hostile, in_time

# One with a k, an s and an i in it, so that U+212A, U+017F and U+0131 meet the letters that they fold to.
ADDRESS = next(
    made.address
    for made in (minted(user=0xABCDEF0123, locator=f"project/{number}") for number in range(1000))
    if {"k", "s", "i"} <= set(made.address.split("@")[0][6:])
)
GLOB = ADDRESS.removeprefix("reply+").removesuffix("@reply.test")
N = FORM.checksum_length
HANDLERS = rules().handlers

# Letters that fold or normalise to ASCII, digits that are decimal to Python, and what MTAs pass undecoded.
FOREIGN = "\u212a\u017f\u0131\u0130\u00df\u00e9\u0430\u2028\u00a0\ufeff\udc80\udcff" + "".join(
    map(chr, range(0xFF10, 0xFF1A))
)
FOREIGN += "\uff41\u0661\u00b2\U0001d7d8"
CHARACTERS = "".join(map(chr, range(128))) + FOREIGN


def passes(token_text: str) -> bool:
    """Whether a recipient with this GLOB is taken as a reply address with a good checksum."""
    found = classify(FORM, f"<reply+{token_text}@reply.test>", None)
    if not isinstance(found, ReplyAddress):
        return False
    return isinstance(check_token(FORM.token_text(found.local), N, KEYRING, HANDLERS, NOW), Checked)


def substitutions(text: str) -> Iterator[str]:
    """Every text that differs in one place."""
    for place in range(len(text)):
        yield from (text[:place] + character + text[place + 1 :] for character in CHARACTERS)


def insertions(text: str) -> Iterator[str]:
    """Every text with one more character."""
    for place in range(len(text) + 1):
        yield from (text[:place] + character + text[place:] for character in CHARACTERS)


def deletions(text: str) -> Iterator[str]:
    """Every text with one character less."""
    return (text[:place] + text[place + 1 :] for place in range(len(text)))


def swaps(text: str) -> Iterator[str]:
    """Every text with two neighbours exchanged."""
    return (text[:at] + text[at + 1] + text[at] + text[at + 2 :] for at in range(len(text) - 1))


@pytest.mark.parametrize("edit", [substitutions, insertions, deletions, swaps])
def test_no_single_edit_passes_but_another_letter_case(edit: Callable[[str], Iterator[str]]) -> None:
    """All of them, not a sample: one spare bit in 58 characters would be one of some eighteen thousand edits."""
    assert passes(GLOB)
    wrong = [text for text in edit(GLOB) if passes(text) is not (text.isascii() and text.lower() == GLOB)]
    assert wrong == []


def test_upper_case_is_the_same_token() -> None:
    """Relays fold local parts; the parsed text is the one lower-case spelling."""
    upper, lower = parse(GLOB.upper(), N), parse(GLOB, N)
    assert upper == lower
    assert upper is not None
    assert upper.text == GLOB


def test_fields_come_back_as_they_were_written() -> None:
    """User, handler, minute of issue, context, sender; the version is 1."""
    found = parse(GLOB, N)
    assert found is not None
    assert (found.token.user, found.token.handler, found.token.version) == (0xABCDEF0123, 1, 1)
    assert found.token.issued_at == NOW - 86400
    assert found.checksum == GLOB[32:]


TOKENS = st.builds(
    Token,
    user=st.integers(0, token.USER_LIMIT - 1),
    handler=st.integers(0, token.HANDLER_LIMIT - 1),
    issued=st.integers(0, token.ISSUED_LIMIT - 1),
    context=st.integers(0, token.CONTEXT_LIMIT - 1),
    sender=st.integers(0, token.SENDER_LIMIT - 1),
    version=st.just(token.VERSION),
)


@given(TOKENS, st.integers(16, 26))
def test_any_token_survives_writing_and_reading(made: Token, length: int) -> None:
    """Every field over its whole range, at every checksum length."""
    found = parse(made.unsigned() + "a" * length, length)
    assert found is not None
    assert found.token == made


@given(st.text(max_size=80) | st.text(st.sampled_from("0123456789abcdef234567zZ\u212a"), min_size=58, max_size=58))
def test_any_text_is_a_token_or_none(text: str) -> None:
    """No text makes it fail; what is read writes itself again."""
    found = parse(text, N)
    assert found is None or found.token.unsigned() + found.checksum == text.lower()


@pytest.mark.parametrize("version", [0, 2, 31])
def test_other_versions_are_no_tokens(version: int) -> None:
    """What a later version may mean is not guessed at."""
    assert parse(Token(1, 1, 1, 1, version=version).unsigned() + "a" * N, N) is None


@pytest.mark.parametrize("length", [n for n in range(60) if n != N])
def test_no_other_checksum_length_is_read(length: int) -> None:
    """A shorter checksum is no second spelling."""
    assert parse(GLOB[:32] + "a" * length, N) is None


def test_key_octets_are_right_aligned() -> None:
    """110 bits in 14 octets, the version on top behind two zero bits."""
    assert Token(0, 0, 0, 0).key_octets() == bytes([0b00000010]) + bytes(13)
    assert Token(0, 0, 0, 0, sender=1).key_octets()[-1] == 1


def test_time_is_counted_in_whole_minutes_since_2025() -> None:
    """Rounded down; never modular, also before the epoch."""
    assert [issued_minutes(EPOCH + seconds) for seconds in (-1, 0, 59, 60)] == [-1, 0, 0, 1]
    assert Token(0, 0, 3, 0).issued_at == EPOCH + 180


def test_validity_is_counted_in_days_from_the_issue() -> None:
    """The end is the first second that is too late."""
    assert Token(0, 0, 1, 0).expires_at(90) == EPOCH + 60 + 90 * 86400
    assert Token(0, 0, token.ISSUED_LIMIT - 1, 0).expires_at(36500) > EPOCH + 60 * token.ISSUED_LIMIT


@pytest.mark.parametrize("piece", ["a", "0", "é", "\x00"])
def test_hostile_token_costs_little(piece: str) -> None:
    """256 KiB of one thing."""
    with in_time():
        assert parse(hostile(piece), N) is None
