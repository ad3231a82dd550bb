"""The data of commands: arguments that end with a NUL, a client's address, and macros."""

from typing import Final, NamedTuple

_STAGES: Final = {letter: number for number, letter in enumerate(b"CHMRTEN")}  # libmilter looks from the last back
STAGE_COUNT: Final = len(_STAGES)


class Client(NamedTuple):
    """An SMTP client. ``family``: 4, 6, L or U, as a number; ``address``: as the MTA wrote it, empty for U."""

    family: int
    address: bytes


def client(data: bytes) -> Client | None:
    """Read SMFIC_CONNECT: host, NUL, family, and (but for U) a port of two octets and an address. None: malformed."""
    _, separator, rest = data.partition(b"\0")
    if not separator or not rest:
        return None
    family = rest[0]
    if family == ord("U"):
        return Client(family, b"")
    if family not in b"46L" or len(rest) < 4 or rest[-1]:
        return None
    return Client(family, rest[3:].partition(b"\0")[0])


def first(data: bytes) -> bytes | None:
    """Return the first of a command's arguments; None where it has no end."""
    argument, separator, _ = data.partition(b"\0")
    return argument if separator else None


def field(data: bytes) -> tuple[bytes, bytes] | None:
    """Return a header field's name and value; None where there is only one."""
    end = data.find(b"\0", 1)
    if end < 0 or end >= len(data) - 1:
        return None
    return data[:end].partition(b"\0")[0], data[end + 1 :].partition(b"\0")[0]


class Macros:
    """The macros that hold for the next command. Those of a later step are forgotten when an earlier one comes.

    Keeps one packet for each step, and reads it where a macro is asked for.
    """

    __slots__ = ("_packets",)

    def __init__(self) -> None:
        self._packets: list[bytes] = [b""] * STAGE_COUNT

    def define(self, data: bytes) -> None:
        """Take SMFIC_MACRO: the letter of a command, then names and values. Replaces those of the same command."""
        stage = _STAGES.get(data[0]) if data else None
        if stage is not None:
            self._packets[stage] = data[1:]

    def begin(self, letter: int) -> None:
        """Forget the macros of the steps behind this command."""
        behind = _STAGES[letter] + 1
        if any(self._packets[behind:]):
            self._packets[behind:] = [b""] * (STAGE_COUNT - behind)

    def clear(self) -> None:
        """Forget all."""
        self._packets = [b""] * STAGE_COUNT

    def get(self, name: bytes) -> bytes | None:
        """Return the value of a macro, without or with braces where its name is one letter; None if there is none."""
        other = b"{%b}" % name if len(name) == 1 else name
        for packet in reversed(self._packets):
            if packet and (name in packet):
                found = _value(packet, name, other)
                if found is not None:
                    return found
        return None


def _value(packet: bytes, name: bytes, other: bytes) -> bytes | None:
    """Return the value of the first macro with one of two names. What has no value is not there."""
    parts = packet.split(b"\0")
    for number in range(0, len(parts) - 2, 2):
        if parts[number] in (name, other):
            return parts[number + 1]
    return None
