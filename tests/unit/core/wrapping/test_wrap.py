"""A wrapped application: which addresses are its own, and until when they pass."""

import pytest

from reply_milter.core.token.address import RESERVED
from reply_milter.core.wrapping.pattern import parse
from reply_milter.core.wrapping.presets import PRESETS
from reply_milter.core.wrapping.wrap import Wrap

_KEY = "[a-z]{8,12}"


def _wrap(address: str, until: int | None = 0) -> Wrap:
    key = _KEY if "{key}" in address else ""
    return Wrap(PRESETS["generic"], parse(address, key), frozenset({"app@x.test"}), native_passes_until=until)


@pytest.mark.parametrize(
    "address,native,foreign",
    [
        (
            "in+{key}@x.test",
            ["in+abcdefgh", "IN+ABCDEFGH", "in", "In", "in+", "in+anything at all", "in+a+b", "in+postmaster"],
            ["i", "inx", "in-abcdefgh", "in.x", "xin+abcdefgh", "", "in@x.test"],
        ),
        ("in-{key}@x.test", ["in-abcdefgh", "in", "in-", "in-a", "in+a"], ["in.a", "inn"]),
        ("in{key}@x.test", ["inabcdefgh", "in", "In", "in+x"], ["inx", "in-"]),
        ("{key}@x.test", ["abcdefgh", "ABCDEFGH"], ["abcdefg", "abcdefgh+", "", "+abcdefgh"]),
        ("+{key}@x.test", ["+abcdefgh"], ["", "+", "+a"]),
        ("team+in_{key}@x.test", ["team+in_abcdefgh", "team+in", "team+in_a", "team", "team+a"], ["tea", "team-a"]),
        ("{any}-confirm+{key}@x.test", ["a-confirm+a", "a-confirm", "A-b-Confirm+"], ["-confirm", "a", "a-confirmx"]),
        ("{key}-reply@x.test", ["abcdefgh-reply"], ["reply", "-reply", "a-reply"]),
        ("bugs@x.test", ["bugs", "Bugs", "bugs+new"], ["bug", "bugs-new", "bugsx", "bugs."]),
        ("{any}@x.test", ["a", "a-b"], [*RESERVED, "Postmaster", "a b", ""]),
    ],
)
def test_native_addresses(address: str, native: list[str], foreign: list[str]) -> None:
    """A whole match, or the mailbox alone, or with its delimiter and anything behind; in any case."""
    wrap = _wrap(address)
    assert [local for local in native if not wrap.native_form(local, "X.Test.")] == []
    assert [local for local in foreign if wrap.native_form(local, "x.test")] == []
    assert not any(wrap.native_form(local, "y.test") for local in native)


@pytest.mark.parametrize("local", ["\u212ait+x", "\u017fkit", "\uff53kit"])
def test_letters_that_fold_to_ascii_are_native_too(local: str) -> None:
    """An MTA that folds U+212A or U+017F would deliver them; fullwidth letters it would not."""
    wrap = _wrap("kit+{key}@x.test") if local[0] == "\u212a" else _wrap("skit+{key}@x.test")
    assert wrap.native_form(local, "x.test") == (local[0] != "\uff53")


def test_what_is_longer_than_an_address_is_none() -> None:
    """320 octets with the @."""
    wrap = _wrap("in+{key}@x.test")
    assert wrap.native_form("in+" + "a" * 310, "x.test")
    assert not wrap.native_form("in+" + "a" * 311, "x.test")


@pytest.mark.parametrize("until,passes", [(0, False), (None, True), (99, False), (100, False), (101, True)])
def test_native_addresses_pass_until_a_moment(until: int | None, passes: bool) -> None:
    """One in the past means that they are refused."""
    assert _wrap("in+{key}@x.test", until).passes(100) is passes


def test_an_address_without_key_is_for_everybody() -> None:
    """The varying part is no key."""
    assert [_wrap(one).is_for_everybody for one in ("bugs@x.test", "{any}-bugs@x.test", "{key}@x.test")] == [
        True,
        True,
        False,
    ]
