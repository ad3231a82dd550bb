"""Addresses to be asked of an MTA: one of each kind that reaches an application's mailbox."""

import pytest

from reply_milter.core.verdict.handler import Handler, Handlers
from reply_milter.core.wrapping.native import find_direct
from reply_milter.core.wrapping.presets import PRESETS
from reply_milter.core.wrapping.samples import delimiters, mailbox_names, sample_addresses
from tests.support.wrapped_mail import handler_of
from tests.support.wrapping import gitea


@pytest.mark.parametrize(
    ("preset", "names", "behind"),
    [
        ("gitea", ("incoming",), "+"),
        ("zulip", (), ""),
        ("redmine", ("redmine",), "+"),
        ("mailman", (), ""),
        ("chatwoot", ("reply",), "+"),
    ],
)
def test_the_mailbox_is_named(preset: str, names: tuple[str, ...], behind: str) -> None:
    """Where something stands before the key that has one spelling."""
    wrap = handler_of(preset).wrap
    assert wrap is not None
    assert mailbox_names(wrap.address) == names
    assert set(behind) <= delimiters(wrap.address)


def test_each_kind_has_a_sample() -> None:
    """With a key, alone, with an extension, open, and for reports."""
    wrap = gitea().wrap
    assert wrap is not None
    found = sample_addresses(wrap)
    assert len(found) == len(set(found)) >= 5
    assert {"incoming@git.example.com", "incoming+0@git.example.com"} <= set(found)
    assert any(wrap.address.match(one) for one in found)
    assert any(pattern.match(one) for pattern in wrap.open for one in found)
    assert any(pattern.match(one) for pattern in wrap.bounces for one in found)


@pytest.mark.parametrize(
    "handler",
    [gitea(), handler_of("generic", key="[0-9a-f]{32}"), *map(handler_of, sorted({*PRESETS} - {"generic"}))],
    ids=lambda one: one.name,
)
def test_every_sample_is_one_of_the_application(handler: Handler) -> None:
    """As RCPT decides."""
    assert handler.wrap is not None
    samples = sample_addresses(handler.wrap)
    assert samples
    for one in samples:
        assert find_direct(Handlers.of([handler]).wrapped, one, None, null_sender=True) is not None, one
