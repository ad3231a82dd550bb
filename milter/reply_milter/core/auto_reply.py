"""Signs that no person wrote a message: automatic replies (RFC 3834), bulk mail, delivery reports."""

from collections.abc import Mapping, Sequence

from reply_milter.core.comments import without_comments

Fields = Mapping[str, Sequence[str]]  # values by field name in lower case

_BULK = frozenset({"bulk", "junk", "list", "auto_reply"})
_AUTOMATIC = ("x-autoreply", "x-autorespond")
_SIGNS = frozenset({"auto-submitted", "precedence", *_AUTOMATIC})


def is_automatic(fields: Fields) -> bool:
    """Auto-Submitted other than ``no``, Precedence of machines, X-Autoreply, X-Autorespond.

    X-Auto-Response-Suppress is no sign: Exchange stamps it on what people write.
    """
    if not _SIGNS & fields.keys():
        return False
    if any(keyword(value) not in ("", "no") for value in fields.get("auto-submitted", ())):
        return True
    if any(keyword(value) in _BULK for value in fields.get("precedence", ())):
        return True
    return any(keyword(value) != "no" for name in _AUTOMATIC for value in fields.get(name, ()))


def is_report(fields: Fields) -> bool:
    """A delivery status or disposition notification (RFC 6522: multipart/report)."""
    return any(keyword(value) == "multipart/report" for value in fields.get("content-type", ()))


def keyword(value: str) -> str:
    """The first word of a structured value, in lower case, without comments and parameters (RFC 3834 section 5)."""
    return "".join(without_comments(value).split(";", 1)[0].split()).lower()
