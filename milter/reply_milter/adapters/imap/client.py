"""IMAPClient on a bounded connection, and what its and imaplib's errors mean to a caller of the port."""

import imaplib
import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from imapclient import IMAPClient

from reply_milter.adapters.imap.wire import BoundedImap
from reply_milter.core.fetching.account import Account
from reply_milter.core.verdict.destination import Tls
from reply_milter.ports.delivery import NameLookupError, Names
from reply_milter.ports.mailbox import MailboxRefusedError, MailboxUnavailableError

_CONNECT_SECONDS = 30.0
_GREETING_OCTETS = 1 << 16
_SHOWN = 200  # characters of a server's words, in a log line of ours
# What libraries raise when a server's words are none of the protocol: they check little.
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError)

logging.getLogger("imapclient").setLevel(logging.CRITICAL)  # it logs a server's words, however many


class Client(IMAPClient):  # type: ignore[misc] # it has no types
    """One connection to the account's server, encrypted as the account says. Not logged in yet."""

    def __init__(self, account: Account, names: Names) -> None:
        self._account = account
        self._names = names
        self._context = ssl.create_default_context()
        super().__init__(account.host, account.port, ssl=account.tls is Tls.IMPLICIT)
        self._imap.debug = 0  # IMAPClient sets it to 5: each line would be formatted for no log
        if account.tls is Tls.STARTTLS:
            self._start_tls()

    @property
    def wire(self) -> BoundedImap:
        """The connection below."""
        found: BoundedImap = self._imap
        return found

    def _create_IMAP4(self) -> BoundedImap:  # noqa: N802 (IMAPClient calls it)
        return BoundedImap(self._account.host, self._account.port, self._dial, _CONNECT_SECONDS, _GREETING_OCTETS)

    def _set_read_timeout(self) -> None:
        """Nothing to set: each reading has what is left of its command's time. IMAPClient calls it."""

    def _dial(self, seconds: float) -> socket.socket:
        return self._names.reach(self._account.host, seconds, self._connected)

    def _connected(self, address: str, seconds: float) -> socket.socket:
        plain = socket.create_connection((address, self._account.port), seconds)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._account.tls is not Tls.IMPLICIT:
            return plain
        return self._context.wrap_socket(plain, server_hostname=self._account.host)

    def _start_tls(self) -> None:
        try:
            if "STARTTLS" not in self.wire.capabilities:
                raise MailboxRefusedError('the server offers no STARTTLS: use "imaps://" in url')
            if self.wire.state != "NONAUTH":
                raise MailboxUnavailableError("the server greets as if we were logged in, before TLS")
            self.wire.encrypt(self._context)
        except BaseException:
            self.wire.shutdown()
            raise


@contextmanager
def errors_told(doing: str) -> Iterator[None]:
    """Turn errors of libraries and sockets into the port's. ``doing``: what was tried, for the words."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise MailboxRefusedError(f"the server's certificate is not good: {error.verify_message}") from error
    except NameLookupError as error:
        raise MailboxUnavailableError(f"{doing}: {error}") from error
    except OSError as error:
        raise MailboxUnavailableError(f"{doing}: {error.strerror or shown(str(error))}") from error
    except imaplib.IMAP4.error as error:
        raise MailboxUnavailableError(f"{doing}: {shown(str(error))}") from error
    except _UNREADABLE as error:
        raise MailboxUnavailableError(f"{doing}: the server's answer can't be read") from error


def shown(words: str | bytes) -> str:
    """Return a server's words for a log line of ours: printable, and few."""
    text = words[: _SHOWN * 2].decode("utf-8", "replace") if isinstance(words, bytes) else words[: _SHOWN * 2]
    return "".join(one if one.isprintable() else "?" for one in text)[:_SHOWN]
