"""A notification as its application sends it: what is rewritten, what leaks, what stands in the way."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from reply_milter.core.diagnosis.application import Look, look_at
from reply_milter.core.diagnosis.application_rules import Change, Sample
from reply_milter.core.verdict.handler import Handler, Handlers
from reply_milter.core.wrapping.body_keys import KeyPlace
from reply_text.syntax import message_file
from tests.support.fakes import FORM, ISSUE, NOW
from tests.support.wrapped_mail import JOURNAL, handler_of

NOTIFICATIONS = Path(__file__).parents[1] / "wrapping" / "notifications"
KEY = "AGCQVBAEAFIKZ" + "B4KJ2ME7QX3N" * 5 + "AA"
LONG = f"git.{'a-long-name.' * 5}example.com"
HEX = "0123456789abcdef0123456789abcdef"
NATIVE = f"incoming+{KEY}@git.example.com"
HEADER = {
    "From": "Anna <noreply@git.example.com>",
    "To": "jane@example.org",
    "Message-ID": "<shop/web/issues/7@git.example.com>",
    "Reply-To": NATIVE,
    "List-Post": f"<mailto:{NATIVE}>",
}


def look(*handlers: Handler, body: str = "Hello.\n", sender: str = "", **fields: str) -> Look:
    """Look at Gitea's notification with other or more fields; an underscore stands for a hyphen."""
    header = HEADER | {name.replace("_", "-"): value for name, value in fields.items()}
    text = "".join(f"{name}: {value}\n" for name, value in header.items() if value) + "\n" + body
    return look_at_octets(text.encode(), *(handlers or (handler_of("gitea"),)), sender=sender)


def look_at_octets(message: bytes, *handlers: Handler, sender: str = "") -> Look:
    """As the command reads a file."""
    parsed, _ = message_file.split(message)
    sample = Sample(tuple((name, value.removeprefix(" ")) for name, value in parsed), message, sender)
    return look_at(sample, Handlers.of([ISSUE, *handlers]), FORM, NOW)


def checks(found: Look, *but: str) -> list[tuple[str, str]]:
    """Checks and severities, but those that only tell of the application."""
    left_out = ("application.setting", "application.known_leak", *but)
    return [(one.check, one.severity.value) for one in found.problems if one.check not in left_out]


def test_what_leaves_otherwise_is_told() -> None:
    """Each field, and the application's own settings; no text holds the key."""
    found = look()
    assert checks(found) == [("application.rewritten", "note")]
    assert found.handlers == ("gitea",)
    assert set(found.changes) == {
        Change("gitea", "Reply-To", "rewritten"),
        Change("gitea", "List-Post", "removed"),
        Change("gitea", "References", "added"),
    }
    assert any("REPLY_TO_ADDRESS" in one.what for one in found.problems if one.check == "application.setting")
    assert KEY not in str(found)


@pytest.mark.parametrize(
    ("fields", "sender", "expected"),
    [
        ({"From": "cron@git.example.com"}, "", [("application.from", "warning"), ("application.rewritten", "note")]),
        (
            {"From": "cron@git.example.com"},
            "root@git.example.com",
            [("application.from", "error"), ("application.rewritten", "note")],
        ),
        ({"From": "cron@git.example.com"}, "<noreply@GIT.example.com>", [("application.rewritten", "note")]),
        ({"From": "cron@x.example", "Reply_To": "", "List_Post": ""}, "", [("application.unknown", "error")]),
        ({"Reply_To": "", "List_Post": ""}, "", [("application.nothing", "warning")]),
        (
            {"Reply_To": f"incoming+{KEY[:40]}@git.example.com", "List_Post": ""},
            "",
            [("application.nothing", "warning")],
        ),
        ({"Received": "from x by y"}, "", [("application.trace", "error"), ("application.rewritten", "note")]),
        ({"X_Reply_Mint": "v=1"}, "", [("application.request", "warning"), ("application.rewritten", "note")]),
        ({"Cc": "ann@example.org"}, "", [("application.rewritten", "note"), ("application.recipients", "warning")]),
        ({"Cc": JOURNAL}, "", [("application.rewritten", "note")]),
        ({"DKIM_Signature": "v=1; h=from:reply-to; d=x"}, "", [("application.signed", "error")]),
        ({"DKIM_Signature": "v=1; h=from:subject; d=x"}, "", [("application.rewritten", "note")]),
        ({"Subject": f"Answer to {KEY}"}, "", [("application.refused", "error")]),
    ],
)
def test_what_stands_in_the_way_is_found(fields: dict[str, str], sender: str, expected: list[tuple[str, str]]) -> None:
    """With its reason; also when it would be refused."""
    found = look(sender=sender, **fields)
    assert checks(found) == expected
    assert KEY not in str(found)


@pytest.mark.parametrize(
    ("domain", "store", "message_id", "expected"),
    [
        ("git.example.com", True, "<a@git.example.com>", []),
        (LONG, True, "<a@git.example.com>", [("application.capsule", "warning")]),
        (LONG, False, "<a@git.example.com>", [("application.capsule", "error")]),
        (LONG, True, "", [("application.capsule", "error")]),
    ],
)
def test_an_original_that_is_too_long_for_an_id_is_told(
    domain: str, store: bool, message_id: str, expected: list[tuple[str, str]]
) -> None:
    """Then the store alone has it, if it keeps a copy."""
    handler = handler_of("gitea", f"incoming+{{key}}@{domain}", store=store)
    found = look(handler, Reply_To=f"incoming+{'A' * 90}@{domain}", List_Post="", Message_ID=message_id)
    assert checks(found, "application.rewritten") == expected


def test_a_handler_that_observes_says_so() -> None:
    """Nothing is changed yet."""
    assert ("application.observe", "note") in checks(look(handler_of("gitea", observe=True)))


def test_a_field_that_keeps_the_key_is_a_leak() -> None:
    """Chatwoot's Message-ID."""
    key = "01234567-89ab-cdef-0123-456789abcdef"
    found = look(
        handler_of("chatwoot"),
        From="noreply@app.test",
        Reply_To=f"reply+{key}@chat.example.com",
        List_Post="",
        Message_ID=f"<conversation/{key}/messages/1@chat.example.com>",
    )
    assert ("application.leak", "warning") in checks(found)
    assert key not in str(found)


def _multipart(*parts: tuple[str, str, str]) -> str:
    made = "".join(
        f"--b\nContent-Type: {kind}; charset=utf-8\nContent-Transfer-Encoding: {encoding}\n\n{text}\n"
        for kind, encoding, text in parts
    )
    return made + "--b--\n"


@pytest.mark.parametrize(
    ("parts", "places"),
    [
        ([("text/plain", "7bit", f"Hello\nor mail {NATIVE}\nBye")], [KeyPlace("text/plain", 2)]),
        (
            [("text/html", "quoted-printable", f'<p>\n<a href=3D"x/{KEY[:30]}=\n{KEY[30:]}">')],
            [KeyPlace("text/html", 2)],
        ),
        ([("text/plain", "base64", base64.b64encode(f"a\n\n{KEY}".encode()).decode())], [KeyPlace("text/plain", 3)]),
        ([("text/plain", "7bit", f"{KEY[:30]}\n{KEY[30:]}")], [KeyPlace("text/plain", 0)]),
        ([("text/plain", "7bit", KEY.lower()), ("text/html", "7bit", "<p>")], [KeyPlace("text/plain", 1)]),
        ([("text/plain", "7bit", f"incoming%2B{'B' * 77}%40git.example.com")], [KeyPlace("text/plain", 1)]),
        ([("application/pdf", "7bit", KEY), ("text/plain", "7bit", "nothing here")], []),
    ],
    ids=["plain", "quoted-printable", "base64", "over two lines", "in lower case", "another key, in a link", "no text"],
)
def test_keys_in_the_body_are_found(parts: list[tuple[str, str, str]], places: list[KeyPlace]) -> None:
    """By part and line, after decoding; they stay there."""
    found = look(body=_multipart(*parts), MIME_Version="1.0", Content_Type="multipart/mixed; boundary=b")
    assert [place for _, place in found.places] == places
    assert (("application.body", "warning") in checks(found)) is bool(places)
    assert KEY not in str(found)


def test_a_part_can_not_drive_a_terminal() -> None:
    """Whatever its type says."""
    body = f"--b\nContent-Type: text/\x1b[2Jx\n\n{KEY}\n--b--\n"
    found = look(body=body, MIME_Version="1.0", Content_Type="multipart/mixed; boundary=b")
    assert [place for _, place in found.places] == [KeyPlace("text/plain", 1)]


@pytest.mark.parametrize(
    ("name", "sender", "changed"),
    [
        ("mailman-1", "dev-bounces@lists.example.com", {"From", "Reply-To", "References"}),
        ("redmine-1", "", {"Reply-To", "References"}),
        ("roundup-1", "", {"Reply-To", "References"}),
    ],
)
def test_notifications_of_running_applications(name: str, sender: str, changed: set[str]) -> None:
    """As they were captured."""
    handler = handler_of(name.partition("-")[0])
    found = look_at_octets((NOTIFICATIONS / f"{name}.eml").read_bytes(), handler, sender=sender)
    assert {change.field for change in found.changes} == changed
    assert ("application.rewritten", "note") in checks(found)
    in_body = ("application.body", "warning") in checks(found)
    assert in_body is (name == "mailman-1"), "`confirm KEY`"


def test_two_handlers_may_be_concerned() -> None:
    """Both are told of; a real problem of one does not hide what the other does."""
    other = replace(handler_of("generic", "tickets+{key}@git.example.com", "[0-9a-f]{32}"), id=21)
    found = look(handler_of("gitea"), other, Reply_To=f"tickets+{HEX}@git.example.com")
    assert set(found.handlers) == {"gitea", "generic"}
