"""Whatever octets an MTA sends to the loop, no accident happens, and each answer is a packet of libmilter's.

Input: octets as they come from a socket, in pieces of 1 to 255 octets: the first octet of the input says how many.
"""

import struct

from reply_milter.adapters.milter_loop.hooks import Hooks
from reply_milter.adapters.milter_loop.session import Session
from reply_milter.adapters.telemetry.silent import SilentTelemetry
from reply_milter.core.milter_protocol.packets import packet
from reply_milter.flows.driving import put
from reply_milter.flows.verifying.inbound import Connection
from reply_milter.ports import StoreUnavailableError
from tests.fuzz.accidents import no_accidents
from tests.support.fakes import AUTHOR, DOMAIN, MemoryStore, minted, service

GENUINE = minted()
WORDS = (
    b"\0", b"\1", b"\xff", b"\0\0\0\1", packet(b"O", struct.pack("!III", 6, 0x1FF, 0x1FFFFF)),
    packet(b"O", struct.pack("!III", 2, 0x1FF, 0)), packet(b"C", b"x\x004\0\x19192.0.2.1\0"), packet(b"C", b"x\0U"),
    packet(b"M", b"<jane@example.org>\0"), packet(b"R", f"<{GENUINE.address}>\0".encode()),
    packet(b"R", f"<reply+x@{DOMAIN}>\0".encode()), packet(b"R", b"<bob@example.com>\0"), packet(b"T"), packet(b"N"),
    packet(b"D", b"R{rcpt_mailer}\0smtp\0{rcpt_addr}\0" + GENUINE.address.encode() + b"\0"), packet(b"D", b"Ei\0Q1\0"),
    packet(b"L", f"From\0{AUTHOR}\0".encode()), packet(b"L", b"Message-ID\0<1@example.org>\0"),
    packet(b"L", f"In-Reply-To\0<{GENUINE.message_id}>\0".encode()), packet(b"L", b"\xff\0x\0"), packet(b"B", b"text"),
    packet(b"E"), packet(b"E", b"text"), packet(b"A"), packet(b"Q"), packet(b"K"), packet(b"U", b"x\0"), packet(b"z"),
)  # fmt: skip
_LETTERS = b"Ocyastdimhq-"


def one_input(octets: bytes) -> None:
    """Give the pieces to a session; drive its questions, on a store that is there, and on one that is not."""
    given = service(MemoryStore())
    size, octets = max(1, octets[0]) if octets else 1, octets[1:]
    for down, early in ((False, False), (True, False), (False, True)):
        given.store.down = down  # type: ignore[attr-defined]
        telemetry = SilentTelemetry()
        hooks = Hooks(
            lambda client: Connection(lambda: given, client),
            lambda _client, its=telemetry: its,  # type: ignore[misc]
            lambda wanted=early: wanted,  # type: ignore[misc]
            over_tcp=early,
        )
        _play(octets, size, Session(hooks, lambda: False))


def _play(octets: bytes, size: int, session: Session) -> None:
    for start in range(0, len(octets), size):
        with no_accidents():
            session.take(octets[start : start + size])
            while session.steps.question is not None or session.has_more:
                _go_on(session)
        _check(b"".join(session.steps.answers))
        session.steps.answers.clear()
        if session.has_ended:
            break
    session.close()
    assert not session.steps.in_message


def _go_on(session: Session) -> None:
    question = session.steps.question
    if question is None:
        session.proceed()
        return
    try:
        answer = put(question.request, question.store)
    except StoreUnavailableError as failure:
        session.answered(None, failure)
    else:
        session.answered(answer, None)


def _check(answers: bytes) -> None:
    while answers:
        (length,) = struct.unpack("!I", answers[:4])
        assert 0 < length < 65_536 and answers[4] in _LETTERS
        assert len(answers) >= 4 + length
        answers = answers[4 + length :]
