"""A Postfix at a milter socket: the packets of 3.7 with their macros, in the writes in which it makes them.

Seen with a recorder between the two. Postfix keeps what it sends until it needs an answer, until 4 KiB are there, or
until smtpd hands the connection to cleanup, behind the macros of DATA. It sends the macros of declined steps, too.
"""

import struct
import time
from collections.abc import Sequence

from tests.wire.milter_client import (
    NO_DATA,
    NO_END_OF_HEADER,
    NR_BODY,
    NR_CONNECT,
    NR_END_OF_HEADER,
    NR_HEADER,
    NR_MAIL,
    Answer,
    Mta,
    Place,
)

_BUFFER = 4096  # VSTREAM_BUFSIZE
_NO_HELO, _NO_BODY = 0x02, 0x10
QUEUE_ID = "0855D23A568"


class Postfix(Mta):
    """One connection. ``waits``: how long each answer took, in seconds."""

    def __init__(self, place: Place) -> None:
        self._kept = b""
        self.waits: list[float] = []
        super().__init__(place)
        self._event(b"C", _strings("[192.0.2.1]") + b"4\x00\x19" + _strings("192.0.2.1"), _host_macros(), 0, NR_CONNECT)
        self._event(b"H", _strings("client.example"), {}, _NO_HELO, 0)

    def message(self, recipients: Sequence[str], fields: Sequence[tuple[str, str]], body: bytes) -> Answer:
        """Hand over a whole message; the answer that ended it."""
        sender = "alice@client.example"
        self._event(b"M", _strings(f"<{sender}>", f"size={len(body)}"), _mailer("mail", sender), 0, NR_MAIL)
        answer = Answer(b"c")
        for recipient in recipients:
            answer = self._event(b"R", _strings(f"<{recipient}>"), _mailer("rcpt", recipient), 0, 0)
            if answer.code != b"c":
                self._keep(b"A", b"")
                return answer
        answer = self._event(b"T", b"", {"i": QUEUE_ID}, NO_DATA, 0)
        if answer.code != b"a":
            self._flush()  # smtpd hands the connection to cleanup
            answer = self._content(fields, body)
        self._keep(b"A", b"")  # smtpd, which goes out with the next message
        return answer

    def _content(self, fields: Sequence[tuple[str, str]], body: bytes) -> Answer:
        for name, value in fields:
            self._event(b"L", _strings(name, value), {"i": QUEUE_ID}, 0, NR_HEADER)
        self._event(b"N", b"", {"i": QUEUE_ID}, NO_END_OF_HEADER, NR_END_OF_HEADER)
        wanted = True
        for start in range(0, len(body), 65535):
            if wanted:
                piece = body[start : start + 65535]
                wanted = self._event(b"B", piece, {"i": QUEUE_ID}, _NO_BODY, NR_BODY).code == b"c"
        return self._event(b"E", b"", {"i": QUEUE_ID}, 0, 0)

    def _event(self, letter: bytes, data: bytes, macros: dict[str, str], declined: int, unanswered: int) -> Answer:
        self._keep(b"D", letter + _strings(*(part for pair in macros.items() for part in pair)))
        if self.steps & declined:
            return Answer(b"c")
        self._keep(letter, data)
        if self.steps & unanswered:
            return Answer(b"c")
        begun = time.monotonic()
        self._flush()
        answer = self.answer()
        self.waits.append(time.monotonic() - begun)
        return answer

    def _keep(self, letter: bytes, data: bytes) -> None:
        self._kept += struct.pack("!I", len(data) + 1) + letter + data
        while len(self._kept) >= _BUFFER:
            self.socket.sendall(self._kept[:_BUFFER])
            self._kept = self._kept[_BUFFER:]

    def _flush(self) -> None:
        if self._kept:
            self.socket.sendall(self._kept)
        self._kept = b""


def _host_macros() -> dict[str, str]:
    name = "mx.example.com"
    return {"j": name, "{daemon_name}": name, "{daemon_addr}": "127.0.0.1", "v": "Postfix 3.7.11"}


def _mailer(stage: str, address: str) -> dict[str, str]:
    values = {"addr": address, "host": address.partition("@")[2], "mailer": "virtual"}
    return {f"{{{stage}_{name}}}": value for name, value in values.items()}


def _strings(*values: str) -> bytes:
    return b"".join(value.encode() + b"\0" for value in values)
