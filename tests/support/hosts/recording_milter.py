"""A milter that says yes and writes down what the MTA sends: the packets of each connection, in order."""

import os
import socket
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from tests.wire.milter_client import CONTINUE, SKIP

# Commands that are answered, and by which bit a milter leaves each unanswered (mfdef.h).
UNANSWERED = {
    b"C": 0x1000,
    b"H": 0x2000,
    b"M": 0x4000,
    b"R": 0x8000,
    b"T": 0x10000,
    b"L": 0x80,
    b"N": 0x40000,
    b"B": 0x80000,
    b"E": 0,
}
_SKIPS = 0x400


@dataclass(slots=True)
class Recorded:
    """One connection: ``packets`` as letter and data. ``ended``: the MTA has closed it."""

    packets: list[tuple[bytes, bytes]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def shapes(self) -> list[str]:
        """Each packet as its letter; of macros also the command and the names, of header and body also the data."""
        return [_shape(letter, data) for letter, data in self.packets]


class RecordingMilter:
    """Listens on ``address``, a path or a host and port; ``steps`` is what it negotiates.

    ``answers``: to commands, by letter, where that is not CONTINUE.
    """

    def __init__(
        self, address: str | tuple[str, int], steps: int, answers: Mapping[bytes, bytes] | None = None
    ) -> None:
        self._steps = steps
        self._answers = {b"B": SKIP if steps & _SKIPS else CONTINUE} | dict(answers or {})
        self.connections: list[Recorded] = []
        self._listening = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self._listening.bind(address)
        self._listening.listen(64)
        if isinstance(address, str):
            os.chmod(address, 0o777)  # noqa: S103 # Postfix is another user
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def __enter__(self) -> "RecordingMilter":
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)  # before close: the number may be another socket's at once
        self._accepting.join()
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._listening.accept()
                recorded = Recorded()
                self.connections.append(recorded)
                threading.Thread(target=self._serve, args=(peer, recorded), daemon=True).start()

    def _serve(self, peer: socket.socket, recorded: Recorded) -> None:
        with peer, peer.makefile("rb") as stream, suppress(ConnectionError):
            while head := stream.read(4):
                packet = stream.read(struct.unpack("!I", head)[0])
                recorded.packets.append((packet[:1], packet[1:]))
                if answer := self._answer(packet[:1]):
                    peer.sendall(answer)
            recorded.ended.set()

    def _answer(self, letter: bytes) -> bytes:
        if letter == b"O":
            return _packet(b"O" + struct.pack("!III", 6, 0, self._steps))
        if letter not in UNANSWERED or self._steps & UNANSWERED[letter]:
            return b""
        return _packet(self._answers.get(letter, CONTINUE))


def _shape(letter: bytes, data: bytes) -> str:
    if letter in (b"L", b"B"):
        return f"{letter.decode()} {data!r}"
    if letter != b"D":
        return letter.decode()
    names = data[1:].split(b"\0")[:-1:2]
    return f"D{data[:1].decode()} {b' '.join(names).decode()}".strip()


def _packet(data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + data
