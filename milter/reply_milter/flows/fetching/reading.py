"""Read a message of a mailbox in as few pieces as needed: its header first, and all of it only for a reply."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from reply_milter.core.mail import headers
from reply_milter.ports.mailbox import Mailbox, MailboxRefusedError
from reply_text.syntax.message_file import split

_FIRST_OCTETS: Final = 1 << 16  # most replies are shorter, and come in one piece
_HEADER_OCTETS: Final = headers.OCTETS_LIMIT + _FIRST_OCTETS  # a longer header is malformed, whatever follows


class Gone(Exception):  # noqa: N818 # no error: somebody moved it
    """The message is no longer in the mailbox."""


class Oversize(Exception):  # noqa: N818 # no error of ours
    """The message is larger than we read."""


class Unread(Exception):  # noqa: N818 # the server's error
    """The server does not give the message. ``is_ours``: it is known to be a reply."""

    def __init__(self, message: str, is_ours: bool) -> None:
        super().__init__(message)
        self.is_ours = is_ours


@dataclass(frozen=True, slots=True)
class Header:
    """The beginning of a message: ``octets`` of it, with the whole header, or as much of that as is read."""

    uid: int
    size: int
    octets: bytes = field(repr=False)

    @property
    def fields(self) -> Sequence[tuple[str, str]]:
        """The fields, from the top."""
        return split(self.octets)[0]


def read_header(mailbox: Mailbox, uid: int) -> Header:
    """Read the beginning of a message.

    Raises:
        Gone, Unread: see there.
        MailboxUnavailableError: the connection is lost.
    """
    try:
        size = mailbox.size(uid)
        if size is None:
            raise Gone
        octets = _read(mailbox, uid, min(size, _FIRST_OCTETS))
        if size > _FIRST_OCTETS and b"\n\r\n" not in octets and b"\n\n" not in octets:
            octets = _read(mailbox, uid, min(size, _HEADER_OCTETS))
    except MailboxRefusedError as error:
        raise Unread(str(error), is_ours=False) from error
    return Header(uid, size, octets)


def read_whole(mailbox: Mailbox, header: Header, most: int) -> bytes:
    """Read all of a message that is a reply.

    Raises:
        Gone, Oversize, Unread: see there.
        MailboxUnavailableError: the connection is lost.
    """
    if header.size > most:
        raise Oversize
    if header.size <= _FIRST_OCTETS:
        return header.octets
    try:
        return _read(mailbox, header.uid, header.size)
    except MailboxRefusedError as error:
        raise Unread(str(error), is_ours=True) from error


def _read(mailbox: Mailbox, uid: int, most: int) -> bytes:
    octets = mailbox.fetch(uid, most)
    if octets is None:
        raise Gone
    return octets
