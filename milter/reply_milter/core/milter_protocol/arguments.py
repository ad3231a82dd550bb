"""The data of commands: arguments that end with a NUL, a client's address, and macros."""

from functools import cache
from typing import Final, NamedTuple

_STAGES: Final = {letter: number for number, letter in enumerate(b"CHMRTEN")}  # libmilter looks from the last back


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


def text(octets: bytes) -> str:
    """Return an argument as text; octets that are no UTF-8 come out again when it is written."""
    return octets.decode("utf-8", "surrogateescape")


def field(data: bytes) -> tuple[bytes, bytes] | None:
    """Return a header field's name and value; None where there is only one."""
    name, _, rest = data.partition(b"\0")
    if name and rest:
        return name, rest.partition(b"\0")[0]
    end = data.find(b"\0", 1)
    if end < 0 or end >= len(data) - 1:
        return None
    return data[:end].partition(b"\0")[0], data[end + 1 :].partition(b"\0")[0]


@cache
def _spellings(name: bytes) -> tuple[bytes, bytes]:
    """Return what a packet with the macro ``name`` holds, and the name with braces. ``name`` is one of ours."""
    return (name + b"\0", b"{%b}" % name) if len(name) == 1 else (name, name)


class Macros:
    """The macros that hold for the next command. Those of a later step are forgotten when an earlier one comes.

    A packet is read where one of its macros is asked for; most never are.
    """

    __slots__ = ("_last", "_packets", "_values")

    def __init__(self) -> None:
        self._packets: list[bytes] = [b""] * len(_STAGES)  # by step
        self._values: list[dict[bytes, bytes] | None] = [None] * len(_STAGES)
        self._last = -1  # the last step with macros

    def define(self, data: bytes) -> None:
        """Take SMFIC_MACRO: the letter of a command, then names and values. Replaces those of the same command.

        What is for no command of ours is dropped. ``data`` is not empty.
        """
        stage = _STAGES.get(data[0])
        if stage is not None:
            self._packets[stage], self._values[stage] = data, None
            if stage > self._last:
                self._last = stage

    def begin(self, letter: int) -> None:
        """Forget the macros of the steps behind this command."""
        stage = _STAGES[letter]
        while self._last > stage:
            self._packets[self._last] = b""
            self._last -= 1

    def clear(self) -> None:
        """Forget all."""
        self._packets = [b""] * len(_STAGES)
        self._last = -1

    def get(self, name: bytes) -> bytes | None:
        """Return the value of a macro, that of the latest step; None if there is none. Without braces if one letter."""
        as_one, braced = _spellings(name)
        stage = self._last
        while stage >= 0:
            packet = self._packets[stage]
            if as_one in packet or braced in packet:  # a quick look: it may be in a value, too
                values = self._read(stage)
                value = values.get(name)
                if value is None:
                    value = values.get(braced)
                if value is not None:
                    return value
            stage -= 1
        return None

    def _read(self, stage: int) -> dict[bytes, bytes]:
        """Return the macros of a step. Of two with the same name, the first counts; one without a value is none."""
        values = self._values[stage]
        if values is None:
            parts = self._packets[stage][1:].split(b"\0")[:-1]
            paired = len(parts) & ~1
            values = dict(zip(parts[:paired:2][::-1], parts[1:paired:2][::-1], strict=True))
            self._values[stage] = values
        return values

    def text(self, name: bytes) -> str | None:
        """Return the value of a macro as text. One that is not UTF-8 counts as none."""
        value = self.get(name)
        try:
            return None if value is None else value.decode()
        except UnicodeDecodeError:
            return None
