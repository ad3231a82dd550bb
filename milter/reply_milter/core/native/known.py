"""What the application knows of a user whose address was answered, and how a line of the file of users says it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard

from reply_milter.core.mail.domain import normalise

LINE_OCTETS: Final = 64 * 1024
SECRET_CHARACTERS: Final = 256
_NUMBER_LIMIT: Final = 1 << 63  # databases count so far
_ADDRESSES: Final = 100
_SPECIALS: Final = frozenset('()<>[]:;@\\,"')  # of RFC 5322 section 3.2.3, but for the dot
_USER_KEYS: Final = frozenset({"id", "secret", "addresses", "disabled"})
_DATA_KEYS: Final = frozenset({"handler", "data", "secret", "expires", "disabled"})


@dataclass(frozen=True, slots=True)
class Known:
    """``secret`` and ``data_secret`` as the application has them, in text; the second only for Moodle's data keys.

    ``addresses``: those that may answer, normalised; empty where the application tells none. ``expires``: the last Unix
    second of the data key, 0 for never. ``disabled``: the user; ``data_disabled``: what the address is for, as
    a handler of Moodle's that its administrator has switched off.
    """

    secret: str = field(repr=False)
    addresses: tuple[str, ...] = ()
    disabled: bool = False
    data_secret: str = field(default="", repr=False)
    expires: int = 0
    data_disabled: bool = False

    @property
    def main_address(self) -> str:
        """The first of ``addresses`` that mail can be sent to; empty without one. A source may hold any text."""
        return next(filter(_can_get_mail, self.addresses), "")


# Checked in place of somebody whom the application does not know, so that this takes as long.
STRANGER: Final = Known("0" * 32, data_secret="0" * 32)


@dataclass(frozen=True, slots=True)
class UserLine:
    """A line about a user."""

    user: int
    known: Known


@dataclass(frozen=True, slots=True)
class DataLine:
    """A line about one of Moodle's data keys: of which handler, and of what."""

    handler: int
    data: int
    known: Known


def read_line(text: str) -> UserLine | DataLine | str:
    """Read one line, a JSON object; a text says what is wrong with it, and never holds what stands there."""
    if len(text) > LINE_OCTETS:
        return f"is longer than {LINE_OCTETS} characters"
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return "is not JSON"
    if not isinstance(values, dict):
        return "is not a JSON object"
    keys = frozenset(values)
    if "id" in keys and not keys - _USER_KEYS:
        return _user(values)
    if {"handler", "data"} <= keys and not keys - _DATA_KEYS:
        return _data(values)
    return "must have id, secret, addresses and disabled; or handler, data, secret, expires and disabled; and no others"


def usable_address(text: str) -> str:
    """An address as authors are compared with it. What is none stays as it is, and matches nobody."""
    return normalise(text) or text.encode(errors="backslashreplace").decode()  # JSON has halves of characters, too


def _can_get_mail(address: str) -> bool:
    """Whether an address on file is a plain one, of which neither a command nor a field makes another."""
    return normalise(address) == address and not _SPECIALS & set(address.rpartition("@")[2])


def _user(values: Mapping[str, Any]) -> UserLine | str:
    number, secret, disabled = values["id"], values.get("secret"), values.get("disabled", False)
    addresses = values.get("addresses", [])
    if not _is_number(number) or not _is_secret(secret) or not isinstance(disabled, bool):
        return "id must be a whole number, secret a text that is not empty, disabled true or false"
    if not isinstance(addresses, list) or len(addresses) > _ADDRESSES:
        return f"addresses must be a list of at most {_ADDRESSES} texts"
    if not all(isinstance(one, str) and one for one in addresses):
        return "addresses must be a list of texts that are not empty"
    return UserLine(number, Known(secret, tuple(map(usable_address, addresses)), disabled))


def _data(values: Mapping[str, Any]) -> DataLine | str:
    handler, data, secret = values["handler"], values["data"], values.get("secret")
    expires, disabled = values.get("expires"), values.get("disabled", False)
    expires = 0 if expires is None else expires
    if not all(map(_is_number, (handler, data, expires))) or not _is_secret(secret) or not isinstance(disabled, bool):
        return (
            "handler, data and expires must be whole numbers, secret a text that is not empty, disabled true or false"
        )
    return DataLine(handler, data, Known("", data_secret=secret, expires=expires, data_disabled=disabled))


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _NUMBER_LIMIT


def _is_secret(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= SECRET_CHARACTERS and value.isascii()
