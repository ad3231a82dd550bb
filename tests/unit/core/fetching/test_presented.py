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


GMAIL = "Received: from a.example (a.example [192.0.2.1]) by mx.google.com with ESMTPS id d9443c01a7336si for <x@y>;"
LMTP = "Received: from mx.test by mail.test with LMTP\r\n id q2lLAbCd (envelope-from <a@b>); Sat, 21 Nov 2026"
POSTFIX = "Received: from id (id [192.0.2.1])\r\n by mx.test (Postfix) with ESMTP id 4F2c1kZz;\r\n Sat, 21 Nov 2026"
THEIRS = "Received: from phone by smtp.client.example with ESMTPSA id 4AAAAAAAAA; Sat, 21 Nov 2026 12:00:00 +0000"


@pytest.mark.parametrize(
    "lines,is_added",
    [
        ((GMAIL, "Message-ID: <65.170a.SMTPIN_ADDED_MISSING@mx.google.com>"), True),
        ((GMAIL, "message-id:<d9443c01a7336si@mx.google.com>"), True),
        ((LMTP, POSTFIX, "Message-Id: <20261121120000.4F2c1kZz@mx.test>"), True),
        ((POSTFIX, "Message-Id: <20261121120000.4F2c1kZz@mx.test>"), True),
        ((GMAIL, "Message-ID: <1@client.example>"), False),
        ((LMTP, POSTFIX, THEIRS, "Message-ID: <4AAAAAAAAA@smtp.client.example>"), False),
        (("Received: by mx.test id 7", "Message-ID: <7@client.example>"), False),
        (("Received: by mx.test id", "Message-ID: <id@client.example>"), False),
        (("Message-ID: <4F2c1kZz@mx.test>",), False),
    ],
)
def test_a_message_id_that_the_provider_added_is_not_presented(lines: tuple[str, ...], is_added: bool) -> None:
    """Each copy of a message without one gets another; so the message is named by its content."""
    names = [name.lower() for name, _ in message(*lines, "From: a@b.test").presented()]
    assert ("message-id" not in names, names[-1]) == (is_added, "from")


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
