"""Opening a reply: what a header without end costs. What a verdict says is tried in tests/unit/flows."""

import time

import pytest

from reply_milter.core.seal.sealed_reply import SealedReply, Undeliverable, open_reply
from tests.support.fakes import SEAL_KEY
from tests.support.hosts.hooked import sealed


@pytest.mark.parametrize(
    "line,reason",
    [
        (b"a:\r\n", Undeliverable.SEAL_MISSING),
        (b"X-Reply-Verdict: v=1\r\n", Undeliverable.SEAL_BROKEN),
        (b"X-Reply-Verdict: v=1;\r\n" + b" a\r\n" * 9, Undeliverable.SEAL_BROKEN),
    ],
)
def test_a_header_without_end_is_not_read_to_its_end(line: bytes, reason: Undeliverable) -> None:
    """Forty megabytes of fields took twenty seconds and gigabytes."""
    message = line * (40_000_000 // len(line)) + b"\r\nx"
    start = time.process_time()
    assert open_reply(message, (SEAL_KEY,)) is reason
    assert time.process_time() - start < 4


def test_a_large_body_and_a_long_header_are_opened() -> None:
    """The milter takes 256 KiB of fields, and whoever is on the way adds some."""
    head, _, body = sealed("Yes. " * 500_000).message.partition(b"\r\n\r\n")
    received = b"Received: from a by b; Tue, 24 Nov 2026 10:12:00 +0000\r\n" * 8000
    assert isinstance(open_reply(received + head + b"\r\n\r\n" + body, (SEAL_KEY,)), SealedReply)


@pytest.mark.parametrize(
    ("tags", "sound"),
    [
        ({"class": "wrapped", "original": "A" * 23}, True),
        ({"class": "bounce", "original": "-_" * 2750}, True),
        ({"class": "wrapped"}, False),
        ({"original": "A" * 23}, False),
        ({"class": "Wrapped", "original": "A" * 23}, False),
        ({"class": "other", "original": "A" * 23}, False),
        ({"class": "open", "original": "A" * 22}, False),
        ({"class": "open", "original": "A" * 5501}, False),
        ({"class": "open", "original": "A" * 22 + "+"}, False),
    ],
)
def test_a_class_and_an_original_come_together_and_in_their_form(tags: dict[str, str], sound: bool) -> None:
    """Whoever holds a seal key may have sealed something else."""
    message = sealed(key=SEAL_KEY, more="", **tags).message
    opened = open_reply(message, (SEAL_KEY,))
    if not sound:
        assert opened is Undeliverable.UNKNOWN_RESULT
        return
    assert isinstance(opened, SealedReply)
    assert (opened.road, opened.original) == (tags["class"], tags["original"])
