"""Addresses in one normal form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.mail.domain import in_ascii_lower_case, normalise, to_ascii
from tests.support.processes.clocked import hostile, in_time


@pytest.mark.parametrize(
    "address,normal",
    [
        ("jane@example.org", "jane@example.org"),
        ("Jane.Doe@EXAMPLE.org", "jane.doe@example.org"),
        ("jane+tag@example.org", "jane@example.org"),
        ("jane+a+b@example.org", "jane@example.org"),
        ("+jane@example.org", "+jane@example.org"),
        ("+jane+tag@example.org", "+jane@example.org"),
        ("jane@example.org.", "jane@example.org"),
        ("jane@BÜCHER.example", "jane@xn--bcher-kva.example"),
        ("jane@xn--bcher-kva.example", "jane@xn--bcher-kva.example"),
        ("jane@stra\u00dfe.example", "jane@xn--strae-oqa.example"),
        ("jane@\uff45\uff58ample\u3002org", "jane@example.org"),
        ("jane@under_score.example", "jane@under_score.example"),
        ("o'brien%x!y@example.org", "o'brien%x!y@example.org"),
    ],
)
def test_address_has_one_normal_form(address: str, normal: str) -> None:
    """Tags are dropped, ASCII is lower-cased, the domain becomes A-labels (UTS 46, non-transitional)."""
    assert normalise(address) == normal


@pytest.mark.parametrize(
    "address",
    [
        "",
        "jane",
        "@example.org",
        "jane@",
        "jane@.",
        "jane@..",
        "jane@example.org..",
        "jane@example.org\u3002.",
        '"jane"@example.org',
        "jane@[192.0.2.1]",
        "jürgen@example.org",
        "ja\u212ane@example.org",
        "a@b@example.org",
        "jane doe@example.org",
        ".jane@example.org",
        "jane.@example.org",
        "ja..ne@example.org",
        "jane@exa mple.org",
        "jane@exa\u00admple\udc80.org",
        "jane@\ufffd.org",
        "jane\n@example.org",
    ],
)
def test_what_has_no_normal_form_stays_unbound(address: str) -> None:
    """Quoted and non-ASCII local parts, address literals, and what is no address."""
    assert normalise(address) is None


@given(st.text(max_size=80) | st.from_regex(r"[a-zA-Z+.]{1,9}@[a-zA-Z.ÄßéK。-]{1,20}", fullmatch=True))
def test_any_text_has_one_normal_form_or_none(address: str) -> None:
    """No text makes it fail; the form is ASCII, lower case, and its own normal form."""
    normal = normalise(address)
    if normal is not None:
        assert normal == normal.lower()
        assert normal.isascii()
        assert normalise(normal) in (normal, None) or "+" in normal


@given(st.text(st.characters(), max_size=60))
def test_any_text_is_a_domain_or_none(name: str) -> None:
    """Lone surrogates, which pass for undecodable octets, too."""
    found = to_ascii(name)
    assert found is None or (found.isascii() and found == found.lower())


@pytest.mark.parametrize(
    "address,fits",
    [
        (f"a@{'b' * 249}.org", True),
        (f"a@{'b' * 249}.org.", True),
        (f"a@{'b' * 250}.org", False),
        (f"{'a' * 66}@{'b' * 249}.org", True),
        (f"{'a' * 67}@{'b' * 249}.org", False),
        ("a@" + ".".join(["\u65e5" * 20] * 4), True),
        ("a@" + ".".join(["\u65e5" * 21] * 4), False),
        ("a@" + "\u65e5" * 59 + ".example", True),
        ("a@" + "\u65e5" * 60 + ".example", False),
        ("a@" + "\ufdfa" * 20 + ".example", False),
    ],
)
def test_length_comes_before_anything_else(address: str, fits: bool) -> None:
    """320 octets for an address, 253 for a domain, 59 characters for a label: also what UTS 46 makes longer."""
    assert (normalise(address) is not None) is fits


def test_letters_outside_ascii_keep_their_case() -> None:
    """What is compared with a word of ours is folded in ASCII alone."""
    assert in_ascii_lower_case("AZaz09+\u212a\u0130\u017f") == "azaz09+\u212a\u0130\u017f"


@pytest.mark.parametrize("piece", ["a", "+", ".", "@", "é", "é.", "日本", "\udc80"])
def test_hostile_address_costs_little(piece: str) -> None:
    """256 KiB of one thing, as local part and as domain."""
    with in_time():
        normalise(hostile(piece) + "@example.org")
        normalise("a@" + hostile(piece))
