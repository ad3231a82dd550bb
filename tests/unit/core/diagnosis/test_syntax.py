"""Postfix's small languages."""

import pytest

from reply_milter.core.diagnosis.endpoint import Endpoint, parse
from reply_milter.core.diagnosis.postfix import milters, syntax


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a, b  c", ["a", "b", "c"]),
        ("inline:{ { a = b, c } { d = e } } hash:/x", ["inline:{ { a = b, c } { d = e } }", "hash:/x"]),
        ("{ unix:x, default_action=accept }, inet:h:1", ["{ unix:x, default_action=accept }", "inet:h:1"]),
        ("{ never closed", ["{ never closed"]),
        ("} a b", ["}", "a", "b"]),
    ],
)
def test_lists_are_split_outside_braces(text: str, expected: list[str]) -> None:
    """At commas and white space."""
    assert list(syntax.elements(text)) == expected


def test_restrictions_come_with_what_they_are_about() -> None:
    """A bare table is check_recipient_access of old; a policy service's address is no table."""
    text = "permit_mynetworks, check_policy_service unix:private/p, hash:/a check_recipient_access hash:/b, reject"
    assert list(syntax.restrictions(text)) == [
        ("permit_mynetworks", ""), ("check_policy_service", "unix:private/p"), ("check_recipient_access", "hash:/a"),
        ("check_recipient_access", "hash:/b"), ("reject", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "seconds"), [("10s", 10), ("5", 5), ("2m", 120), ("1h", 3600), ("", 30), ("x", 30)])
def test_times_have_units(text: str, seconds: int) -> None:
    """Seconds by themselves; nonsense gives the default."""
    assert syntax.seconds(text, 30) == seconds


def test_milters_are_read_with_their_options() -> None:
    """Braces, and braces inside braces."""
    plain, rich = milters.read("inet:localhost:8891, { local:x/y, { default_action = accept }, command_timeout=5s }")
    assert (plain.place, plain.options) == (Endpoint(host="localhost", port="8891"), {})
    assert rich.place == Endpoint(path="x/y")
    assert rich.options == {"default_action": "accept", "command_timeout": "5s"}
    assert rich.setting("default_action", {"milter_default_action": "tempfail"}) == "accept"
    assert plain.setting("default_action", {"milter_default_action": "tempfail"}) == "tempfail"
    assert milters.read("{ }")[0].place is None


@pytest.mark.parametrize(
    ("written", "listening", "same"),
    [
        ("unix:rm/v.sock", Endpoint(path="/q/rm/v.sock"), True),
        ("unix:/q/rm/v.sock", Endpoint(path="/q/rm/v.sock"), True),
        ("unix:rm/v.sock", Endpoint(path="/var/rm/v.sock"), False),
        ("inet:localhost:1", Endpoint(host="127.0.0.1", port="1"), True),
        ("inet:[::1]:1", Endpoint(host="::1", port="1"), True),
        ("inet:localhost:2", Endpoint(host="127.0.0.1", port="1"), False),
        ("inet:192.0.2.1:1", Endpoint(host="127.0.0.1", port="1"), False),
        ("inet:192.0.2.1:1", Endpoint(host="::", port="1"), True),
        ("inet:localhost:1", Endpoint(path="/q/rm/v.sock"), False),
        ("unix:rm/v.sock", Endpoint(host="127.0.0.1", port="1"), False),
    ],
)
def test_an_entry_reaches_us_or_not(written: str, listening: Endpoint, same: bool) -> None:
    """However it is spelled."""
    place = parse(written)
    assert place is not None
    assert place.reaches(listening, "/q") is same
