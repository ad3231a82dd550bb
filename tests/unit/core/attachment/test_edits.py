"""Changes of main.cf and master.cf leave every other line as it is written, and are taken back to the octet."""

import pytest

from reply_milter.core.attachment.change import Change
from reply_milter.core.attachment.edits import edited, last, put
from reply_milter.core.diagnosis.problem import MAIN_CF, MASTER_CF

MAIN = """# first
relay_domains = a.example
smtpd_milters =
    # signs
    inet:localhost:8891,

\t{ inet:localhost:11332, default_action=accept }
# behind it
relay_domains = b.example
mynetworks=127.0.0.1"""
MASTER = """# Logins.
submission inet n       -       y       -       -       smtpd
  -o syslog_name=postfix/submission
#  -o smtpd_tls_wrappermode=no
  -o { smtpd_milters = inet:a:1, inet:b:2 } -o content_filter=
# pick up
pickup    unix  n       -       y       60      1       pickup
"""
FILES = {MAIN_CF: MAIN, MASTER_CF: MASTER}


def changed(*changes: Change) -> tuple[str, str]:
    """Both files after changes."""
    texts = edited(FILES, changes)
    return texts[MAIN_CF], texts[MASTER_CF]


def test_a_setting_keeps_its_place_and_its_comments() -> None:
    """Comments stay within the entry, so that the entry is one piece."""
    main, master = changed(Change("", "smtpd_milters", "", "inet:localhost:8891, $reply_milter"))
    assert master == MASTER
    assert "smtpd_milters =\n    # signs\n\n    inet:localhost:8891, $reply_milter\n# behind it\n" in main
    assert main.startswith("# first\nrelay_domains = a.example\n")


def test_the_last_of_several_lines_is_the_one_that_counts() -> None:
    """Postfix uses it; the earlier one stays."""
    main, _ = changed(Change("", "relay_domains", "", "b.example, $reply_domain"))
    assert "relay_domains = a.example\n" in main and "relay_domains = b.example, $reply_domain\nmynet" in main
    assert "relay_domains = b" not in changed(Change("", "relay_domains", "", None))[0]


def test_a_new_setting_is_appended_behind_a_last_line_without_an_end() -> None:
    """Or it would become part of that line."""
    main, _ = changed(Change("", "reply_domain", None, "reply.example.com"), Change("", "reply_nexthop", None, ""))
    assert main == f"{MAIN}\nreply_domain = reply.example.com\nreply_nexthop =\n"


def test_a_new_service_has_a_line_for_each_option() -> None:
    """As an operator would write it."""
    line = "a.example:25 inet n - y - - smtpd -o smtpd_milters=$reply_milter -o { x = a b } -o y="
    _, master = changed(Change("a.example:25/inet", "", None, line))
    assert (
        master
        == f"{MASTER}a.example:25 inet n - y - - smtpd\n  -o smtpd_milters=$reply_milter\n  -o {{ x = a b }}\n  -o y=\n"
    )


@pytest.mark.parametrize(
    ("name", "value", "old", "new"),
    [
        ("smtpd_milters", "inet:a:1", "-o { smtpd_milters = inet:a:1, inet:b:2 }", "-o smtpd_milters=inet:a:1"),
        ("content_filter", "a b", "-o content_filter=", "-o { content_filter = a b }"),
        ("content_filter", None, " -o content_filter=", ""),
        ("syslog_name", None, "  -o syslog_name=postfix/submission\n", ""),
        ("smtpd_milters", None, "-o { smtpd_milters = inet:a:1, inet:b:2 } ", "-o content_filter="),
    ],
)
def test_an_option_of_a_service(name: str, value: str | None, old: str, new: str) -> None:
    """Changed or removed where it stands."""
    _, master = changed(Change("submission/inet", name, "", value))
    if new == "-o content_filter=":
        assert [line.split() for line in master.splitlines()] == [
            line.split() for line in MASTER.replace(old, "").splitlines()
        ]
    else:
        assert master == MASTER.replace(old, new)


def test_a_new_option_is_the_services_last() -> None:
    """Before comments about the next service; and what is commented out is no option."""
    _, master = changed(Change("submission/inet", "smtpd_tls_wrappermode", None, "yes"))
    assert "-o content_filter=\n  -o smtpd_tls_wrappermode=yes\n# pick up\n" in master
    assert "#  -o smtpd_tls_wrappermode=no\n" in master
    assert changed(Change("submission/inet", "smtpd_tls_wrappermode", "yes", None)) == (MAIN, MASTER)


def test_a_service_that_is_gone_gets_no_option() -> None:
    """Somebody has removed it since."""
    assert changed(Change("smtps/inet", "smtpd_milters", "x", None)) == (MAIN, MASTER)


@pytest.mark.parametrize(
    "change",
    [
        Change("", "smtpd_milters", None, "x, $reply_milter"), Change("", "relay_domains", None, "x"),
        Change("submission/inet", "smtpd_milters", None, "a b"), Change("submission/inet", "new", None, "x"),
        Change("pickup/unix", "", None, "pickup unix n - n - - pickup -o a=b"),
    ],
)  # fmt: skip
def test_putting_an_entry_back_is_exact(change: Change) -> None:
    """The entry as it was written before."""
    texts, key = edited(FILES, [change]), change.service or change.name
    assert texts != FILES
    own = last(FILES[change.file], change.file, key)
    assert own is not None and put(texts[change.file], change.file, key, own.text) == FILES[change.file]
