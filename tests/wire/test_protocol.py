"""The daemon over the milter protocol itself: what is negotiated, and what each step is answered."""

import os
import signal
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from reply_milter.core.token.mint import MintedAddress
from tests.support.processes.daemon_process import wait_until
from tests.wire.milter_alone import DOMAIN, Milter, own_folder
from tests.wire.milter_client import (
    CHANGE_HEADER,
    CONTINUE,
    DELETE_RECIPIENT,
    DISCARD,
    INSERT_HEADER,
    NR_CONNECT,
    NR_HEADER,
    NR_MAIL,
    QUARANTINE,
    REPLYCODE,
    SKIP,
    Answer,
    Mta,
)

pytestmark = pytest.mark.wire


@pytest.fixture(scope="module")
def milter(engine: str) -> Iterator[Milter]:
    """A running daemon with one worker, which a test can hit for sure."""
    with own_folder() as folder:
        running = Milter(folder, engine=engine)
        running.daemon.start()
        yield running
        running.daemon.stop()


def _envelope(mta: Mta, minted: MintedAddress) -> Answer:
    mta.connect()
    mta.mail()
    return mta.rcpt(f"<{minted.address}>", minted.address)


def _headers(mta: Mta, minted: MintedAddress, name: str, *more: tuple[str, str]) -> None:
    for field, value in (
        ("From", "Alice <alice@client.example>"), ("Message-ID", f"<{name}@client.example>"),
        ("Date", "Sat, 21 Nov 2026 12:00:00 +0000"), ("In-Reply-To", f"<{minted.message_id}>"), *more,
    ):  # fmt: skip
        mta.header(field, value)


def _whole(mta: Mta, minted: MintedAddress, name: str) -> Answer:
    assert _envelope(mta, minted).code == CONTINUE
    _headers(mta, minted, name)
    mta.end_of_header()
    mta.body(f"Text of {name}.\r\n".encode())
    return mta.end_of_message()


def test_only_the_needed_steps_and_actions_are_negotiated(milter: Milter) -> None:
    """No HELO, DATA, end of headers or unknown commands; no waiting for connect, MAIL and header fields; SKIP."""
    with Mta(milter.socket) as mta:
        assert mta.steps & (NR_CONNECT | NR_MAIL | NR_HEADER) == NR_CONNECT | NR_MAIL | NR_HEADER
        unwanted = 0x02 | 0x100 | 0x200 | 0x40  # NOHELO, NOUNKNOWN, NODATA, NOEOH
        assert mta.steps & unwanted == unwanted
        assert mta.steps & 0x400, "SKIP"
        assert not mta.steps & (0x1 | 0x4 | 0x8 | 0x10 | 0x20), "connect, MAIL, RCPT, body and header fields are wanted"
        assert not mta.steps & 0x8000, "RCPT waits for its answer"
        assert mta.actions == 0x1 | 0x10 | 0x08 | 0x20, "add and change fields, delete a recipient, quarantine"


def test_a_worker_stays_on_one_cpu(milter: Milter) -> None:
    """With all its threads, libmilter's among them; its supervisor may use all."""
    (worker,) = milter.daemon.workers()
    threads = [int(thread.name) for thread in Path(f"/proc/{worker}/task").iterdir()]
    assert len(threads) > 1
    assert {len(os.sched_getaffinity(thread)) for thread in threads} == {1}
    assert os.sched_getaffinity(milter.daemon.pid) == os.sched_getaffinity(0)


def test_an_mta_that_offers_nothing_is_served_all_the_same(milter: Milter) -> None:
    """Every step is then answered, and no body is skipped."""
    with Mta(milter.socket, steps=0) as mta:
        answer = _whole(mta, milter.mint(), "plain-mta")
    assert [code for code, _ in answer.edits] == [INSERT_HEADER]
    assert answer.code == CONTINUE


def test_ordinary_mail_is_skipped_and_left_alone(milter: Milter) -> None:
    """Its fields cost no answer, the first piece of its body is answered SKIP, and its end CONTINUE."""
    with Mta(milter.socket) as mta:
        mta.connect()
        mta.mail("<>")
        assert mta.rcpt("<bob@example.com>", "bob@example.com").code == CONTINUE
        mta.header("X-Reply-Verdict", "v=1; result=pass")
        assert mta.body(b"hello").code == SKIP
        answer = mta.end_of_message()
    assert (answer.code, answer.edits) == (CONTINUE, [])


def test_edits_take_foreign_verdicts_off_last_first(milter: Milter) -> None:
    """Then ours is inserted at index 0, folded before column 78."""
    minted = milter.mint()
    with Mta(milter.socket) as mta:
        _envelope(mta, minted)
        _headers(mta, minted, "edits", ("X-Reply-Verdict", "a"), ("x-reply-verdict", "b"), ("X-REPLY-VERDICT", "c"))
        mta.body(b"hi\r\n")
        answer = mta.end_of_message()
    changed = [struct.unpack("!I", rest[:4])[0] for code, rest in answer.edits if code == CHANGE_HEADER]
    assert changed == [3, 2, 1]
    code, inserted = answer.edits[-1]
    assert code == INSERT_HEADER
    assert struct.unpack("!I", inserted[:4])[0] == 0
    name, value = inserted[4:].rstrip(b"\0").split(b"\0")
    assert name == b"X-Reply-Verdict"
    lines = (name + b": " + value).split(b"\n")
    assert all(len(line.expandtabs(8)) < 78 for line in lines), lines


def test_nothing_of_one_message_reaches_the_next(milter: Milter) -> None:
    """After a reply, on the same connection: an aborted one, and ordinary mail; neither is tagged."""
    minted = milter.mint()
    with Mta(milter.socket) as mta:
        assert _whole(mta, minted, "first").edits
        mta.mail()
        mta.rcpt(f"<{minted.address}>", minted.address)
        mta.abort()
        mta.abort()
        mta.mail()
        mta.rcpt("<bob@example.com>", "bob@example.com")
        answer = mta.end_of_message()
    assert (answer.code, answer.edits) == (CONTINUE, [])


def test_a_recipient_probe_leaves_no_trace(milter: Milter) -> None:
    """MAIL <>, RCPT, abort: the reply that comes later is the first."""
    minted = milter.mint()
    with Mta(milter.socket) as mta:
        for _ in range(3):
            mta.connect()
            mta.mail("<>")
            assert mta.rcpt(f"<{minted.address}>", minted.address).code == CONTINUE
            mta.abort()
        answer = _whole(mta, minted, "after-probes")
    assert b"replay=first" in answer.edits[-1][1].replace(b"\n\t", b"")


@pytest.mark.parametrize("resolved", ["{local}", "{LOCAL}"])
def test_a_bare_local_part_is_compared_with_ours(milter: Milter, resolved: str) -> None:
    """Sendmail's local mailer gives {rcpt_addr} without a domain."""
    minted = milter.mint()
    local = minted.address.split("@")[0]
    with Mta(milter.socket) as mta:
        mta.connect()
        mta.mail()
        spelled = resolved.format(local=local, LOCAL=local.upper())
        assert mta.rcpt(f"<{minted.address}>", spelled).code == CONTINUE


@pytest.mark.parametrize("resolved", ["someone", "someone@elsewhere.example", "reply+other@reply.example.com"])
def test_two_readings_that_differ_are_refused(milter: Milter, resolved: str) -> None:
    """550 5.1.3, also when the token is genuine: the MTA would deliver another address than we verified."""
    minted = milter.mint()
    with Mta(milter.socket) as mta:
        mta.connect()
        mta.mail()
        answer = mta.rcpt(f"<{minted.address}>", resolved)
    assert (answer.code, answer.text[:9]) == (REPLYCODE, "550 5.1.3")


def test_without_rcpt_mailer_refusals_wait_for_the_end(milter: Milter) -> None:
    """A local submission: RCPT is never refused; beside a person the reply recipient is taken off instead."""
    with Mta(milter.socket) as mta:
        mta.connect()
        mta.mail()
        assert mta.rcpt(f"reply+junk@{DOMAIN}", f"reply+junk@{DOMAIN}", mailer=None).code == CONTINUE
        assert mta.end_of_message().text.startswith("550 5.7.1")
        mta.mail()
        mta.rcpt(f"reply+junk@{DOMAIN}", f"reply+junk@{DOMAIN}", mailer=None)
        mta.rcpt("bob@example.com", "bob@example.com", mailer=None)
        answer = mta.end_of_message()
    assert answer.code == CONTINUE
    assert answer.edits == [(DELETE_RECIPIENT, f"reply+junk@{DOMAIN}".encode() + b"\0")]


def test_a_discarded_message_is_answered_with_discard(milter: Milter) -> None:
    """A vacation notice by default."""
    minted = milter.mint()
    with Mta(milter.socket) as mta:
        _envelope(mta, minted)
        _headers(mta, minted, "vacation", ("Auto-Submitted", "auto-replied"))
        answer = mta.end_of_message()
    assert (answer.code, answer.edits) == (DISCARD, [])


def test_junk_is_answered_the_same_whatever_is_wrong_with_it(milter: Milter) -> None:
    """Without a good checksum no answer shows which check failed: the same octets for each."""
    minted = milter.mint()
    local = minted.address.split("@")[0].removeprefix("reply+")
    wrong = ["", "x", local[:-1], local + "a", "g" + local[1:], local[:10] + "a" + local[11:], local[:-1] + "1",
             ("b" if local[-1] != "b" else "c").join([local[:-1], ""]), "f" * 10 + local[10:]]  # fmt: skip
    answers = set()
    with Mta(milter.socket) as mta:
        mta.connect()
        for token_text in wrong:
            mta.mail()
            answer = mta.rcpt(f"<reply+{token_text}@{DOMAIN}>", f"reply+{token_text}@{DOMAIN}".lower())
            answers.add((answer.code, answer.text))
            mta.abort()
    assert answers == {(REPLYCODE, "550 5.7.1 This reply address is not valid")}


def test_a_worker_killed_in_headers_or_body_leaves_a_retry_welcome(milter: Milter) -> None:
    """The MTA loses its connection and defers; the message, sent again, is the first."""
    for step in ("headers", "body"):
        minted = milter.mint()
        with Mta(milter.socket) as mta:
            _envelope(mta, minted)
            _headers(mta, minted, step)
            if step == "body":
                mta.body(b"half of it")
            (worker,) = milter.daemon.workers()
            os.kill(worker, signal.SIGKILL)
            with pytest.raises((ConnectionError, OSError)):
                mta.body(b"the rest")
                mta.end_of_message()
        wait_until(lambda: len(milter.daemon.workers()) == 1, 5, "the worker is back")
        with Mta(milter.socket) as mta:
            answer = _whole(mta, minted, step)
        assert b"replay=first" in answer.edits[-1][1].replace(b"\n\t", b"")


def test_a_lost_answer_is_a_retry_under_the_same_id(milter: Milter) -> None:
    """The same message again at once, by another client and route: accepted, replay=retry, the same id."""
    minted = milter.mint()
    values = []
    for address in ("192.0.2.1", "198.51.100.7"):
        with Mta(milter.socket) as mta:
            mta.connect(address)
            mta.mail()
            mta.rcpt(f"<{minted.address}>", minted.address)
            _headers(mta, minted, "lost", ("Received", f"from {address}"))
            mta.body(b"Text\r\n")
            values.append(mta.end_of_message().edits[-1][1].replace(b"\n\t", b"").decode())
    ids = {value.split("id=")[1].split(";")[0] for value in values}
    assert len(ids) == 1
    assert "replay=first" in values[0]
    assert "replay=retry" in values[1]


def test_parked_mail_is_quarantined(milter: Milter) -> None:
    """With the policy ``park`` for a stranger: sealed as result=park, and put on hold."""
    text = milter.config.read_text()
    milter.config.write_text(text.replace('mode = "enforce"', 'mode = "enforce"\nsender_mismatch = "park"'))
    milter.daemon.reload()
    minted = milter.mint()
    with Mta(milter.socket) as mta:
        _envelope(mta, minted)
        for name, value in (
            ("From", "mallory@x.example"),
            ("Message-ID", "<1@x>"),
            ("In-Reply-To", f"<{minted.message_id}>"),
        ):
            mta.header(name, value)
        answer = mta.end_of_message()
    assert [code for code, _ in answer.edits] == [INSERT_HEADER, QUARANTINE]
    assert b"result=park; reason=sender_mismatch" in answer.edits[0][1]
    assert answer.code == CONTINUE
