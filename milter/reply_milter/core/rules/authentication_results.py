"""One Authentication-Results field (RFC 8601 section 2.2) as results, each read by itself.

What can't be read spoils its own result and no other: a C program writes ``(null)`` where it has no word. But a comment
or a quoted string without an end leaves open where results begin, and so the whole field is one that can't be read.
"""

import re
from typing import NamedTuple

import authres

DKIM = "dkim"

_OCTETS = 4096  # of one field: the parser's time grows with the square
_METHOD = re.compile(r"\s*([A-Za-z0-9-]+)", re.ASCII)
_WORDLESS = re.compile(r"\s*\(null\)\s*=\s*[a-z]+\s*", re.ASCII)  # no word of a stranger is in it
_DOMAIN = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@:-]*", re.ASCII)  # no stranger's quote, blank or separator


class Result(NamedTuple):
    """``passed``: a pass whose every property is plain and stands once, in the place of who verifies signatures.

    ``domain`` and ``octets``: header.d and header.b, empty if there are none. ``method`` may be empty.
    """

    method: str
    readable: bool
    passed: bool = False
    domain: str = ""
    octets: str = ""


_NOTHING = "(null)"
UNREADABLE = Result("", readable=False)


def results(value: str) -> list[Result]:
    """The results of a field, from the left; one that can't be read for a field of which nothing can.

    A pass counts only while nothing but results of its method stands to the left of it: those of other methods end in
    words from the envelope, which may begin results of their own.
    """
    if len(value) > _OCTETS:
        return [UNREADABLE]
    text = value.encode("ascii", "replace").decode()  # no octet of a comment matters to us
    parts = _parts(text)
    if parts is None:
        return [UNREADABLE]
    read = [_result(part) for part in parts[1:] if part.strip()]
    leading = next((place for place, result in enumerate(read) if result.method not in (DKIM, _NOTHING)), len(read))
    return read[:leading] + [result._replace(passed=False) for result in read[leading:]]


def _parts(text: str) -> list[str] | None:
    """What semicolons outside of comments and quoted strings separate; None if one of those has no end."""
    depth, quoted, escaped, start = 0, False, False, 0
    parts = []
    for place, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\" and (quoted or depth):
            escaped = True
        elif character == '"' and not depth:
            quoted = not quoted
        elif not quoted:
            depth += (character == "(") - (character == ")" and depth > 0)
            if character == ";" and not depth:
                parts.append(text[start:place])
                start = place + 1
    return None if depth or quoted else [*parts, text[start:]]


def _result(part: str) -> Result:
    if _WORDLESS.fullmatch(part):
        return Result(_NOTHING, readable=False)
    named = _METHOD.match(part)
    method = named[1].lower() if named else ""
    try:
        (found,) = authres.AuthenticationResultsHeader.parse_value(f"x; {part.strip()}").results
    except (authres.AuthResError, RecursionError, ValueError):
        return Result(method, readable=method == "none")
    method = str(found.method).lower()
    properties = [(str(prop.name).lower(), str(prop.value)) for prop in found.properties if prop.type == "header"]
    values = dict(properties)
    plain = len(values) == len(properties) and all(_PLAIN.fullmatch(value) for value in values.values())
    if not plain or not _DOMAIN.fullmatch(values.get("d", "")):
        return Result(method, readable=True)
    passed = method == DKIM and str(found.result).lower() == "pass"
    return Result(method, True, passed, values["d"], values.get("b", ""))
