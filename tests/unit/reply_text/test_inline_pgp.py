"""Inline OpenPGP (RFC 9580 section 7): armour goes, words stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_text import read
from reply_text.inline_pgp import without_armour
from reply_text.lines import of_text, text_of
from tests.support.content_under_test import message

_BEGIN = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = (
    "-----BEGIN PGP SIGNATURE-----\nVersion: GnuPG v2\nComment: Using GnuPG\n\niHUEARYKAB0=\n=abcd\n"
    "-----END PGP SIGNATURE-----"
)
_FOLDED = (
    "-----BEGIN PGP SIGNATURE-----\nComment: Using GnuPG with Mozilla -\nhttp://enigmail.mozdev.org/\n\nabcd\n"
    "-----END PGP SIGNATURE-----"
)
_BARE = "-----BEGIN PGP SIGNATURE-----\n\niHUEARYKAB0=\n=abcd\n-----END PGP SIGNATURE-----"


def _unarmoured(text: str) -> str:
    return text_of(without_armour(of_text(text)))


@pytest.mark.parametrize(
    "text,bare",
    [
        (f"{_BEGIN}\nHash: SHA512\n\nYes.\n{_SIGNATURE}", "Yes."),
        (f"{_BEGIN}\n\nYes.\n{_BARE}", "Yes."),
        (f"{_BEGIN}\nYes.\n{_BARE}", "Yes."),
        (f"{_BEGIN}\nHash: SHA1\nCharset: utf-8\n\n\nYes.\n\n{_BARE}\n", "\nYes.\n\n"),
        (f"{_BEGIN}\nHash: SHA1\n\n- - one\n- -- \n- -----x\n-y\n{_BARE}", "- one\n-- \n-----x\n-y"),
        (f"{_BEGIN}\nNotDashEscaped: You need GnuPG\n\n- one\n{_BARE}", "- one"),
        (f"Above.\n\n{_BEGIN}\n\nYes.\n{_SIGNATURE}\n\nBelow.", "Above.\n\nYes.\n\nBelow."),
        (f"{_BEGIN}\n\na\n{_BARE}\nb\n{_BEGIN}\n\nc\n{_BARE}", "a\nb\nc"),
        (f"{_BEGIN}  \nHash: SHA1\n\nYes.\n{_BARE} ", "Yes."),
        (f"{_BEGIN}\n\nYes.\n{_FOLDED}", "Yes."),
        ("No armour\n- at all", "No armour\n- at all"),
        ("", ""),
    ],
)  # fmt: skip
def test_armour_goes_and_dashes_are_as_they_were_written(text: str, bare: str) -> None:
    """Its lines, their fields, and the escapes; what stands around it stays."""
    assert _unarmoured(text) == bare


@pytest.mark.parametrize(
    "text",
    [
        f"{_BEGIN}\nHash: SHA1\n\n- one",
        f"{_BEGIN}\n\n- one\n-----BEGIN PGP SIGNATURE-----\n\nabcd",
        f"{_BEGIN}\n\n- one\n-----BEGIN PGP SIGNATURE-----\n\nMy own words.\n-----END PGP SIGNATURE-----",
        f"{_BEGIN}\n\n- one\n-----BEGIN PGP SIGNATURE-----\n"
        + "word one\n" * 13
        + "\nabcd\n-----END PGP SIGNATURE-----",
        f"{_BEGIN}\n\n- one\n-----BEGIN PGP SIGNATURE-----\n\n" + "abcd\n" * 200 + "-----END PGP SIGNATURE-----",
        _BARE,
        f"> {_BEGIN}\n>\n> - - one\n" + "\n".join(f"> {line}" for line in _BARE.split("\n")),
    ],
)
def test_armour_that_is_not_whole_stays(text: str) -> None:
    """The author's words may stand within it; quoted armour goes with its quote."""
    assert _unarmoured(text) == text


def test_a_text_that_is_begun_anew_is_the_last_one() -> None:
    """A line that begins armour can't stand within armour unescaped."""
    assert _unarmoured(f"{_BEGIN}\n\na\n{_BEGIN}\n\n- - b\n{_BARE}") == f"{_BEGIN}\n\na\n- b"


def test_what_is_signed_is_stripped_as_any_other_text() -> None:
    """Quote, attribution, and the signature with its dashes; ``text`` keeps the armour for who verifies it."""
    quote = "On 26.11.2026 15:41, Shop wrote:\n> Hello\n"
    octets = message(f"{_BEGIN}\nHash: SHA512\n\nYes.\n\n{quote}\n- -- \nJane\n{_SIGNATURE}\n")
    content = read(octets)
    assert (content.stripped, content.flaws) == ("Yes.", frozenset())
    assert content.text.startswith(_BEGIN) and "- -- \nJane" in content.text


_LINES = st.sampled_from(
    [_BEGIN, *_SIGNATURE.split("\n"), *_BARE.split("\n"), "Hash: SHA1", "", "- - a", "- -- ", "own words", "> quoted"]
)


@given(st.lists(_LINES, max_size=30))
def test_nothing_but_armour_goes(lines: list[str]) -> None:
    """In whatever order its lines stand."""
    kept = iter(_unarmoured("\n".join(lines)).split("\n"))
    words = {"- - a": ("- - a", "- a"), "- -- ": ("- -- ", "-- ")}
    for line in lines:
        if line in ("- - a", "- -- ", "own words", "> quoted"):
            assert any(left in words.get(line, (line,)) for left in kept)
