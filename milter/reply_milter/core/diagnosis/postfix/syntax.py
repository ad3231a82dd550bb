"""Read Postfix's syntax: lists, braces, times, ``type:name`` tables."""

import re
from collections.abc import Iterator

from reply_milter.core.diagnosis.postfix import blocks

_TIME = re.compile(r"(\d+)([smhdw]?)", re.ASCII)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_TABLE = re.compile(r"[a-z][a-z0-9_-]*:", re.ASCII)
_WITH_ARGUMENT = frozenset(
    {
        "reject_rbl_client",
        "permit_dnswl_client",
        "reject_rhsbl_client",
        "permit_rhswl_client",
        "reject_rhsbl_helo",
        "reject_rhsbl_sender",
        "reject_rhsbl_recipient",
        "reject_rhsbl_reverse_client",
        "sleep",
    }
)
# Postfix looks up whole addresses only in tables of patterns, never parts of them.
_PATTERN_TYPES = frozenset({"regexp", "pcre", "tcp", "socketmap"})


def elements(text: str) -> Iterator[str]:
    """Split a list at white space and commas outside of braces."""
    depth, element = 0, ""
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth <= 0 and (character == "," or character.isspace()):
            if element:
                yield element
            element = ""
        else:
            element += character
    if element:
        yield element


def inside_braces(text: str) -> str | None:
    """Return the content of ``{ text }``; None without braces."""
    return text[1:-1].strip() if text.startswith("{") and text.endswith("}") else None


def options(text: str) -> tuple[str, dict[str, str]]:
    """Read ``first, name=value, { name = value }``: return the first element, and the named values."""
    first, *rest = elements(text)
    pairs = (part.partition("=") for part in (inside_braces(word) or word for word in rest))
    return first, {name.strip(): value.strip() for name, _, value in pairs}


def seconds(text: str, default: int) -> int:
    """Read a time such as ``10s`` or ``5m``."""
    found = _TIME.fullmatch(text.strip())
    return int(found[1]) * _UNITS[found[2]] if found else default


def is_table(element: str) -> bool:
    """Return whether an element of a list is a ``type:name`` table."""
    return _TABLE.match(element) is not None


def tables(text: str) -> Iterator[str]:
    """Yield all tables of a list."""
    return (element for element in elements(text) if is_table(element))


def restrictions(text: str) -> Iterator[tuple[str, str]]:
    """Yield restrictions with their arguments: ``("check_recipient_access", "hash:/etc/postfix/access")``.

    Old style omits ``check_recipient_access``. The argument of another restriction may be any text.
    """
    name = ""
    for element in elements(text):
        if name:
            yield name, element
            name = ""
        elif takes_argument(element):
            name = element
        else:
            yield ("check_recipient_access", element) if is_table(element) else (element, "")


def takes_argument(restriction: str) -> bool:
    """Return whether the element behind a restriction is its argument."""
    return restriction in _WITH_ARGUMENT or restriction.startswith("check_")


def takes_parts(table: str) -> bool:
    """Return whether Postfix looks up parts of an address in a table, too."""
    kind, _, rest = table.partition(":")
    return takes_parts(rest) if kind == "proxy" else kind not in _PATTERN_TYPES


def one_line(value: str) -> str:
    """Return a value of several lines as one line."""
    return " ".join(value.split())


def entries(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each entry of main.cf, in order (postconf(5)); a name may come more than once."""
    for block in blocks.split(text, blocks.name_of):
        name, equals, value = block.logical.partition("=")
        if equals:
            yield name.strip(), value.strip()
