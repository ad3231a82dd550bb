"""Key files: master keys that mint and verify, seal keys that are shared with hooks. Permissions are checked here."""

import fcntl
import os
import re
import secrets
import stat
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reply_milter import files
from reply_milter.core.encoding.toml_table import Table, between, matching, one_of
from reply_milter.core.notification.application import digest
from reply_milter.core.token.keyring import KeyState, MasterKey
from reply_milter.core.token.token import LAST_ISSUE

_HEX = matching(r"[0-9a-fA-F]{64}", "")
_ID = matching(r"[A-Za-z0-9._-]{1,64}", "")
_STATE = one_of(*KeyState)
Check = Callable[[str], str | None]
_SECRET = re.compile(r"[!#-&(-:<-\[\]-~]{16,128}")  # that fit a tag, and can be searched for in a log
_LINE_FORM = "must be one line of 16 to 128 visible ASCII characters, without blanks, quotes, \\ and ;"
_MAKE_ONE = "make one by `openssl rand -hex 24`"
_NOBODY_ELSE = stat.S_IRWXG | stat.S_IRWXO
_NO_OTHERS = stat.S_IWGRP | stat.S_IXGRP | stat.S_IRWXO  # a hook may read seal keys by group


class KeyFileError(Exception):
    """A key file cannot be used. ``problems``: one line each, with file and reason, never a secret."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def new_secret() -> bytes:
    """Return 32 random octets."""
    return secrets.token_bytes(32)


def load_master_keys(path: str) -> tuple[MasterKey, ...]:
    """Read ``[[key]]`` tables of id, state and secret, oldest first.

    Raises:
        KeyFileError: unreadable, readable by others, malformed, or not exactly one active key.
    """
    return parse_master_keys(read_master_keys(path), path)


def read_master_keys(path: str) -> str:
    """Read the text of a file of master keys.

    Raises:
        KeyFileError: unreadable, or readable by others.
    """
    return _read(path, _NOBODY_ELSE, "0600")


def parse_master_keys(text: str, path: str) -> tuple[MasterKey, ...]:
    """Read the ``text`` of the file ``path``.

    Raises:
        KeyFileError: malformed, or not exactly one active key.
    """
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise KeyFileError([f"{path}: not valid TOML: {error}"]) from None
    problems: list[str] = []
    top = Table(values, "", problems)
    keys = [_master_key(table) for table in top.tables("key")]
    top.unknown()
    if len({key.id for key in keys}) != len(keys):
        problems.append("key: two keys bear the same id")
    if sum(key.state is KeyState.ACTIVE for key in keys) != 1:
        problems.append('key: exactly one [[key]] must have state = "active": it mints')
    if problems:
        raise KeyFileError([f"{path}: {problem}" for problem in problems])
    return tuple(keys)


@contextmanager
def exclusive(path: str) -> Iterator[None]:
    """Lock the key file's folder, and wait for the lock: two changes at the same time would lose a key.

    Raises:
        KeyFileError: the folder can't be read.
    """
    folder = os.path.dirname(os.path.realpath(path))
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise KeyFileError([f"{folder}: {error.strerror}"]) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def save_master_keys(path: str, keys: tuple[MasterKey, ...]) -> None:
    """Replace a key file atomically: a reader finds the old one or the new one. Mode and owner stay.

    Raises:
        KeyFileError: the folder or the file can't be written.
    """
    real = Path(path).resolve()  # a link stays one
    try:
        files.replace(real, write_master_keys(keys).encode(), like=real)
    except OSError as error:
        raise KeyFileError([f"{error.filename or path}: {error.strerror}"]) from None


def write_master_keys(keys: tuple[MasterKey, ...]) -> str:
    """Return the text of a key file."""
    text = (
        '# Oldest first. Exactly one key is "active" and mints; all but "retired" ones verify.\n'
        "# Written by `reply-milter keys`: comments of your own are lost at the next change.\n"
    )
    for key in keys:
        text += f'\n[[key]]\nid = "{key.id}"\nstate = "{key.state}"\nsecret = "{key.secret.hex()}"\n'
        if key.minted_until is not None:
            text += (
                f"minted_until = {key.minted_until}  # Unix seconds, 0: never; take this out if you change the state\n"
            )
    return text


def load_seal_keys(path: str) -> tuple[bytes, ...]:
    """Read seal keys, 64 hex digits per line; the first seals, all open. Blank and ``#`` lines are ignored.

    Raises:
        KeyFileError: as above.
    """
    return parse_seal_keys(read_seal_keys(path), path)


def read_seal_keys(path: str) -> str:
    """Read the text of a file of seal keys.

    Raises:
        KeyFileError: unreadable, or readable by others.
    """
    return _read(path, _NO_OTHERS, "0600 or 0640")


def parse_seal_keys(text: str, path: str) -> tuple[bytes, ...]:
    """Read the ``text`` of the file ``path``.

    Raises:
        KeyFileError: malformed, or without a key.
    """
    lines = [line.strip() for line in text.splitlines()]
    digits = [(number, line) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]
    problems = [f"{path}: line {number}: must be 64 hex digits" for number, line in digits if _HEX(line)]
    if not digits:
        problems.append(f"{path}: holds no key: 64 hex digits on a line are needed")
    if problems:
        raise KeyFileError(problems)
    return tuple(bytes.fromhex(line) for _, line in digits)


def read_application_secret(path: str) -> str:
    """Read the text of a file with the secret of a ``[[sign.application]]``.

    Raises:
        KeyFileError: unreadable, or readable by others.
    """
    return _read(path, _NO_OTHERS, "0600 or 0640")


def parse_application_secret(text: str, path: str) -> bytes:
    """Return the digest of the secret in the ``text`` of the file ``path``: one line, with or without its end.

    Raises:
        KeyFileError: empty, not of the form of a tag's value, or too short.
    """
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret:
        raise KeyFileError([f"{path}: is empty: {_MAKE_ONE}"])
    if not _SECRET.fullmatch(secret):
        raise KeyFileError([f"{path}: {_LINE_FORM}: {_MAKE_ONE}"])
    return digest(secret)


def _master_key(table: Table) -> MasterKey:
    identifier = table.need("id", "", _unseen("1 to 64 of A-Za-z0-9._-", _ID))
    state = table.need("state", KeyState.VERIFY.value, _unseen('"active", "verify" or "retired"', _STATE))
    secret = table.need("secret", "00" * 32, _unseen("64 hex digits", _HEX))
    dated = table.has("minted_until") and state != KeyState.ACTIVE
    minted_until = table.take("minted_until", 0, between(0, LAST_ISSUE))
    table.unknown()
    return MasterKey(identifier, KeyState(state), bytes.fromhex(secret), minted_until if dated else None)


def _unseen(description: str, form: Check) -> Check:
    """Return ``form`` with an error text that does not quote the value: it may be a secret in the wrong place."""
    return lambda value: f"must be {description}" if form(value) else None


def _read(path: str, forbidden: int, wanted: str) -> str:
    """Read the text of a key file, if its mode has no ``forbidden`` bits; ``wanted``: the modes to recommend."""
    try:
        with open(path, encoding="utf-8", newline="", opener=files.without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise KeyFileError([f"{path}: is not a file"])
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & forbidden:
                raise KeyFileError([f"{path}: has mode {mode:04o} and is open to others: chmod it to {wanted}"])
            return file.read()
    except OSError as error:
        raise KeyFileError([f"{path}: {error.strerror}"]) from None
    except ValueError:
        raise KeyFileError([f"{path}: is not UTF-8 text"]) from None
