"""Access to the metrics page: a certificate and a login, in files of the operator.

A file that was replaced is read again at the next connection, so that a renewed certificate needs no restart.
"""

import base64
import binascii
import hmac
import logging
import os
import ssl
import stat
from collections.abc import Iterator

from cryptography import x509

log = logging.getLogger(__name__)

_OTHERS = stat.S_IWGRP | stat.S_IXGRP | stat.S_IRWXO  # a group of its own may read, as Debian's ssl-cert does


class PageAccessError(Exception):
    """A file cannot be used; the message is ``key: reason``."""


class Certificate:
    """A server certificate with its chain, and its key, in two PEM files."""

    def __init__(self, cert: str, key: str) -> None:
        self._files = (cert, key)
        self._context: ssl.SSLContext | None = None
        self._seen: tuple[tuple[int, int], ...] = ()

    def context(self) -> ssl.SSLContext:
        """Return the context for a new connection, from the files as they are now, or as they were last good.

        Raises:
            PageAccessError: they never were good.
        """
        found = self._look()
        if self._context is None or (found and found != self._seen):
            try:
                self._context = load(*self._files)
            except PageAccessError as error:
                if self._context is None:
                    raise
                log.warning("the old certificate stays in force: metrics.%s", error)
            self._seen = found
        return self._context

    def _look(self) -> tuple[tuple[int, int], ...]:
        """Return what changes when a file is replaced; empty while one is missing."""
        try:
            return tuple((found.st_ino, found.st_mtime_ns) for found in map(os.stat, self._files))
        except OSError:
            return ()


class Login:
    """A user, and the first line of a file as the password."""

    def __init__(self, user: str, password_file: str) -> None:
        self._user = user
        self._file = password_file

    def admits(self, authorization: str) -> bool:
        """Return whether an ``Authorization`` field (RFC 7617) has them; False while the file cannot be read."""
        scheme, _, encoded = authorization.partition(" ")
        try:
            wanted = f"{self._user}:{read_password(self._file)}".encode()
            given = base64.b64decode(encoded.strip(), validate=True)
        except PageAccessError as error:
            log.warning("every login to the metrics is refused: %s", error)
            return False
        except (binascii.Error, ValueError):
            return False
        return scheme.lower() == "basic" and hmac.compare_digest(given, wanted)


def mistakes(tls_cert: str, tls_key: str, password_file: str) -> Iterator[str]:
    """Return the mistakes in the files, as lines of ``key: reason``. An empty name means no file."""
    try:
        if tls_cert and tls_key:
            load(tls_cert, tls_key)
    except PageAccessError as error:
        yield f"metrics.{error}"
    try:
        if password_file:
            read_password(password_file)
    except PageAccessError as error:
        yield f"metrics.{error}"


def load(cert: str, key: str) -> ssl.SSLContext:
    """Return a context for servers, TLS 1.2 and later.

    Raises:
        PageAccessError: a file is missing, readable by others or not PEM, or certificate and key do not match.
    """
    _guarded("tls_key", key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key, password=_no_password)
    except ssl.SSLError as error:
        why = "does not belong to tls_key" if error.reason == "KEY_VALUES_MISMATCH" else "and tls_key must be PEM files"
        raise PageAccessError(f"tls_cert: {cert}: {why}, the key without a password") from error
    except OSError as error:
        raise PageAccessError(f"tls_cert: {cert}: {error.strerror}") from error
    return context


def expiry(cert: str) -> int | None:
    """Return when the certificate, the first in its file, expires: Unix seconds; None if it can't be read."""
    try:
        with open(cert, "rb") as file:
            return int(x509.load_pem_x509_certificate(file.read()).not_valid_after_utc.timestamp())
    except (OSError, ValueError):
        return None


def read_password(path: str) -> str:
    """Return the first line of the file.

    Raises:
        PageAccessError: it is missing, readable by others, or empty.
    """
    _guarded("password_file", path)
    try:
        with open(path, encoding="utf-8") as file:
            password = file.readline().rstrip("\r\n")
    except OSError as error:
        raise PageAccessError(f"password_file: {path}: {error.strerror}") from error
    except ValueError as error:
        raise PageAccessError(f"password_file: {path}: is not UTF-8 text") from error
    if not password:
        raise PageAccessError(f"password_file: {path}: the first line must hold the password")
    return password


def _guarded(name: str, path: str) -> None:
    """Refuse a secret that others may read, as for keys."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise PageAccessError(f"{name}: {path}: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        raise PageAccessError(f"{name}: {path}: is not a file")
    if found.st_mode & _OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        raise PageAccessError(f"{name}: {path}: has mode {mode:04o} and is open to others: chmod it to 0600 or 0640")


def _no_password() -> str:
    """Return an empty password: otherwise OpenSSL asks at the terminal."""
    return ""
