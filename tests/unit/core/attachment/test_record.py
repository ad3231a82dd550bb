"""The record of an attachment: what was written is read again, and nothing else is."""

import json

import pytest

from reply_milter.core.attachment.change import Change
from reply_milter.core.attachment.record import Record, read
from reply_milter.core.attachment.wanted import Choice

RECORD = Record(
    "/etc/postfix",
    Choice(2, hook=True, listen="[2001:db8::25]:smtp"),
    (
        Change("", "smtpd_milters", "inet:x", "inet:x, $reply_milter"),
        Change("a/inet", "", None, "a inet n - y - - smtpd"),
    ),
    {"main.cf": "# caf\udce9\n", "master.cf": "a\r\n"},
    {"main.cf": "y", "master.cf": "b"},
    {"main.cf": "x", "master.cf": ""},
)


def test_what_was_written_is_read() -> None:
    """Octets that are no UTF-8 and line ends included."""
    assert read(RECORD.write()) == RECORD


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2}, {"changes": [["x"]]}, {"changes": [["", 1, None, None]]}, {"changes": [["", "x", None, 2]]},
        {"changes": 3}, {"choice": {"layout": 1}}, {"choice": None}, {"before": {"main.cf": ""}}, {"after": []},
        {"found": {}},
    ],
)  # fmt: skip
def test_anything_else_is_refused(change: dict[str, object]) -> None:
    """A record leads to changes of Postfix's configuration by root."""
    members = {**json.loads(RECORD.write()), **change}
    with pytest.raises(ValueError, match=r"is not what attach wrote|version 2"):
        read(json.dumps(members))


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"version": 1}', "x"])
def test_what_is_no_record_is_refused(text: str) -> None:
    """Other JSON, or none."""
    with pytest.raises(ValueError, match=r"is not what attach wrote|Expecting value"):
        read(text)
