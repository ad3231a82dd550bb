"""What takes an attachment back: recorded entries to the octet, and whatever else is ours."""

from dataclasses import replace

import pytest

from reply_milter.core.attachment import undo
from reply_milter.core.attachment.change import Change, Host
from reply_milter.core.attachment.edits import edited
from reply_milter.core.attachment.record import Record
from reply_milter.core.attachment.wanted import Choice
from reply_milter.core.diagnosis.endpoint import Endpoint
from reply_milter.core.diagnosis.postfix import syntax
from reply_milter.core.diagnosis.postfix.site import MasterService, Site
from reply_milter.core.diagnosis.problem import MAIN_CF, MASTER_CF

MAIN = "smtpd_milters =\n  # signs\n  inet:a:1\nrelay_domains =  a.example\n"
MASTER = "# x\nsmtp   inet n - y - - smtpd\n  -o smtpd_milters=inet:b:2\n"
BEFORE = {MAIN_CF: MAIN, MASTER_CF: MASTER}
CHANGES = (
    Change("", "smtpd_milters", "inet:a:1", "inet:a:1, $reply_milter"),
    Change("", "relay_domains", "a.example", "a.example, $reply_domain"),
    Change("", "reply_domain", None, "reply.example.com"),
    Change("smtp/inet", "smtpd_milters", "inet:b:2", "inet:b:2,$reply_milter"),
    Change("reply-delivery/unix", "", None, "reply-delivery unix - n n - - virtual"),
)
AFTER = edited(BEFORE, CHANGES)
RECORD = Record("/etc/postfix", Choice(), CHANGES, BEFORE, BEFORE, AFTER)
SOCKET = Endpoint(path="/spool/reply-milter/verify.sock")


def host(main: str, *services: MasterService) -> Host:
    """A configuration as it is read."""
    entries = tuple(syntax.entries(main))
    return Host(dict(entries), {}, Site({"queue_directory": "/spool"}, {}, services, entries=entries))


def test_files_that_nobody_has_changed_become_what_they_were() -> None:
    """Also if attach was killed before or between the two files."""
    for found in (AFTER, BEFORE, {**AFTER, MASTER_CF: MASTER}, {**AFTER, MAIN_CF: MAIN}):
        assert undo.restored(found, RECORD) == BEFORE
    earlier = {MAIN_CF: "relay_domains = $reply_domain", MASTER_CF: "# attached before, in another layout"}
    assert undo.restored(earlier, replace(RECORD, found=earlier)) == BEFORE


def test_entries_that_nobody_has_changed_become_what_they_were() -> None:
    """Beside others that somebody has changed, and new ones."""
    found = edited(AFTER, [
        Change("", "relay_domains", None, "new.example, $reply_domain"), Change("", "mynetworks", None, "192.0.2.0/24"),
        Change("smtp/inet", "syslog_name", None, "mine"),
    ])  # fmt: skip
    texts = undo.restored(found, RECORD)
    assert texts[MAIN_CF] == (
        "smtpd_milters =\n  # signs\n  inet:a:1\nrelay_domains = new.example, $reply_domain\n"
        "mynetworks = 192.0.2.0/24\n"
    )
    assert texts[MASTER_CF] == edited(found, [Change("reply-delivery/unix", "", None, None)])[MASTER_CF]


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ("inet:x:1, inet:a:1, $reply_milter", "inet:x:1, inet:a:1"),
        ("$reply_milter", ""),
        ("inet:x:1", None),
    ],
)
def test_a_value_that_was_changed_loses_our_part(now: str, left: str | None) -> None:
    """Nothing of the host's comes or goes."""
    found = list(undo.of_record(host(f"smtpd_milters = {now}\n"), CHANGES[:1]))
    assert [one.after for one in found] == ([] if left is None else [left])
    assert [one.after for one in undo.changed_since(host(f"smtpd_milters = {now}\n"), CHANGES[:1])] == [now]


def test_lines_that_ours_overrode_hold_again() -> None:
    """Whichever line of a name is ours; a line of the host's stays as it is written."""
    main = (
        "relay_domains =\n  a.example\nrecipient_delimiter = -\n# by hand\nreply_domain = r.example\n"
        "relay_domains = $reply_domain\nrecipient_delimiter = +\ndisable_vrfy_command = yes\n"
        "smtpd_milters = inet:a:1,\n  # ours\n  { unix:reply-milter/verify.sock, default_action=tempfail }\n"
    )
    text = undo.cleaned(main, host(main), [SOCKET])
    assert text == (
        "relay_domains =\n  a.example\nrecipient_delimiter = -\n# by hand\ndisable_vrfy_command = yes\n"
        "smtpd_milters =\n  # ours\n    inet:a:1\n"
    )
    told = [(one.name, one.after) for one in undo.leftovers(host(main), [SOCKET])]
    assert told == [
        ("reply_domain", None),
        ("relay_domains", None),
        ("recipient_delimiter", None),
        ("smtpd_milters", "inet:a:1"),
    ]


def test_a_host_without_anything_of_ours_is_left_alone() -> None:
    """Also one whose lines stand twice, or name a socket like ours in another list."""
    main = "recipient_delimiter = -\nrecipient_delimiter = +\nrelay_domains = unix:reply-milter/verify.sock\n junk\n"
    assert undo.cleaned(main, host(main), [SOCKET]) == main
    assert list(undo.leftovers(host(main), [SOCKET])) == []


def test_services_of_ours_go_and_those_of_the_host_lose_our_part() -> None:
    """By the names of fragments."""
    own = {"smtpd_relay_restrictions": "inline:{{$reply_domain=permit}},reject"}
    services = (
        MasterService("reply-delivery", "unix", "lmtp", False, {}),
        MasterService("192.0.2.25:smtp", "inet", "smtpd", True, {}, own),
        MasterService("submission", "inet", "smtpd", True, {}, {
            "smtpd_milters": "$reply_milter,inet:a:1", "cleanup_service_name": "cleanup-sign", "syslog_name": "x"}),
    )  # fmt: skip
    found = list(undo.leftovers(host("", *services)))
    assert [(one.service, one.name, one.after) for one in found] == [
        ("reply-delivery/unix", "", None), ("192.0.2.25:smtp/inet", "", None),
        ("submission/inet", "smtpd_milters", "inet:a:1"), ("submission/inet", "cleanup_service_name", None),
    ]  # fmt: skip
