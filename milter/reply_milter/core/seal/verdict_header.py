"""X-Reply-Verdict: what we found, sealed for the program that takes the reply after us.

A tag list as in RFC 6376 section 3.2. White space (SP, HTAB, CR, LF) is removed, and that one string is both hashed
and parsed. ``seal`` stands last: the leftmost 130 bits of HMAC-SHA256 with the seal key over everything up to and
including ``;seal=``. Only a ``;`` may follow.
"""

import hmac
import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

from reply_milter.core.encoding import base32
from reply_milter.core.encoding.tlv import octets
from reply_milter.core.mail.fingerprint import SEAL_LENGTH

_VALUE: Final = re.compile(r"[A-Za-z0-9._~/@+:-]+", re.ASCII)
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_TAGS: Final = re.compile(rf"{_NAME.pattern}={_VALUE.pattern}(?:;{_NAME.pattern}={_VALUE.pattern})*", re.ASCII)
_BLANK: Final = re.compile(r"[ \t\r\n]+")
_COLUMNS: Final = 77  # folded before column 78 (RFC 5322 section 2.1.1)
_FIRST_LINE_TAKEN: Final = len("X-Reply-Verdict: ")


def is_value(text: str) -> bool:
    """Whether ``text`` may stand in a tag."""
    return _VALUE.fullmatch(text) is not None


class SealProblem(StrEnum):
    """Why a verdict cannot be trusted."""

    MISSING = "missing"
    DOUBLED = "doubled"
    BROKEN = "broken"


def seal(tags: Iterable[tuple[str, str]], key: bytes) -> str:
    """Write ``tags`` in order and seal them; returns the folded value of the field. Empty values are left out.

    Raises:
        ValueError: a value holds a character outside ``A-Za-z0-9._~/@+:-``: nothing unchecked gets into a header.
    """
    given = [(name, value) for name, value in tags if value]
    written = [f"{name}={value}" for name, value in given]
    joined = ";".join(written)
    # One look at all tags: a value that holds what separates them would show in the count.
    if not _TAGS.fullmatch(joined) or joined.count(";") != len(given) - 1:
        name = next(name for name, value in given if not _VALUE.fullmatch(value))
        raise ValueError(f"the verdict tag {name} can't hold this value")
    written.append("seal=" + _mac(f"{joined};seal=", key))
    return _fold(written)


def unseal(values: Sequence[str], keys: Iterable[bytes]) -> dict[str, str] | SealProblem:
    """Open the values of all fields of this name on one message; any of ``keys`` may have sealed it.

    Returns the tags, the seal among them. Whether ``body`` fits the message is the caller's to compare.
    """
    if len(values) != 1:
        return SealProblem.DOUBLED if values else SealProblem.MISSING
    text = _BLANK.sub("", values[0]).removesuffix(";")
    tags = _tags(text)
    if tags is None or tags.get("v") != "1" or list(tags)[-1] != "seal":
        return SealProblem.BROKEN
    covered = octets(text[: len(text) - len(tags["seal"])])
    if any(hmac.compare_digest(_mac(covered, key), tags["seal"]) for key in keys):
        return tags
    return SealProblem.BROKEN


def _mac(covered: str | bytes, key: bytes) -> str:
    text = covered.encode("ascii") if isinstance(covered, str) else covered
    return base32.leftmost(hmac.digest(key, text, "sha256"), SEAL_LENGTH)


def _tags(text: str) -> dict[str, str] | None:
    """Split a tag list; None if a tag is doubled, nameless or holds what no verdict holds."""
    tags: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = part.partition("=")
        if name in tags or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            return None
        tags[name] = value
    return tags


def _fold(tags: Sequence[str]) -> str:
    """Join tags with ``; ``, breaking the line before a tag that would not fit, and inside one longer than a line.

    A break may stand anywhere: white space is removed before the seal is computed.
    """
    lines, room = [""], _COLUMNS - _FIRST_LINE_TAKEN
    for piece in [tag + ";" for tag in tags[:-1]] + [tags[-1]]:
        joined = f"{lines[-1]} {piece}" if lines[-1] else piece
        if len(joined) <= room:
            lines[-1] = joined
            continue
        room = _COLUMNS - 8  # a tab may be shown eight columns wide
        while len(piece) > room:
            lines.append(piece[:room])
            piece = piece[room:]
        lines.append(piece)
    return "\n\t".join(lines)
