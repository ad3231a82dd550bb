"""Packets: a length of four octets, a letter, and the data of a command or an answer (libmilter/mfdef.h)."""

from struct import Struct
from typing import Final, final

MOST_DATA: Final = 65535  # MILTER_MAX_DATA_SIZE: what libmilter takes behind the letter
MACROS: Final = ord("D")
_UNKEPT: Final = b"LB"  # an MTA sends macros with each header field and each piece of the body: nobody asks for them
_LENGTH: Final = Struct("!I")
_HEAD: Final = Struct("!IB")
_LEAST: Final = 5


Command = tuple[int, bytes]  # the letter as a number, and the data


def packet(letter: bytes, data: bytes = b"") -> bytes:
    """Return the octets of one packet."""
    return _LENGTH.pack(len(data) + 1) + letter + data


@final
class Incoming:
    """Cuts what the MTA sends into commands. Keeps less than one packet.

    ``is_broken``: a length was 0, or more than libmilter takes; nothing can be read behind it.
    """

    def __init__(self) -> None:
        self.is_broken = False
        self._kept = bytearray()
        self._needed = 0

    def feed(self, octets: bytes) -> list[Command]:
        """Take the next octets; return the commands that are complete by now. Linear, however small the pieces are.

        Macros of header fields and of the body are left out.
        """
        if self._kept:
            self._kept += octets
            if len(self._kept) < self._needed:
                return []
            octets = bytes(self._kept)
            self._kept.clear()
        return self._cut(octets)

    def _cut(self, octets: bytes) -> list[Command]:
        commands: list[Command] = []
        start, end, self._needed = 0, len(octets), _LEAST
        while end - start >= _LEAST:
            length, letter = _HEAD.unpack_from(octets, start)
            if not 0 < length <= MOST_DATA + 1:
                self.is_broken = True
                return commands
            stop = start + 4 + length
            if stop > end:
                self._needed = stop - start
                break
            if letter != MACROS or length == 1 or octets[start + 5] not in _UNKEPT:
                commands.append((letter, octets[start + 5 : stop]))
            start = stop
        if start < end:
            self._kept += octets[start:]
        return commands
