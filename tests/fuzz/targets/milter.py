"""In whatever order an MTA calls, with whatever in its arguments: each call has its answer, and no accident happens.

Input: calls, separated by LF, each a letter of the milter protocol and its arguments, separated by NUL; 0x1f stands
for LF in an argument. ``D`` sets a macro. Both kinds of milters hear them, on stores and clocks that are fakes.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import Milter

from reply_milter.adapters.libmilter import SIGN, VERIFY, MilterCallbacks
from reply_milter.config.sign import SignSettings
from reply_milter.core.mail.headers import MINT, VERDICT
from reply_milter.core.verdict.handler import Handlers
from reply_milter.flows.service import MintingRules, MintingService, Service
from reply_milter.flows.signing.outbound import Submission
from reply_milter.flows.verifying.inbound import Connection
from reply_milter.ports import Decision, Notification
from tests.fuzz.accidents import no_accidents
from tests.support.fakes import (
    DOMAIN,
    FORM,
    FORUM,
    ISSUE,
    KEYRING,
    FixedClock,
    MemoryMark,
    MemoryStore,
    minted,
    service,
)

GENUINE = minted()
WORDS = (
    b"\n", b"\0", b"\x1f", b"O", b"C192.0.2.1\n", b"M<jane@example.org>\n", b"M<>\n",
    f"R<{GENUINE.address}>\n".encode(), f"D{{rcpt_addr}}\0{GENUINE.address}\n".encode(), b"D{rcpt_mailer}\0smtp\n",
    b"Di\x004Q1\n", b"D{auth_authen}\0shop\n", f"R<reply+x@{DOMAIN}>\n".encode(), b"R<bob@example.com>\n",
    f"R\xff+@{DOMAIN}.\n".encode("latin-1"), b"LFrom\0jane@example.org\n", b"LMessage-ID\0<1@example.org>\n",
    f"LIn-Reply-To\0<{GENUINE.message_id}>\n".encode(), f"L{VERDICT}\0v=1; result=pass; seal=x\n".encode(),
    f"L{MINT}\0handler=issue; user=42; locator=a/1\n".encode(), b"LReceived\0from x\n", b"Btext\n", b"E\n", b"A\n",
    b"Q\n", b"T\n", b"N\n", b"Auto-Submitted", b"\xff", "\u212a".encode(), b"%s", b"(", b"<", b",",
)  # fmt: skip
_GO_ON = {Milter.CONTINUE, Milter.NOREPLY}
_EXPECTED = {
    "R": {Milter.CONTINUE, Milter.REJECT, Milter.TEMPFAIL},
    "B": {Milter.CONTINUE, Milter.SKIP, Milter.NOREPLY},
    "T": {Milter.CONTINUE, Milter.ACCEPT},
    "E": {Milter.CONTINUE, Milter.REJECT, Milter.TEMPFAIL, Milter.DISCARD},
}


def one_input(octets: bytes) -> None:
    """Play the calls to each kind of milter."""
    calls = [line.replace(b"\x1f", b"\n") for line in octets.split(b"\n") if line]
    given, rules = service(MemoryStore()), MintingRules(FORM, KEYRING, Handlers.of([ISSUE, FORUM]), SignSettings(None))
    signing = MintingService(rules, FixedClock(), _Counter(), lambda: "x1", MemoryStore(), MemoryMark())
    with no_accidents():
        for early in (False, True):
            _play(calls, _verifying(given, early))
        _play(
            calls, MilterCallbacks(lambda client: Submission(lambda: signing, client), SIGN, lambda _client: _Counter())
        )


def _verifying(given: Service, early: bool) -> MilterCallbacks:
    return MilterCallbacks(
        lambda client: Connection(lambda: given, client), VERIFY, lambda _client: _Counter(), lambda: early
    )


def _play(calls: list[bytes], callbacks: MilterCallbacks) -> None:
    mta = _Mta()
    for call in calls:
        letter, arguments = chr(call[0]), call[1:].split(b"\0")
        mta.in_end_of_message = letter == "E"
        answer = _call(callbacks, mta, letter, arguments)
        assert answer is None or answer in _EXPECTED.get(letter, _GO_ON), (letter, answer)
        assert (answer in (Milter.REJECT, Milter.TEMPFAIL)) == bool(mta.replies), "a refusal without its words"
        mta.replies.clear()
    callbacks._close(mta)
    assert callbacks.idle


def _call(callbacks: MilterCallbacks, mta: "_Mta", letter: str, arguments: list[bytes]) -> int | None:
    """As pymilter does; None where it would call nothing."""
    first, last = arguments[0], arguments[-1]
    if letter == "D":
        mta.macros[first.decode("latin-1")] = last
    if letter == "L" and not _is_utf8(first):  # pymilter's C code answers this one
        return None
    if letter == "O" and mta.getpriv() is not None:  # libmilter hangs up
        return None
    calls: dict[str, Callable[[], int]] = {
        "O": lambda: callbacks._negotiate(mta, [0x1FF, int.from_bytes(first[:3]) if first else 0x1FFFFF, 0, 0]),
        "C": lambda: callbacks._connect(mta, "client", 2, (first.decode("latin-1"), 25) if first else None),
        "M": lambda: callbacks._mail(mta, *arguments),
        "R": lambda: callbacks._rcpt(mta, *arguments),
        "T": lambda: callbacks._data(mta),
        "L": lambda: callbacks._header(mta, first.decode(), last),
        "N": lambda: callbacks._end_of_header(mta),
        "B": lambda: callbacks._body(mta, last),
        "E": lambda: callbacks._end_of_message(mta),
        "A": lambda: callbacks._abort(mta),
        "Q": lambda: callbacks._close(mta),
    }
    return calls[letter]() if letter in calls else None


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


@dataclass
class _Mta:
    """pymilter's context object: as strict as its C code, and stricter where that would pass on what harms."""

    macros: dict[str, bytes] = field(default_factory=dict)
    replies: list[str] = field(default_factory=list)
    in_end_of_message: bool = False
    _private: object = None

    def getpriv(self) -> object:
        return self._private

    def setpriv(self, private: object) -> None:
        self._private = private

    def getsymval(self, name: str) -> str | None:
        value = self.macros.get(name)
        return None if value is None else value.decode()

    def setreply(self, code: str, enhanced: str, text: str) -> None:
        assert code[0] in "45" and enhanced[0] == code[0] and len(code) == 3
        assert text.isascii() and text.isprintable() and "%" not in text and len(text) < 200
        self.replies.append(text)

    def addheader(self, name: str, value: str, index: int) -> None:
        assert index in (0, -1)
        self._edit(name, value)

    def chgheader(self, name: str, index: int, value: str | None) -> None:
        assert index >= 1
        self._edit(name, value or "")

    def delrcpt(self, argument: str) -> None:
        argument.encode()  # the client's own, whatever is in it: an MTA looks it up, and writes it nowhere

    def quarantine(self, reason: str) -> None:
        self._edit(reason)

    def _edit(self, *texts: str) -> None:
        assert self.in_end_of_message
        for text in texts:
            text.encode()  # as C takes it
            assert not re.search(r"[\0\r]|\n(?![ \t])", text), "a line of its own"


class _Counter:
    def connection_opened(self) -> None:
        """See ``ports.ConnectionTelemetry``."""

    def connection_closed(self) -> None:
        """See ``ports.ConnectionTelemetry``."""

    def stage_started(self) -> float:
        """See ``ports.ConnectionTelemetry``."""
        return 0.0

    def stage_resumed(self, started: float) -> None:
        """See ``ports.ConnectionTelemetry``."""

    def stage_ended(self, name: str) -> None:
        """See ``ports.ConnectionTelemetry``."""

    def internal_error(self, name: str) -> None:
        """See ``ports.ConnectionTelemetry``."""

    def notification(self, notification: Notification) -> None:
        """See ``ports.MintingTelemetry``."""

    def native(self, decision: Decision) -> None:
        """See ``ports.MintingTelemetry``."""
