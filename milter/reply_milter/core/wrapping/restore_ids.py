"""Ids of In-Reply-To and References that an application may see: those that can't be anybody's key."""

import re
from collections.abc import Callable

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN = re.compile(rf"<{_ATOM}(?:\.{_ATOM})*@{_ATOM}(?:\.{_ATOM})*>", re.ASCII)
_OCTETS = 900  # of an id: it must fit a line together with the field's name
_ODD = frozenset(' <>()",;:\\')
_CAPSULE = "<w1."  # what every capsule begins with, in any case

HoldsKey = Callable[[str], bool]


def plain_ids(value: str, holds_key: HoldsKey) -> list[str]:
    """The ids of a field's ``value``, with brackets, that are plain: dot-atom ``@`` dot-atom (RFC 5322 section 3.2.3).

    What holds ``=?`` would be another id where it is decoded. Left out, too: a capsule, and an id with the form of a
    key in it (``holds_key``), since some applications take that for a reply address. Blanks and commas separate ids.
    """
    words = value.replace(",", " ").replace("><", "> <").split()
    return [word for word in words if _is_plain(word) and not holds_key(word)]


def thread_id(identifier: str) -> str:
    """The id of a thread, with brackets, where it can be written; else an empty text.

    It was in a notification, so that odd dots and domain literals may stay.
    """
    odd = not identifier.isascii() or not identifier.isprintable() or "=?" in identifier or _ODD & set(identifier)
    return "" if odd or not 0 < len(identifier) <= _OCTETS else f"<{identifier}>"


def _is_plain(word: str) -> bool:
    if len(word) > _OCTETS or "=?" in word or word[: len(_CAPSULE)].lower() == _CAPSULE:
        return False
    return _PLAIN.fullmatch(word) is not None
