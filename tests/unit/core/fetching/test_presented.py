"""A mailbox's message, as the milter's flow reads it and as the hook gets it."""

import pytest

from reply_milter.core.fetching.presented import Fetched, sealed
from reply_milter.core.mail.headers import Insert

OURS = [Insert("X-Reply-Verdict", "v=1;\n\tseal=x")]


def message(*lines: str, body: str = "Yes.\r\n") -> Fetched:
    """Take a message apart."""
    return Fetched.read("".join(f"{line}\r\n" for line in [*lines, ""]).encode() + body.encode())


def test_only_the_topmost_results_are_presented() -> None:
    """The sender may have written the others, in the provider's name."""
    first, second = "Authentication-Results: mx.test; dkim=fail", "authentication-results: mx.test; dkim=pass"
    fields = list(message(first, "From: a@b.test", second).presented())
    assert fields == [("Authentication-Results", "mx.test; dkim=fail"), ("From", "a@b.test")]


@pytest.mark.parametrize(
    "line,sender",
    [
        ("Return-Path: <jane@example.org>", "<jane@example.org>"),
        ("Return-Path:<>", "<>"),
        ("Return-Path: jane", ""),
        ("Return-Path: <a b>", ""),
        (f"Return-Path: <{'x' * 600}>", ""),
        ("From: jane@example.org", ""),
    ],
)
def test_the_sender_is_the_return_path(line: str, sender: str) -> None:
    """Empty for what is none: then nothing is said of the envelope."""
    assert message(line).sender == sender


def test_the_seal_stands_on_top_of_the_same_octets() -> None:
    """Folding, blanks and odd octets of all other fields stay."""
    given = message("Subject:no blank", "X-Odd :  two\t ", " folded", body="line\nother\r\n")
    assert sealed(given, OURS) == b"X-Reply-Verdict: v=1;\r\n\tseal=x\r\n" + given.octets


def test_foreign_verdicts_are_removed() -> None:
    """Wherever they stand."""
    given = message("X-Reply-Verdict: v=1", "From: a@b.test", "x-reply-verdict: v=1;", " more", "Subject: Re: x")
    wanted = b"X-Reply-Verdict: v=1;\r\n\tseal=x\r\nFrom: a@b.test\r\nSubject: Re: x\r\n\r\nYes.\r\n"
    assert sealed(given, OURS) == wanted


def test_no_line_of_an_mbox_hides_the_seal() -> None:
    """A header ends at a line that is no field."""
    given = message("From jane Thu Jan  1 00:00:00 2026", "From: a@b.test")
    assert sealed(given, OURS).startswith(b"X-Reply-Verdict: v=1;\r\n\tseal=x\r\nFrom: a@b.test\r\n\r\n")
