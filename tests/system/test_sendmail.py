"""What is Sendmail's own: header edits, quarantine, local submission, a milter that is down, daemons of their own.

The figures of contrib/sendmail/README.md come from here. The rows of the contract are in test_cases.py, on both MTAs.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reply_milter.core.seal.verdict_header import SealProblem
from tests.support.hosts.sendmail_settings import SendmailLayout
from tests.support.hosts.site_under_test import DOMAIN, Site, reply
from tests.support.processes.daemon_process import wait_until
from tests.support.processes.ports import free_port
from tests.system.forged_verdicts import MESSAGES, Forged, forgeries, with_forgeries
from tests.system.raw_smtp import RawClient, transaction

pytestmark = pytest.mark.system

ORDINARY = b"From: bob@example.com\r\nX-Seq: %s\r\n\r\nHello\r\n"


# --- VRFY and EXPN


def test_vrfy_and_expn_tell_nothing_of_an_address(sendmail_site: Site) -> None:
    """Compares a genuine address, a made-up one, a person and an unknown one; Debian's own flags stay."""
    names = [
        sendmail_site.mint(locator="vrfy/1").address,
        f"reply+hello@{DOMAIN}",
        f"postmaster@{DOMAIN}",
        "bob",
        "nobody-here",
    ]
    heard: dict[str, set[str]] = {"VRFY": set(), "EXPN": set()}
    with RawClient(sendmail_site) as client:
        for command, answers in heard.items():
            for name in names:
                (answer,) = client.says(f"{command} {name}\r\n".encode())
                answers.add(answer)
    assert [len(answers) for answers in heard.values()] == [1, 1], heard
    assert heard["VRFY"].pop().startswith("252 ")
    assert heard["EXPN"].pop().startswith("502 ")
    made = (sendmail_site.mta.folder / "etc/mail/sendmail.cf").read_text()
    (flags,) = [line for line in made.splitlines() if line.startswith("O PrivacyOptions")]
    assert {"authwarnings", "restrictqrun", "novrfy", "noexpn"} <= set(flags.partition("=")[2].split(","))


# --- Headers, seal, size


@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_forged_verdicts_leave_exactly_one_ours_on_top(sendmail_site: Site, count: int) -> None:
    """In any case and place; ours is the first field but for Return-Path, which delivery prepends."""
    names = ["X-Reply-Verdict", "x-reply-verdict", "X-REPLY-VERDICT", "X-Reply-verdict"]
    forged = [f"{names[number % 4]}: v=1; user={number}; result=pass" for number in range(count)]
    minted = sendmail_site.mint(locator="headers/1")
    message = reply(minted, f"forged{count}", *forged)
    assert sendmail_site.send([f"<{minted.address}>"], message).startswith("250")
    (found,) = sendmail_site.arrived("X-Seq", f"forged{count}", 1)
    assert isinstance(found.tags, dict), found.fields
    order = [name.lower() for name, _ in found.fields]
    assert order.count("x-reply-verdict") == 1
    assert order[:3] == ["return-path", "x-reply-verdict", "received"]


@settings(max_examples=3, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(batch=st.lists(forgeries(), min_size=MESSAGES, max_size=MESSAGES))
def test_any_forged_verdicts_leave_exactly_one_ours(sendmail_site: Site, batch: list[list[Forged]]) -> None:
    """0 to 50 of them, in any case, place and folding, with white space before the colon; a session for the batch."""
    site, minted = sendmail_site, sendmail_site.mint(locator="forged/1")
    names = [f"{minted.message_id}-{number}" for number in range(len(batch))]
    with RawClient(site) as client:
        for name, forged in zip(names, batch, strict=True):
            client.begins([minted.address])
            (answer,) = client.says(with_forgeries(reply(minted, name), forged) + b"\r\n.\r\n")
            assert answer.startswith("250") or "Headers too large" in answer, answer
    site.arrived("X-Seq", names[0], 1)
    arrived = [message for message in site.all_replies() if set(message.values("X-Seq")) & set(names)]
    assert len(arrived) > len(batch) // 2
    for message in arrived:
        assert isinstance(message.tags, dict), message.fields
        assert [known.lower().strip() for known, _ in message.fields].count("x-reply-verdict") == 1


@pytest.mark.parametrize(
    "odd",
    [
        b"X-Reply-Verdict\0: v=1", b"X-Reply\0-Verdict: v=1", b"X-Reply-Verdict\r: v=1", b"X: y\rX-Reply-Verdict: v=1",
        b"X: y\0X-Reply-Verdict: v=1", b"X: y\x0bX-Reply-Verdict: v=1", b"X-Reply-Verdict\xa0: v=1",
        b" X-Reply-Verdict: v=1",
    ],
    ids=repr,
)  # fmt: skip
def test_odd_header_lines_smuggle_no_verdict_in(sendmail_site: Site, odd: bytes) -> None:
    """NUL, bare CR, separators of other standards: one verdict arrives, or nothing does."""
    site, minted, name = sendmail_site, sendmail_site.mint(locator="odd/1"), f"odd-{odd.hex()[:40]}"
    with RawClient(site) as client:
        client.begins([minted.address])
        (answer,) = client.says(odd + b"\r\n" + reply(minted, name) + b"\r\n.\r\n")
    if answer.startswith("250"):
        (found,) = site.arrived("X-Seq", name, 1)
        assert isinstance(found.tags, dict), found.fields
    else:
        assert answer.startswith(("550 5.7.1", "421 4.5.0", "552", "554")), answer


def test_pipelined_commands_are_each_judged(sendmail_site: Site) -> None:
    """Forged, genuine, and another transaction behind the dot, in one write each."""
    minted, forged = sendmail_site.mint(locator="pipe/1"), f"reply+{'0' * 10}b{'a' * 47}@{DOMAIN}"
    recipients = "".join(f"RCPT TO:<{name}>\r\n" for name in (forged, minted.address))
    with RawClient(sendmail_site) as client:
        answers = client.says(f"MAIL FROM:<alice@client.example>\r\n{recipients}DATA\r\n".encode(), 4)
        assert [answer[:9] for answer in answers] == ["250 2.1.0", "550 5.7.1", "250 2.1.5", "354 End d"]
        answers = client.says(reply(minted, "piped") + b"\r\n.\r\n" + transaction(forged, b"x"), 4)
        assert [answer[:3] for answer in answers] == ["250", "250", "550", "503"], answers
    (found,) = sendmail_site.arrived("X-Seq", "piped", 1)
    assert isinstance(found.tags, dict)


def test_long_lines_and_8_bit_text_keep_the_seal(sendmail_site: Site) -> None:
    """With flag 8 and without a limit to lines, Sendmail delivers the body as it came; so it does long fields."""
    minted = sendmail_site.mint(locator="body/1")
    body = "x" * 3000 + "\r\n" + "Grüße \x85 and\ttabs \r\nFrom here\r\n..\r\n"
    message = reply(minted, "long", "X-Long: " + "word " * 400, body=body)
    assert sendmail_site.send([f"<{minted.address}>"], message).startswith("250")
    (found,) = sendmail_site.arrived("X-Seq", "long", 1)
    assert isinstance(found.tags, dict), found.tags
    assert max(map(len, found.body.splitlines())) == 3000
    assert found.values("X-Long") == [("word " * 400).strip()]


def test_mailer_that_wraps_lines_breaks_the_seal_of_long_ones() -> None:
    """Flag L wraps at 990 octets and marks each place with a `!`: another body. The page says to leave it out."""
    running = Site(layout=SendmailLayout(change={"F=lDFMPhnqu8": "F=lDFMPhnqu8L"}))
    try:
        running.start()
        minted = running.mint(locator="body/2")
        for name, length in (("short", 900), ("wrapped", 3000)):
            message = reply(minted, name, body="x" * length)
            assert running.send([f"<{minted.address}>"], message).startswith("250")
        (short,) = running.arrived("X-Seq", "short", 1)
        (wrapped,) = running.arrived("X-Seq", "wrapped", 1)
    finally:
        running.stop()
    assert isinstance(short.tags, dict)
    assert wrapped.tags is SealProblem.BROKEN
    assert wrapped.body.count(b"!") == 2


def test_missing_date_and_message_id_are_added_after_us(sendmail_site: Site) -> None:
    """We don't see them, so a retry, which gets others, is the same message."""
    minted = sendmail_site.mint(locator="added/1")
    bare = f"From: alice@client.example\r\nX-Seq: bare\r\nIn-Reply-To: <{minted.message_id}>\r\n\r\nHello\r\n".encode()
    for _ in range(2):
        assert sendmail_site.send([f"<{minted.address}>"], bare).startswith("250")
    first, second = sendmail_site.arrived("X-Seq", "bare", 2)
    assert isinstance(first.tags, dict) and isinstance(second.tags, dict)
    assert first.tags["id"] == second.tags["id"]
    assert {first.tags["replay"], second.tags["replay"]} == {"first", "retry"}
    assert first.values("Date") and first.values("Message-Id") != second.values("Message-Id")


def test_header_of_more_than_32_kib_is_refused_by_sendmail(sendmail_site: Site) -> None:
    """MaxHeadersLength; Postfix cuts the header, and our own limit is never reached here."""
    minted = sendmail_site.mint(locator="huge/1")
    heard = sendmail_site.send([f"<{minted.address}>"], reply(minted, "huge", "X-Huge: " + "word " * 8000))
    assert heard.startswith("552 5.6.0 Headers too large"), heard


# --- Hold, discard, local submission


def test_parked_mail_waits_in_quarantine_and_can_be_released(sendmail_site: Site) -> None:
    """mailq -qQ shows it, and sendmail -qQ -qIID -Q lets it go, sealed as parked."""
    minted = sendmail_site.mint("lenient", recipient="alice@client.example", locator="park/1")
    message = reply(minted, "parked").replace(b"alice@", b"mallory@")
    before = set(sendmail_site.mta.queue(held=True))
    assert sendmail_site.send([f"<{minted.address}>"], message).startswith("250")
    (held,) = set(sendmail_site.mta.queue(held=True)) - before
    sendmail = sendmail_site.sendmail_mta.sendmail
    assert b"QUARANTINE: reply-milter: sender_mismatch" in sendmail(["-Am", "-bp", "-qQ"], b"").stdout
    sendmail(["-Am", "-qQ", f"-qI{held}", "-Q"], b"")
    sendmail_site.mta.flush()
    (found,) = sendmail_site.arrived("X-Seq", "parked", 1)
    assert isinstance(found.tags, dict)
    assert found.tags["result"] == "park"


def test_discarded_mail_leaves_nothing_but_a_line_of_log(sendmail_site: Site) -> None:
    """An automatic answer: 250, and gone."""
    minted = sendmail_site.mint(locator="discard/1")
    heard = sendmail_site.send([f"<{minted.address}>"], reply(minted, "auto", "Auto-Submitted: auto-replied"))
    assert heard.startswith("250")
    queue_id = heard.split()[2]
    wait_until(lambda: f"{queue_id}: discarded" in sendmail_site.mta.log(), 5, "discarded in the log")
    assert queue_id not in sendmail_site.mta.queue()


def test_local_submission_passes_us_because_it_speaks_smtp(sendmail_site: Site) -> None:
    """sendmail(1) hands mail to the daemon's port; a refused recipient comes back to the author as a bounce."""
    minted = sendmail_site.mint(locator="local/1")
    good = reply(minted, "local").replace(b"\r", b"")
    sendmail_site.mta.sendmail(["-f", "alice@client.example", minted.address], good)
    (found,) = sendmail_site.arrived("X-Seq", "local", 1)
    assert isinstance(found.tags, dict), found.tags
    forged = ORDINARY.replace(b"\r", b"") % b"local-forged"
    sendmail_site.mta.sendmail(["-f", "bob@example.com", f"reply+junk@{DOMAIN}"], forged)
    (bounce,) = sendmail_site.arrived("Subject", "Returned mail: see transcript for details", 1, "people")
    assert b"This reply address is not valid" in bounce.body


def test_local_submission_past_the_daemon_is_unverified(sendmail_site: Site) -> None:
    """root's sendmail -Am asks no filter: what arrives bears no verdict, and a forged one stays as it was."""
    forged = b"X-Reply-Verdict: v=1; result=pass; user=1; seal=aaaaaaaaaaaaaaaaaaaaaaaaaa\n"
    message = forged + ORDINARY.replace(b"\r", b"") % b"past"
    sendmail_site.mta.sendmail(["-Am", "-f", "bob@example.com", f"reply+junk@{DOMAIN}"], message)
    (found,) = sendmail_site.arrived("X-Seq", "past", 1)
    assert not isinstance(found.tags, dict)


# --- A milter that is down


def test_a_milter_that_is_down_defers_all_mail(sendmail_site: Site) -> None:
    """F=T: 451 at MAIL for every client; the next connection after its return uses it."""
    sendmail_site.daemon.stop()
    try:
        assert sendmail_site.send(["<bob@example.com>"], ORDINARY % b"down").startswith("451 4.3.2")
        assert sendmail_site.send([f"<reply+x@{DOMAIN}>"], b"").startswith("451 4.3.2")
    finally:
        sendmail_site.daemon.start()
    assert sendmail_site.send(["<bob@example.com>"], ORDINARY % b"up").startswith("250")


def test_a_milter_that_dies_under_a_session_defers_the_rest_of_it(sendmail_site: Site) -> None:
    """Every command gets 451 until the client disconnects, even with the milter up again: nothing passes unverified."""
    with sendmail_site.client() as client:
        client.docmd("MAIL FROM:<alice@client.example>")
        assert client.docmd("RCPT TO:<bob@example.com>")[0] == 250
        sendmail_site.daemon.stop()
        try:
            assert client.docmd(f"RCPT TO:<reply+x@{DOMAIN}>")[0] == 451
            assert client.docmd("DATA")[0] == 451
        finally:
            sendmail_site.daemon.start()
        client.docmd("RSET")
        assert client.docmd("MAIL FROM:<alice@client.example>")[0] == 451
    assert sendmail_site.send([f"<reply+x@{DOMAIN}>"], b"").startswith("550 5.7.1")


@pytest.mark.parametrize("where,mode", [("run/reply-milter", 0o2770), ("run", 0o777)], ids=["its folder", "above it"])
def test_socket_folder_that_others_may_write_to_is_not_trusted(sendmail_site: Site, where: str, mode: int) -> None:
    """Sendmail says `unsafe` in its log and treats the milter as down. Postfix does not look."""
    folder = sendmail_site.mta.folder / where
    before = folder.stat().st_mode & 0o7777
    folder.chmod(mode)
    try:
        assert sendmail_site.send(["<bob@example.com>"], ORDINARY % b"unsafe").startswith("451 4.3.2")
        assert "local socket name /run/reply-milter/verify.sock unsafe" in sendmail_site.mta.log()
    finally:
        folder.chmod(before)


# --- Daemons that ask other filters than ours


def test_a_daemon_names_its_own_filters() -> None:
    """InputMailFilters: an empty list bypasses the milter; with MAIL_FILTER, only lists that name the milter ask it."""
    bypass, own = free_port(), free_port()
    daemons = "".join(
        f"DAEMON_OPTIONS(`Family=inet, Name={name}, Port={port}, Addr=127.0.0.1, InputMailFilters={filters}')dnl\n"
        for name, port, filters in (("Bypass", bypass, ""), ("Reply", own, "reply-milter"))
    )
    change = {"INPUT_MAIL_FILTER(": "MAIL_FILTER("}  # defined, but asked by those alone that name it
    running = Site(layout=SendmailLayout(change=change, more=daemons))
    try:
        running.start()
        junk = f"<reply+junk@{DOMAIN}>"
        answers = [running.send([junk], ORDINARY % b"own", port=port) for port in (None, bypass, own)]
        assert [answer[:9] for answer in answers] == ["250 2.0.0", "250 2.0.0", "550 5.7.1"]
        running.daemon.stop()
        assert running.send(["<bob@example.com>"], ORDINARY % b"own").startswith("250")
        assert running.send([junk], b"", port=own).startswith("451 4.3.2")
    finally:
        running.stop()


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r"], ids=repr)
def test_no_second_message_is_smuggled_in(sendmail_site: Site, end: bytes) -> None:
    """CVE-2023-51765: Debian's Sendmail hangs up on bare line feeds, and nothing of the message stays."""
    with sendmail_site.client() as client:
        client.docmd("MAIL FROM:<alice@client.example>")
        client.docmd("RCPT TO:<bob@example.com>")
        client.docmd("DATA")
        inner = f"MAIL FROM:<alice@client.example>\r\nRCPT TO:<reply+x@{DOMAIN}>\r\nDATA\r\n\r\n.\r\n".encode()
        client.send(b"Subject: x\r\n\r\nx" + end + inner)
        code, text = client.getreply()
        client.close()
    assert (code, text[:10]) == (421, b"4.5.0 Bare"), text
