"""The MTA's side of the milter protocol (version 6), as much as a test needs, on the daemon's own socket."""

import socket
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

# Commands and responses, by their letters in libmilter's mfdef.h.
CONTINUE, REJECT, TEMPFAIL, DISCARD, REPLYCODE, SKIP, ACCEPT = b"c", b"r", b"t", b"d", b"y", b"s", b"a"
CHANGE_HEADER, INSERT_HEADER, ADD_HEADER, DELETE_RECIPIENT, QUARANTINE = b"m", b"i", b"h", b"-", b"q"
FINAL = (CONTINUE, REJECT, TEMPFAIL, DISCARD, REPLYCODE, SKIP, ACCEPT)

ALL_ACTIONS = 0x1FF
ALL_STEPS = 0x1FFFFF
NR_CONNECT, NR_MAIL, NR_HEADER, NR_BODY = 0x1000, 0x4000, 0x80, 0x80000
NO_DATA, NO_END_OF_HEADER, MAY_SKIP, NR_END_OF_HEADER = 0x200, 0x40, 0x400, 0x40000

Place = Path | tuple[str, int]  # a unix socket, or a host and a port


@dataclass
class Answer:
    """The final response to a command, and the edits that came before it."""

    code: bytes
    text: str = ""
    edits: list[tuple[bytes, bytes]] = field(default_factory=list)


class Mta:
    """One connection to a milter. ``steps`` is what this MTA offers; ``timeout``: its patience, in seconds."""

    def __init__(self, place: Place, steps: int = ALL_STEPS, negotiate: bool = True, timeout: float = 15.0) -> None:
        self.socket = socket.socket(socket.AF_UNIX if isinstance(place, Path) else socket.AF_INET)
        self.socket.settimeout(timeout)
        self.actions = self.steps = 0
        try:
            self.socket.connect(str(place) if isinstance(place, Path) else place)
            if negotiate:
                self._negotiate(steps)
        except OSError:
            self.socket.close()
            raise

    def _negotiate(self, steps: int) -> None:
        self.send(b"O", struct.pack("!III", 6, ALL_ACTIONS, steps))
        _, data = self.receive()
        _, self.actions, self.steps = struct.unpack("!III", data[:12])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, command: bytes, data: bytes = b"") -> None:
        """Send a packet and wait for nothing."""
        self.socket.sendall(struct.pack("!I", len(data) + 1) + command + data)

    def receive(self) -> tuple[bytes, bytes]:
        """The next packet: its letter and its data. Raises ConnectionError at the end."""
        (length,) = struct.unpack("!I", self._exactly(4))
        packet = self._exactly(length)
        return packet[:1], packet[1:]

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise ConnectionError("the milter closed the connection")
            data += piece
        return data

    def command(self, letter: bytes, data: bytes = b"", no_reply: int = 0) -> Answer:
        """Send a command and collect what the milter says to it."""
        self.send(letter, data)
        return Answer(CONTINUE) if no_reply & self.steps else self.answer()

    def answer(self) -> Answer:
        """What the milter says to a command that was sent."""
        answer = Answer(CONTINUE)
        while True:
            code, rest = self.receive()
            if code in FINAL:
                answer.code, answer.text = code, rest.rstrip(b"\0").decode()
                return answer
            answer.edits.append((code, rest))

    def macros(self, step: bytes, **values: str) -> None:
        """Macros for the command that follows; ``rcpt_addr`` becomes ``{rcpt_addr}``."""
        pairs = b""
        for name, value in values.items():
            full = name if len(name) == 1 else f"{{{name}}}"
            pairs += full.encode() + b"\0" + value.encode("utf-8", "surrogateescape") + b"\0"
        self.send(b"D", step + pairs)

    def connect(self, address: str = "192.0.2.1") -> Answer:
        """A client connects."""
        data = b"client.example\0" + b"4" + struct.pack("!H", 25) + address.encode() + b"\0"
        return self.command(b"C", data, NR_CONNECT)

    def mail(self, sender: str = "<alice@client.example>") -> Answer:
        """MAIL FROM."""
        return self.command(b"M", sender.encode() + b"\0", NR_MAIL)

    def rcpt(self, argument: str | bytes, resolved: str | None = None, mailer: str | None = "smtp") -> Answer:
        """RCPT TO, with the macros that an MTA sends; ``mailer`` None for a local submission."""
        macros = {"rcpt_addr": resolved, "rcpt_mailer": mailer}
        self.macros(b"R", **{name: value for name, value in macros.items() if value is not None})
        octets = argument.encode() if isinstance(argument, str) else argument
        return self.command(b"R", octets + b"\0")

    def data(self) -> Answer:
        """DATA: all recipients are known. Declined, it is not sent."""
        return Answer(CONTINUE) if self.steps & NO_DATA else self.command(b"T")

    def header(self, name: str, value: str) -> Answer:
        """One header field."""
        return self.command(b"L", name.encode() + b"\0" + value.encode() + b"\0", NR_HEADER)

    def end_of_header(self) -> Answer:
        """The empty line behind the header. Declined, it is not sent."""
        return Answer(CONTINUE) if self.steps & NO_END_OF_HEADER else self.command(b"N", b"", NR_END_OF_HEADER)

    def body(self, chunk: bytes) -> Answer:
        """A piece of the body."""
        return self.command(b"B", chunk, NR_BODY)

    def end_of_message(self, queue_id: str = "4BcDeF") -> Answer:
        """The final dot."""
        self.macros(b"E", i=queue_id)
        return self.command(b"E")

    def abort(self) -> None:
        """RSET, or the client is gone. Never answered."""
        self.send(b"A")
