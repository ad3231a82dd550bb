"""Notifications as running applications sent them (Redmine 5.0.4, Roundup 2.6.0, Mailman 3.3.10)."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reply_milter.core.mail.edited import edited
from reply_milter.core.wrapping.outward import Outbound, wrap
from reply_milter.core.wrapping.outward_draft import Draft
from reply_milter.core.wrapping.plain import ThreadName
from reply_text.syntax import message_file
from tests.support.fakes import FORM, KEYRING, NOW
from tests.support.wrapped_mail import handler_of, unwrapped

FOLDER = Path(__file__).parent / "notifications"
ISSUE_1 = "redmine.issue-1.20261128190831.6@redmine.example.com"
JOURNAL_1 = "redmine.journal-1.20261128190900.5@redmine.example.com"


def _read(name: str) -> tuple[list[tuple[str, str]], list[str]]:
    fields, _ = message_file.split((FOLDER / f"{name}.eml").read_bytes())
    envelope = json.loads((FOLDER / f"{name}.env").read_text())
    return [(known, value.removeprefix(" ")) for known, value in fields], envelope["rcpt_to"]


@pytest.mark.parametrize(
    ("name", "original", "changed", "thread"),
    [
        ("mailman-1", "dev-confirm+761497e980bcd4ed8460ad2879c51c9c21a53182@lists.example.com", {"From"}, None),
        ("mailman-2", "dev-confirm+172fa95cb813cad3fca65fb4294f74d8e8d3ecf7@lists.example.com", {"From"}, None),
        ("redmine-1", "redmine@redmine.example.com", {"References"}, ThreadName(ISSUE_1, "[Demo - Bug #1]")),
        ("redmine-2", "redmine@redmine.example.com", {"References"}, ThreadName(JOURNAL_1, "[Demo - Bug #1]")),
        ("roundup-1", "issue_tracker@tracker.example.com", {"Reply-To"}, ThreadName("new-1@example.com", "[issue1]")),
        (
            "roundup-2",
            "issue_tracker@tracker.example.com",
            {"Reply-To"},
            ThreadName("r1703716265@example.com", "[issue1]"),
        ),
    ],
)
def test_it_leaves_wrapped(name: str, original: str, changed: set[str], thread: ThreadName | None) -> None:
    """Only the named fields differ; what was added is Reply-To and References."""
    fields, recipients = _read(name)
    draft = Draft(fields)
    handler = handler_of(name.partition("-")[0])
    wrapped = wrap(draft, Outbound(recipients, "4Q1", NOW), handler, KEYRING, FORM)
    assert wrapped is not None
    left = edited(fields, draft.edits())
    assert {name for (name, value), given in zip(left, fields, strict=False) if (name, value) != given} == changed
    assert {name for name, _ in left[len(fields) :]} == {"Reply-To", "References"} - changed
    (minted,) = wrapped.minted
    plain = unwrapped(minted.address, dict(left)["References"])
    assert (plain.original, plain.recipient, plain.thread) == (original, recipients[0], thread)
    assert minted.address in dict(left)["Reply-To"]
    if "+" in original:
        assert original.partition("+")[2].partition("@")[0] not in str(left)
        assert dict(left)["From"] == "dev-confirm@lists.example.com"


@pytest.mark.parametrize("name", ["mailman-34", "mailman-36"])
def test_what_holds_no_key_is_left_alone(name: str) -> None:
    """A held post's notice, and a post to ten members."""
    fields, recipients = _read(name)
    draft = Draft(fields)
    assert wrap(draft, Outbound(recipients, "4Q1", NOW), handler_of("mailman"), KEYRING, FORM) is None
    assert not draft.edits() and replace(handler_of("mailman"), id=3).id == 3
