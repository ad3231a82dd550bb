"""``accept_early``: what ends at DATA, what goes on, and what messages on one connection leave of each other."""

from collections.abc import Iterator

import pytest

from reply_milter.core.token.mint import MintedAddress
from tests.support.processes.daemon_process import wait_until
from tests.support.processes.ports import free_port
from tests.wire.milter_alone import DOMAIN, Milter, own_folder
from tests.wire.milter_client import (
    ACCEPT,
    ALL_STEPS,
    CONTINUE,
    DELETE_RECIPIENT,
    INSERT_HEADER,
    MAY_SKIP,
    NO_DATA,
    NR_BODY,
    REPLYCODE,
    SKIP,
    Answer,
    Mta,
)
from tests.wire.postfix_writes import Postfix

pytestmark = pytest.mark.wire

ON = {"accept_early = false": "accept_early = true"}
BOB = "bob@example.com"


@pytest.fixture(scope="module", params=["unix", "inet"])
def milter(request: pytest.FixtureRequest, engine: str) -> Iterator[Milter]:
    """A daemon with the setting, on each kind of socket."""
    with own_folder() as folder:
        running = Milter(folder, free_port() if request.param == "inet" else 0, ON, engine)
        running.daemon.start()
        yield running
        running.daemon.stop()


def _envelope(mta: Mta, *recipients: str) -> Answer:
    """MAIL and recipients; the answer to DATA."""
    mta.mail()
    for recipient in recipients:
        assert mta.rcpt(f"<{recipient}>", recipient).code == CONTINUE
    return mta.data()


def _rest(mta: Mta, minted: MintedAddress, name: str, body: bytes = b"Yes.\r\n") -> Answer:
    for field, value in (
        ("From", "Alice <alice@client.example>"), ("Message-ID", f"<{name}@client.example>"),
        ("Date", "Sat, 21 Nov 2026 12:00:00 +0000"), ("In-Reply-To", f"<{minted.message_id}>"),
    ):  # fmt: skip
        mta.header(field, value)
    mta.end_of_header()
    for start in range(0, len(body), 65535):
        mta.body(body[start : start + 65535])
    return mta.end_of_message()


def _replies(mta: Mta, milter: Milter, name: str, *beside: str) -> str:
    """Send a reply, also to ``beside``; its verdict, as text."""
    minted = milter.mint()
    assert _envelope(mta, minted.address, *beside).code == CONTINUE
    answer = _rest(mta, minted, name)
    assert (answer.code, [code for code, _ in answer.edits]) == (CONTINUE, [INSERT_HEADER])
    return answer.edits[0][1].replace(b"\n\t", b"").decode()


def test_data_is_negotiated_and_bodies_need_no_answer(milter: Milter) -> None:
    """SKIP is not: no body comes that would be skipped."""
    with Mta(milter.place) as mta:
        assert mta.steps & (NO_DATA | MAY_SKIP) == 0
        assert mta.steps & NR_BODY


def test_ordinary_mail_ends_at_data(milter: Milter) -> None:
    """Message after message, with the ABORT that MTAs send behind an accepted one, or without, or with two."""
    with Mta(milter.place) as mta:
        mta.connect()
        for aborts in (0, 1, 2, 0, 1):
            assert _envelope(mta, BOB, "ann@example.com").code == ACCEPT
            for _ in range(aborts):
                mta.abort()


def test_several_messages_on_one_connection(milter: Milter) -> None:
    """Replies and others in turn: each reply is sealed, and is the first of its address."""
    with Mta(milter.place) as mta:
        mta.connect()
        for number in range(4):
            assert _envelope(mta, BOB).code == ACCEPT
            if number % 2:
                mta.abort()
            assert "replay=first" in _replies(mta, milter, f"several-{number}")
            assert "replay=first" in _replies(mta, milter, f"mixed-{number}", BOB)
            mta.abort()


def test_a_refused_reply_recipient_beside_a_person(milter: Milter) -> None:
    """The person's mail is ordinary; alone, the recipient leaves no message at all."""
    junk = f"reply+junk@{DOMAIN}"
    with Mta(milter.place) as mta:
        mta.connect()
        mta.mail()
        assert mta.rcpt(f"<{junk}>", junk).code == REPLYCODE
        assert mta.rcpt(f"<{BOB}>", BOB).code == CONTINUE
        assert mta.data().code == ACCEPT
        mta.mail()
        assert mta.rcpt(f"<{junk}>", junk).code == REPLYCODE
        assert mta.data().code == CONTINUE, "an MTA that goes on knows of recipients that we do not"
        mta.end_of_header()
        assert mta.end_of_message().code == CONTINUE


def test_a_local_refusal_still_waits_for_the_end(milter: Milter) -> None:
    """And takes the recipient off."""
    junk = f"reply+junk@{DOMAIN}"
    with Mta(milter.place) as mta:
        mta.connect()
        mta.mail()
        assert mta.rcpt(junk, junk, mailer=None).code == CONTINUE
        assert mta.rcpt(BOB, BOB, mailer=None).code == CONTINUE
        assert mta.data().code == CONTINUE
        mta.end_of_header()
        answer = mta.end_of_message()
    assert (answer.code, answer.edits) == (CONTINUE, [(DELETE_RECIPIENT, junk.encode() + b"\0")])


def test_reset_before_data_and_after(milter: Milter) -> None:
    """RSET with a reply recipient on the way, and with an accepted message: the next message is its own."""
    minted = milter.mint()
    with Mta(milter.place) as mta:
        mta.connect()
        mta.mail()
        assert mta.rcpt(f"<{minted.address}>", minted.address).code == CONTINUE
        mta.abort()
        assert _envelope(mta, BOB).code == ACCEPT
        mta.abort()
        mta.mail()
        mta.abort()
        assert _envelope(mta, minted.address).code == CONTINUE
        mta.abort()
        assert _envelope(mta, BOB).code == ACCEPT
        assert _envelope(mta, minted.address).code == CONTINUE
        assert b"replay=first" in _rest(mta, minted, "reset").edits[0][1].replace(b"\n\t", b"")


def test_a_reply_without_a_header_is_refused(milter: Milter) -> None:
    """It names no author. libmilter lets no body follow DATA, but for the end of the header that we ask for."""
    with Postfix(milter.place) as mta:
        for _ in range(2):
            answer = mta.message([milter.mint().address], [], b"hello\r\n")
            assert answer.text.startswith("550 5.7.1"), answer
            assert mta.message([BOB], [], b"hello\r\n").code == ACCEPT


def test_a_reply_with_a_large_body(milter: Milter) -> None:
    """Its pieces are not answered, and all of them are in the digest; too large a body is refused at the end."""
    minted, large = milter.mint(), milter.mint()
    with Mta(milter.place) as mta:
        mta.connect()
        assert _envelope(mta, minted.address).code == CONTINUE
        answer = _rest(mta, minted, "large", b"0123456789abcdef\r\n" * 40000)
        assert [code for code, _ in answer.edits] == [INSERT_HEADER]
        assert _envelope(mta, large.address).code == CONTINUE
        assert _rest(mta, large, "too-large", b"x" * (26214400 + 65536)).text.startswith("552 5.3.4")
        assert _envelope(mta, BOB).code == ACCEPT


def test_an_mta_without_data_keeps_todays_way(milter: Milter) -> None:
    """No early end, and SKIP for the body of ordinary mail."""
    with Mta(milter.place, steps=ALL_STEPS & ~NO_DATA & ~NR_BODY) as mta:
        mta.steps |= NO_DATA  # it knows no such command
        mta.connect()
        assert _envelope(mta, BOB).code == CONTINUE
        assert mta.body(b"hello").code == SKIP
        assert mta.end_of_message().code == CONTINUE
        _replies(mta, milter, "old-mta")


def test_an_mta_that_offers_nothing_more_hears_each_piece(milter: Milter) -> None:
    """It can leave DATA out, and waits for an answer to each piece of a body."""
    with Mta(milter.place, steps=NO_DATA) as mta:
        assert not mta.steps & NR_BODY
        mta.connect()
        assert _envelope(mta, BOB).code == ACCEPT
        _replies(mta, milter, "plain-mta")


def test_a_reload_takes_effect_with_the_next_message(milter: Milter) -> None:
    """Off and on again: within a session no step changes, and nothing waits for an answer that never comes."""
    text = milter.config.read_text()
    with Mta(milter.place) as mta:
        mta.connect()
        assert _envelope(mta, BOB).code == ACCEPT
        for early, code in (("false", CONTINUE), ("true", ACCEPT)):
            milter.config.write_text(text.replace("accept_early = true", f"accept_early = {early}"))
            milter.daemon.reload()
            wait_until(lambda code=code: _probe(milter) == (code == ACCEPT), 5, "the reload")  # type: ignore[misc]
            assert _envelope(mta, BOB).code == code
            if code == CONTINUE:
                mta.header("Subject", "hello")
                mta.end_of_header()
                mta.body(b"hello\r\n")
                assert mta.end_of_message().code == CONTINUE
            _replies(mta, milter, f"reload-{early}")


def _probe(milter: Milter) -> bool:
    with Mta(milter.place) as mta:
        return bool(mta.steps & NR_BODY)


def test_with_what_postfix_writes(milter: Milter) -> None:
    """Its packets and macros, in its writes: in turn."""
    with Postfix(milter.place) as mta:
        for number in range(6):
            assert mta.message([BOB], [("From", "alice@client.example")], b"hello\r\n").code == ACCEPT
            minted = milter.mint()
            fields = [
                ("From", "alice@client.example"),
                ("Message-ID", f"<p{number}@client.example>"),
                ("In-Reply-To", f"<{minted.message_id}>"),
            ]
            answer = mta.message([minted.address, BOB], fields, b"line of a reply\r\n" * 90)
            assert [code for code, _ in answer.edits] == [INSERT_HEADER]
