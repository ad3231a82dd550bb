"""The data of commands: arguments that end with a NUL, a client's address, and macros."""

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
    end = data.find(b"\0", 1)
    if end < 0 or end >= len(data) - 1:
        return None
    return data[:end].partition(b"\0")[0], data[end + 1 :].partition(b"\0")[0]


class _Defined:
    """The macros of one step: a packet, read where one is asked for."""

    __slots__ = ("_packet", "_values", "stage")

    def __init__(self, stage: int, packet: bytes) -> None:
        self.stage = stage
        self._packet = packet
        self._values: dict[bytes, bytes] | None = None

    def get(self, name: bytes) -> bytes | None:
        """Return the value of a macro. Of two with the same name, the first counts; one without a value is none."""
        values = self._values
        if values is None:
            parts = self._packet.split(b"\0")[:-1]
            paired = len(parts) & ~1
            values = self._values = dict(zip(parts[:paired:2][::-1], parts[1:paired:2][::-1], strict=True))
        return values.get(name)


class Macros:
    """The macros that hold for the next command. Those of a later step are forgotten when an earlier one comes."""

    __slots__ = ("_defined",)

    def __init__(self) -> None:
        self._defined: list[_Defined] = []  # by step, in the order in which MTAs send them

    def define(self, data: bytes) -> None:
        """Take SMFIC_MACRO: the letter of a command, then names and values. Replaces those of the same command.

        What is for no command of ours is dropped. ``data`` is not empty.
        """
        stage = _STAGES.get(data[0])
        if stage is None:
            return
        new, defined = _Defined(stage, data[1:]), self._defined
        if not defined or defined[-1].stage < stage:
            defined.append(new)
        else:
            others = [one for one in defined if one.stage != stage]
            self._defined = sorted([*others, new], key=lambda one: one.stage)

    def begin(self, letter: int) -> None:
        """Forget the macros of the steps behind this command."""
        stage, defined = _STAGES[letter], self._defined
        while defined and defined[-1].stage > stage:
            defined.pop()

    def clear(self) -> None:
        """Forget all."""
        self._defined.clear()

    def get(self, name: bytes) -> bytes | None:
        """Return the value of a macro, that of the latest step; None if there is none. Without braces if one letter."""
        for one in reversed(self._defined):
            value = one.get(name)
            if value is None and len(name) == 1:
                value = one.get(b"{%b}" % name)
            if value is not None:
                return value
        return None

    def text(self, name: bytes) -> str | None:
        """Return the value of a macro as text. One that is not UTF-8 counts as none."""
        value = self.get(name)
        try:
            return None if value is None else value.decode()
        except UnicodeDecodeError:
            return None
