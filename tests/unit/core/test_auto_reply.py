"""Signs that no person wrote a message."""

import pytest

from clocked import hostile, in_time
from reply_milter.core.auto_reply import is_automatic, is_report, keyword


@pytest.mark.parametrize(
    "name,value",
    [
        ("auto-submitted", " auto-replied"),
        ("auto-submitted", " auto-generated (by cron)"),
        ("auto-submitted", " AUTO-REPLIED; owner-email=a@b"),
        ("auto-submitted", " (no) auto-notified"),
        ("auto-submitted", " no-such-word"),
        ("precedence", " bulk"),
        ("precedence", " Junk"),
        ("precedence", " list"),
        ("precedence", " auto_reply"),
        ("x-autoreply", " yes"),
        ("x-autorespond", " Re: your mail"),
    ],
)
def test_mark_of_a_machine_is_seen(name: str, value: str) -> None:
    """RFC 3834 with parameters and comments, and the older habits."""
    assert is_automatic({name: [value]})


@pytest.mark.parametrize(
    "name,value",
    [
        ("auto-submitted", " no"),
        ("auto-submitted", " No (a person wrote this)"),
        ("auto-submitted", " (auto-replied) no; x=y"),
        ("precedence", " first-class"),
        ("precedence", " normal"),
        ("x-auto-response-suppress", " All"),
        ("subject", " auto-replied"),
    ],
)
def test_mail_of_a_person_is_not_automatic(name: str, value: str) -> None:
    """X-Auto-Response-Suppress is no sign: Exchange stamps it on what people write."""
    assert not is_automatic({name: [value]})


def test_one_mark_among_several_fields_is_enough() -> None:
    """A second field of the same name hides nothing."""
    assert is_automatic({"auto-submitted": [" no", " auto-replied"]})


def test_delivery_report_is_a_report() -> None:
    """RFC 6522, in any case and with parameters."""
    assert is_report({"content-type": [" Multipart/Report; report-type=delivery-status"]})
    assert not is_report({"content-type": [" multipart/mixed; boundary=multipart/report"]})
    assert not is_report({})


@pytest.mark.parametrize("piece", ["(", ";", '"', " ", "a", "\\"])
def test_hostile_value_costs_little(piece: str) -> None:
    """256 KiB of one thing."""
    with in_time():
        keyword(hostile(piece))
