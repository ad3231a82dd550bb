"""Fragments of contrib/postfix that were appended by hand: without warnings, and ``postfix`` knows them."""

from pathlib import Path

import pytest

from reply_milter.cli.demo.private_postfix import contrib_folder
from tests.support.hosts.operators_postfix import by_hand, listed, lived_in, looked_up, settings
from tests.support.hosts.plain_postfix import PlainPostfix

pytestmark = pytest.mark.system


def test_fragments_that_were_appended_by_hand_are_taken_out(short_path: Path) -> None:
    """And the host's own lines, which they override, hold again."""
    host = lived_in(short_path)
    by_hand(host, "reply-domain.main.cf", "shared-smtpd.main.cf", "reply-delivery.master.cf", "submission.main.cf",
            "reply-hook.main.cf")  # fmt: skip
    told = host.run("status")
    assert told.status == 1 and "by hand" in told.stdout and "main.cf: smtpd_milters" in told.stdout
    host.good("detach", "--yes")
    assert listed(host.get("smtpd_milters")) == ["inet:localhost:8891", "inet:localhost:11332"]
    assert host.get("relay_domains").split()[0] == "backup.example"
    assert looked_up(host, "transport_maps", "backup.example") == "relay:[192.0.2.1]"
    assert "reply" not in settings(host)
    assert host.run("status").status == 0


def test_attach_takes_over_what_was_attached_by_hand(short_path: Path) -> None:
    """With the settings that the operator made there; the host's own lines, which they override, are joined."""
    host = lived_in(short_path)
    by_hand(host, "reply-domain.main.cf", "shared-smtpd.main.cf", "reply-delivery.master.cf")
    host.set("reply_mail_base=/srv/mail")
    assert "postfix.overridden" in host.found()
    host.good("attach", "--yes")
    assert "postfix.overridden" not in host.found()
    assert host.get("reply_mail_base") == "/srv/mail"
    assert listed(host.get("smtpd_milters"))[:2] == ["inet:localhost:8891", "inet:localhost:11332"]
    host.good("detach", "--yes")
    assert host.run("status").status == 0


STEPS = {
    "hook": (
        ("reply_nexthop", "reply_handler_queues", "reply_mail_base"),
        ("reply-hook.main.cf",),
        ("reply-hook.master.cf",),
    ),
    "sign": ((), ("submission.main.cf",), ("submission.master.cf", "reply-delivery.master.cf")),
    "none": ((), (), ("reply-delivery.master.cf",)),
}


@pytest.mark.parametrize("more", STEPS)
@pytest.mark.parametrize("layout", ["shared", "own"])
@pytest.mark.parametrize("application", [False, True])
def test_fragments_appended_by_hand_make_postfix_warn_of_nothing(
    short_path: Path, layout: str, more: str, application: bool
) -> None:
    """With the lines taken out that their heads name."""
    host = PlainPostfix(short_path)
    own = ("own-smtpd.master.cf",) if layout == "own" else ()
    by_hand(host, "reply-domain.main.cf", f"{layout}-smtpd.main.cf", *own)
    out, main, master = STEPS[more]
    steps: list[tuple[tuple[str, ...], tuple[str, ...]]] = [(out, main)]
    if application:
        steps.append((("reply_application_domains", "reply_application_mailboxes"), ("reply-application.main.cf",)))
    if application and own:
        taken_out = ("reply_application_elsewhere", "reply_application_here")
        steps.append((taken_out, ("reply-application-own-smtpd.main.cf",)))
    for names, fragments in steps:
        if names:
            host.set(*names, option="-X")
        by_hand(host, *fragments)
        for fragment in fragments:
            told = (contrib_folder() / fragment).read_text()
            assert not names or f"postconf -X {' '.join(names)}" in " ".join(told.replace("#", "").split())
    by_hand(host, *master)
    assert host.warnings() == []
