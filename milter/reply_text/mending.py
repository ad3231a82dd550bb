"""Put lines together again that mail programs broke within an attribution's address."""

import re

from reply_text.lines import Line

_OPEN_ADDRESS = re.compile(r"<[^\s<>@]+@[^\s<>@]+\Z")
_BARE_ADDRESS = re.compile(r"\s*(?:mailto:)?[^\s<>@]+@[^\s<>@]+\s*")
_ADDRESS_CHARACTERS = 320  # RFC 5321 section 4.5.3.1: a local part, an @ and a domain
_REST_CHARACTERS = 40  # of an attribution, behind its address


def mended(lines: list[Line]) -> list[Line]:
    """Move a ``>`` that closes an address back to the line above: Gmail wraps attributions there.

    Apple's programs also break behind the ``<`` that opens it.
    """
    mended: list[Line] = []
    for line in lines:
        closes = line.quotes and "<" not in line.text and len(line.text) < _REST_CHARACTERS
        while closes and len(mended) > 1 and _is_broken(mended[-2], mended[-1]):
            mended[-2:] = [_as_one(*mended[-2:])]
        if mended and closes and _OPEN_ADDRESS.search(mended[-1].text[-_ADDRESS_CHARACTERS:]):
            mended[-1] = _as_one(mended[-1], line)
        else:
            mended.append(line)
    return mended


def _is_broken(line: Line, following: Line) -> bool:
    opens = line.text.rstrip().endswith("<")
    return opens and _BARE_ADDRESS.fullmatch(following.text[:_ADDRESS_CHARACTERS]) is not None


def _as_one(line: Line, following: Line) -> Line:
    first, second = line.text.rstrip(), following.text.strip()
    return line._replace(text=first + second, written=line.shown.rstrip() + following.shown.strip())
