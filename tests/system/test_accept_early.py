"""``accept_early`` on a real Postfix: ordinary mail ends at DATA, and everything else is as ever."""

import re
from collections.abc import Iterator

import pytest

from reply_milter.cli.demo.private_postfix import Layout
from reply_milter.core.diagnosis.problem import Severity
from reply_milter.doctor import mta
from tests.support.hosts.sendmail_settings import SendmailLayout
from tests.support.hosts.site_under_test import Arrived, Site, reply
from tests.support.processes.daemon_process import wait_until
from tests.support.processes.ports import free_port

pytestmark = pytest.mark.system

ON = {"accept_early = false": "accept_early = true"}


@pytest.fixture(scope="module", params=["unix", "inet"])
def early(request: pytest.FixtureRequest) -> Iterator[Site]:
    """A Postfix with the setting on, on each kind of socket; local submissions are asked about, too."""
    milter, changes = "$reply_milter", dict(ON)
    if request.param == "inet":
        port = free_port()
        milter = f"{{ inet:127.0.0.1:{port}, default_action=tempfail }}"
        changes['(?m)^socket = "unix:.*verify.sock"'] = f'socket = "inet:{port}@127.0.0.1"'
    more = f"\nsmtpd_milters = {milter}\nnon_smtpd_milters = {milter}\n"
    running = Site(changes, Layout(more=more))
    if request.param == "inet":
        running.daemon.socket = None
    try:
        yield running.start()
    finally:
        running.stop()


def _ordinary(name: str) -> bytes:
    return f"From: alice@client.example\r\nX-Seq: {name}\r\nSubject: hello\r\n\r\nHello {name}\r\n".encode()


def _one(site: Site, name: str, where: str = "replies") -> Arrived:
    (found,) = site.arrived("X-Seq", name, 1, where)
    return found


def _ends(site: Site) -> float:
    return site.metrics().get('reply_milter_stage_seconds_count{stage="eom"}', 0.0)


def test_ordinary_mail_arrives_and_is_counted(early: Site) -> None:
    """Untouched; its end at DATA is a decision at the end of a message."""
    before = _ends(early)
    assert early.send(["<bob@example.com>"], _ordinary("early-people")).startswith("250")
    assert not _one(early, "early-people", "people").values("X-Reply-Verdict")
    wait_until(lambda: _ends(early) == before + 1, 10, "one more end of a message")


def test_a_reply_is_sealed(early: Site) -> None:
    """With all of its body in the digest, which is sent in several pieces."""
    minted = early.mint(locator="early/1")
    sent = reply(minted, "early-reply", body="A line of a long reply.\r\n" * 20000)
    assert early.send([f"<{minted.address}>"], sent).startswith("250")
    found = _one(early, "early-reply")
    assert isinstance(found.tags, dict), found.tags
    assert found.tags["replay"] == "first"


def test_a_reply_beside_a_person_is_sealed_for_both(early: Site) -> None:
    """It concerns us, so it goes on."""
    minted = early.mint(locator="early/2")
    assert early.send(["<bob@example.com>", f"<{minted.address}>"], reply(minted, "early-mixed")).startswith("250")
    assert isinstance(_one(early, "early-mixed").tags, dict)
    assert isinstance(_one(early, "early-mixed", "people").tags, dict)


def test_a_refused_recipient_beside_a_person(early: Site) -> None:
    """The recipient is refused at RCPT, and the person's mail ends at DATA."""
    with early.client() as client:
        client.mail("<alice@client.example>")
        assert client.rcpt("<reply+junk@reply.example.com>")[0] == 550
        assert client.rcpt("<bob@example.com>")[0] == 250
        assert client.data(_ordinary("early-beside"))[0] == 250
    _one(early, "early-beside", "people")


def test_a_session_of_many_messages(early: Site) -> None:
    """Ordinary mail, replies, RSET at each place: nothing of one message reaches the next."""
    with early.client() as client:
        for number in range(4):
            minted = early.mint(locator=f"early/many/{number}")
            client.mail("<alice@client.example>")
            client.rcpt("<bob@example.com>")
            if number % 2:
                client.rset()
                client.mail("<alice@client.example>")
                client.rcpt("<bob@example.com>")
            assert client.data(_ordinary(f"early-many-{number}"))[0] == 250
            client.mail("<alice@client.example>")
            client.rcpt(f"<{minted.address}>")
            if number % 2:
                client.rset()
                client.mail("<alice@client.example>")
                client.rcpt(f"<{minted.address}>")
            assert client.data(reply(minted, f"early-many-reply-{number}"))[0] == 250
    for number in range(4):
        _one(early, f"early-many-{number}", "people")
        found = _one(early, f"early-many-reply-{number}")
        assert isinstance(found.tags, dict) and found.tags["replay"] == "first", found.tags


def test_a_replay_is_still_refused(early: Site) -> None:
    """Beside an ordinary message in the same session."""
    minted = early.mint(locator="early/replay")
    assert early.send([f"<{minted.address}>"], reply(minted, "early-once")).startswith("250")
    early.settled(minted, 1)
    with early.client() as client:
        client.mail("<alice@client.example>")
        client.rcpt("<bob@example.com>")
        assert client.data(_ordinary("early-between"))[0] == 250
        client.mail("<alice@client.example>")
        client.rcpt(f"<{minted.address}>")
        assert client.data(reply(minted, "early-once"))[0] == 550


@pytest.mark.parametrize("recipient", ["bob@example.com", "reply"])
def test_mail_without_a_header(early: Site, recipient: str) -> None:
    """Any client may send it: people get theirs, and a reply that names no author is refused at once."""
    address = early.mint(locator="early/bare").address if recipient == "reply" else recipient
    answer = early.send([f"<{address}>"], b"\r\nnothing but a body\r\n")
    assert answer.startswith("550 5.7.1" if recipient == "reply" else "250"), answer


def test_a_message_in_chunks(early: Site) -> None:
    """BDAT (RFC 3030) in place of DATA."""
    minted = early.mint(locator="early/bdat")
    for recipient, name, where in (
        ("bob@example.com", "early-bdat", "people"),
        (minted.address, "early-bdat-r", "replies"),
    ):
        message = _ordinary(name) if where == "people" else reply(minted, name)
        with early.client() as client:
            assert "chunking" in client.esmtp_features
            client.mail("<alice@client.example>")
            client.rcpt(f"<{recipient}>")
            half = len(message) // 2
            client.send(f"BDAT {half}\r\n".encode() + message[:half])
            assert client.getreply()[0] == 250
            client.send(f"BDAT {len(message) - half} LAST\r\n".encode() + message[half:])
            assert client.getreply()[0] == 250
        found = _one(early, name, where)
        assert isinstance(found.tags, dict) is (where == "replies")


@pytest.mark.parametrize("arguments", [["-t"], ["-t", "bob@example.com"], ["bob@example.com"]])
def test_local_submissions(early: Site, arguments: list[str]) -> None:
    """sendmail(1), which may read recipients from the header: a reply among them is found and sealed."""
    name = f"early-local-{len(arguments)}-{arguments[0].strip('-')}"
    minted = early.mint(locator="early/local")
    recipients = [*arguments, minted.address] if arguments[0] != "-t" else arguments
    message = reply(minted, name, f"To: {minted.address}").replace(b"\r", b"")
    done = early.postfix.sendmail(["-i", "-f", "alice@client.example", *recipients], message)
    assert done.returncode == 0, done.stderr
    assert isinstance(_one(early, name).tags, dict)


def test_a_message_that_postfix_refuses_after_data(early: Site) -> None:
    """Too large for it: the next message of the session is verified as ever."""
    limit = 10240000
    minted = early.mint(locator="early/after")
    with early.client() as client:
        client.mail("<alice@client.example>")
        client.rcpt("<bob@example.com>")
        assert (
            client.data(_ordinary("early-large") + b"x" * 70 + b"\r\n" + (b"y" * 900 + b"\r\n") * (limit // 900))[0]
            == 552
        )
        client.mail("<alice@client.example>")
        assert client.rcpt("<reply+junk@reply.example.com>")[0] == 550
        client.rset()
        client.mail("<alice@client.example>")
        client.rcpt(f"<{minted.address}>")
        assert client.data(reply(minted, "early-after"))[0] == 250
    assert isinstance(_one(early, "early-after").tags, dict)


def test_no_milter_failed(early: Site) -> None:
    """Last: in all of this, Postfix never missed an answer, nor got one too many; and no callback failed."""
    assert not re.findall(r"(?m)^.*warning: milter .*$", early.postfix.log())
    assert "Traceback" not in early.daemon.log()


RESTRICTED = "\nsmtpd_end_of_data_restrictions = check_sender_access inline:{ { eod@client.example = REJECT } }\n"


def test_where_a_client_is_led_past_us_doctor_says_so() -> None:
    """After a refusal by these restrictions, Postfix 3.7 takes RCPT without MAIL and still counts it as accepted."""
    site = Site(dict(ON), Layout(more=RESTRICTED))
    try:
        site.start()
        with site.client() as client:
            client.mail("<eod@client.example>")
            client.rcpt("<bob@example.com>")
            assert client.data(_ordinary("early-eod"))[0] == 554
            past_us = client.rcpt("<reply+junk@reply.example.com>")[0] == 250
        found = mta.examine(mta.site(str(site.postfix.folder / "etc")), site.settings.config)
        warned = any(one.check == "postfix.accept_early" and one.severity is Severity.WARNING for one in found)
        assert warned or not past_us
    finally:
        site.stop()


@pytest.fixture(scope="module")
def sendmail_early() -> Iterator[Site]:
    """A Sendmail with the setting on: behind an accepted message it sends ABORT."""
    running = Site(dict(ON), SendmailLayout())
    try:
        yield running.start()
    finally:
        running.stop()


def test_sendmail_in_one_session(sendmail_early: Site) -> None:
    """Ordinary mail, a reply, both in one message, and RSET between them."""
    site = sendmail_early
    with site.client() as client:
        for number in range(3):
            minted, mixed = (site.mint(locator=f"sm/{kind}/{number}") for kind in ("reply", "mixed"))
            for name, recipients, message in (
                (f"sm-people-{number}", ["bob@example.com"], _ordinary(f"sm-people-{number}")),
                (f"sm-reply-{number}", [minted.address], reply(minted, f"sm-reply-{number}")),
                (f"sm-mixed-{number}", ["bob@example.com", mixed.address], reply(mixed, f"sm-mixed-{number}")),
            ):
                client.mail("<alice@client.example>")
                assert all(client.rcpt(f"<{recipient}>")[0] == 250 for recipient in recipients)
                if number % 2:
                    client.rset()
                    client.mail("<alice@client.example>")
                    assert all(client.rcpt(f"<{recipient}>")[0] == 250 for recipient in recipients)
                assert client.data(message)[0] == 250, name
    for number in range(3):
        assert not _one(site, f"sm-people-{number}", "people").values("X-Reply-Verdict")
        for kind in ("reply", "mixed"):
            found = _one(site, f"sm-{kind}-{number}")
            assert isinstance(found.tags, dict) and found.tags["replay"] == "first", found.tags
    assert "Traceback" not in site.daemon.log()


def test_sendmail_without_a_header(sendmail_early: Site) -> None:
    """A message that is a body alone."""
    assert sendmail_early.send(["<bob@example.com>"], b"\r\nnothing but a body\r\n").startswith("250")
    minted = sendmail_early.mint(locator="sm/bare")
    assert sendmail_early.send([f"<{minted.address}>"], b"\r\nnothing but a body\r\n").startswith("550 5.7.1")
