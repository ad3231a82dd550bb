"""Read a message of a mailbox in as few pieces as needed: its header first, and all of it only for a reply."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from reply_milter.core.fetching.presented import Fetched
from reply_milter.core.mail import headers
from reply_milter.ports.mailbox import Mailbox, MailboxRefusedError

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

    ``begun``: that beginning, taken apart. ``ends``: the header ends within it. ``is_whole``: there is no more of the
    message.
    """

    uid: int
    begun: Fetched = field(repr=False)
    ends: bool
    is_whole: bool

    @property
    def fields(self) -> Sequence[tuple[str, str]]:
        """The fields from the top."""
        return self.begun.fields

    @classmethod
    def read(cls, uid: int, octets: bytes, most: int) -> "Header":
        """Take apart what the server gave of a message when it was asked for ``most`` octets."""
        begun, is_whole = Fetched.read(octets), len(octets) < most
        return cls(uid, begun, is_whole or bool(begun.body), is_whole)


def read_beginnings(mailbox: Mailbox, uids: Sequence[int]) -> dict[int, bytes]:
    """Read the beginnings of several messages in one go, for ``read_header``. Some may be missing: it reads those.

    Raises:
        MailboxUnavailableError: the connection is lost.
    """
    if len(uids) < 2:
        return {}
    try:
        return dict(mailbox.beginnings(uids, _FIRST_OCTETS))
    except MailboxRefusedError:  # because of one of them: each is read alone
        return {}


def read_header(mailbox: Mailbox, uid: int, beginning: bytes | None = None) -> Header:
    """Read the beginning of a message, unless ``read_beginnings`` did.

    Raises:
        Gone, Unread: see there.
        MailboxUnavailableError: the connection is lost.
    """
    try:
        first = _read(mailbox, uid, _FIRST_OCTETS) if beginning is None else beginning
        header = Header.read(uid, first, _FIRST_OCTETS)
        if not header.ends:
            header = Header.read(uid, _read(mailbox, uid, _HEADER_OCTETS), _HEADER_OCTETS)
    except MailboxRefusedError as error:
        raise Unread(str(error), is_ours=False) from error
    return header


def read_whole(mailbox: Mailbox, header: Header, most: int) -> Fetched:
    """Read all of a message that is a reply. Its header ends: millions of fields take gigabytes.

    Raises:
        Gone, Oversize, Unread: see there.
        MailboxUnavailableError: the connection is lost.
    """
    try:
        whole = header.begun if header.is_whole else Fetched.read(_read_rest(mailbox, header.uid, most))
    except MailboxRefusedError as error:
        raise Unread(str(error), is_ours=True) from error
    if len(whole.octets) > most:
        raise Oversize
    return whole


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
