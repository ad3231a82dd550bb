"""A milter client: connects to our own milter sockets as the MTA does, and asks about recipients and messages.

A packet is a length, a letter and data, as in libmilter's mfdef.h. The client offers to skip no step and no answer, so
that the milter answers every command.
"""

import struct
import time

from reply_milter.adapters.clients.connecting import connected
from reply_milter.core.mail.edited import HeaderFields
from reply_milter.core.mail.headers import Append, Delete, Edit, Insert, RemoveRecipient, Replace
from reply_milter.ports.canary import MilterUnreachableError, Submitted

_VERSION, _ALL_ACTIONS, _NO_STEPS = 6, 0x1FF, 0
_LONGEST = 65536
_CONTINUE, _ACCEPT, _REPLY, _DISCARD = b"c", b"a", b"y", b"d"
_WORDS = {b"t": "451 4.7.1", b"r": "550 5.7.1"}  # what an MTA answers if the milter gives no text
_FINAL = (_CONTINUE, _ACCEPT, _REPLY, _DISCARD, *_WORDS)


class MilterClient:
    """Implements ``ports.canary.MilterClient`` and ``MessageClient``: one connection, for at most ``seconds``.

    ``address``: the SMTP client's IP address to announce; without one it only negotiates.
    """

    def __init__(self, path: str, host: str, port: int, address: str, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        try:
            self._socket = connected(path, host, port, seconds)
        except OSError as error:
            raise MilterUnreachableError(f"cannot connect: {error.strerror or error}") from error
        try:
            self._ask(b"O", struct.pack("!III", _VERSION, _ALL_ACTIONS, _NO_STEPS), b"O")
            if address:
                self._ask(b"C", b"canary.invalid\0" + b"6" + struct.pack("!H", 0) + address.encode() + b"\0", _CONTINUE)
        except MilterUnreachableError:
            self.close()
            raise

    def recipient(self, address: str) -> str:
        """See ``ports.canary.MilterClient``."""
        self._ask(b"M", b"<>\0", _CONTINUE)
        letter, data = self._rcpt(address)
        self._send(b"A", b"")
        return _refusal("RCPT", letter, data)

    def message(self, sender: str, recipient: str, fields: HeaderFields, body: bytes) -> Submitted:
        """See ``ports.canary.MessageClient``."""
        self._ask(b"M", f"<{sender}>".encode() + b"\0", _CONTINUE)
        refusal = _refusal("RCPT", *self._rcpt(recipient))
        if refusal:
            self._send(b"A", b"")
            return Submitted(refusal)
        for name, value in fields:
            self._ask(b"L", f"{name}\0{value}\0".encode(), _CONTINUE)
        self._ask(b"N", b"", _CONTINUE)
        self._ask(b"B", body, _CONTINUE)
        self._send(b"D", b"Ei\0canary\0")
        self._send(b"E", b"")
        edits = []
        while (packet := self._receive())[0] not in _FINAL:
            edits.append(_edit(*packet))
        return Submitted(_refusal("the end of a message", *packet), tuple(edit for edit in edits if edit is not None))

    def _rcpt(self, address: str) -> tuple[bytes, bytes]:
        macros = f"{{rcpt_mailer}}\0canary\0{{rcpt_addr}}\0{address}\0"
        self._send(b"D", b"R" + macros.encode())
        self._send(b"R", f"<{address}>".encode() + b"\0")
        return self._receive()

    def close(self) -> None:
        """See ``ports.canary.MilterClient``."""
        try:
            self._send(b"Q", b"")
        except MilterUnreachableError:
            pass  # the milter has closed first
        finally:
            self._socket.close()

    def _ask(self, letter: bytes, data: bytes, expected: bytes) -> None:
        self._send(letter, data)
        answer, _ = self._receive()
        if answer != expected:
            raise MilterUnreachableError(f"answered {letter!r} with {answer!r}")

    def _send(self, letter: bytes, data: bytes) -> None:
        try:
            self._socket.settimeout(self._remaining())
            self._socket.sendall(struct.pack("!I", len(data) + 1) + letter + data)
        except OSError as error:
            raise MilterUnreachableError(f"closed: {error.strerror or error}") from error

    def _receive(self) -> tuple[bytes, bytes]:
        (length,) = struct.unpack("!I", self._octets(4))
        if not 0 < length <= _LONGEST:
            raise MilterUnreachableError("something answers there that is no milter")
        packet = self._octets(length)
        return packet[:1], packet[1:]

    def _octets(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                self._socket.settimeout(self._remaining())
                piece = self._socket.recv(count - len(data))
            except OSError as error:
                raise MilterUnreachableError(f"no answer: {error.strerror or error}") from error
            if not piece:
                raise MilterUnreachableError("closed the connection")
            data += piece
        return data

    def _remaining(self) -> float:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise MilterUnreachableError("no answer in time")
        return remaining


def _refusal(step: str, letter: bytes, data: bytes) -> str:
    """What an MTA would answer its client; empty if the milter lets it go on."""
    if letter in (_CONTINUE, _ACCEPT):
        return ""
    if letter == _REPLY:
        return data.rstrip(b"\0").decode("ascii", "replace")
    if letter in _WORDS:
        return _WORDS[letter]
    raise MilterUnreachableError(f"answered {step} with the unknown packet {letter!r}")


def _edit(letter: bytes, data: bytes) -> Edit | None:
    """Read an edit that a milter asks for at the end of a message; None for a sign of life."""
    if letter == b"p":
        return None
    if letter == b"-":
        return RemoveRecipient(_text(data.removesuffix(b"\0")))
    index, data = (data[:4], data[4:]) if letter in (b"i", b"m") else (b"", data)
    name, _, value = _text(data).removesuffix("\0").partition("\0")
    if letter == b"m" and len(index) == 4:
        (number,) = struct.unpack("!I", index)
        return Replace(name, number, value) if value else Delete(name, number)
    if letter in (b"i", b"h"):
        return Insert(name, value) if letter == b"i" else Append(name, value)
    raise MilterUnreachableError(f"asked for the unknown edit {letter!r}")


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


def negotiates(path: str, host: str, port: int, seconds: float) -> bool:
    """Return whether a milter negotiates at a unix socket, or at ``host`` and ``port``.

    A connection alone proves nothing: the kernel queues it while no worker runs.
    """
    try:
        MilterClient(path, host, port, "", seconds).close()
    except MilterUnreachableError:
        return False
    return True
