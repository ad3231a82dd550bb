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
    """The beginning of a message, with its whole header, or as much of that as is read.

    ``octets``: that beginning, split into ``fields`` and what follows. ``ends``: the header ends within it.
    ``is_whole``: there is no more of the message.
    """

    uid: int
    octets: bytes = field(repr=False)
    fields: Sequence[tuple[str, str]] = field(repr=False)
    ends: bool
    is_whole: bool

    @classmethod
    def read(cls, uid: int, octets: bytes, most: int) -> "Header":
        """Take apart what the server gave of a message when it was asked for ``most`` octets."""
        fields, rest = split(octets)
        is_whole = len(octets) < most
        return cls(uid, octets, fields, is_whole or bool(rest), is_whole)


def read_header(mailbox: Mailbox, uid: int) -> Header:
    """Read the beginning of a message.

    Raises:
        Gone, Unread: see there.
        MailboxUnavailableError: the connection is lost.
    """
    try:
        header = Header.read(uid, _read(mailbox, uid, _FIRST_OCTETS), _FIRST_OCTETS)
        if not header.ends:
            header = Header.read(uid, _read(mailbox, uid, _HEADER_OCTETS), _HEADER_OCTETS)
    except MailboxRefusedError as error:
        raise Unread(str(error), is_ours=False) from error
    return header


def read_whole(mailbox: Mailbox, header: Header, most: int) -> bytes:
    """Read all of a message that is a reply. Its header ends: millions of fields take gigabytes.

    Raises:
        Gone, Oversize, Unread: see there.
        MailboxUnavailableError: the connection is lost.
    """
    try:
        octets = header.octets if header.is_whole else _read_rest(mailbox, header.uid, most)
    except MailboxRefusedError as error:
        raise Unread(str(error), is_ours=True) from error
    if len(octets) > most:
        raise Oversize
    return octets


def _read_rest(mailbox: Mailbox, uid: int, most: int) -> bytes:
    """Ask for the size first. It is the server's word, and may be wrong."""
    if mailbox.sizes((uid,)).get(uid, 0) > most:
        raise Oversize
    return _read(mailbox, uid, most + 1)


def _read(mailbox: Mailbox, uid: int, most: int) -> bytes:
    octets = mailbox.fetch(uid, most)
    if octets is None:
        raise Gone
    return octets
