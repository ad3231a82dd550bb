"""Read the results of one Authentication-Results field (RFC 8601 section 2.2), each by itself.

An unreadable part affects only its own result: a C program writes ``(null)`` for a missing word. But after a comment or
a quoted string without an end, nobody can tell where results begin, so the whole field is unreadable.
"""

import re
from typing import NamedTuple

import authres

from reply_text.syntax.comments import without_comments

DKIM = "dkim"

_OCTETS = 4096  # of one field: the parser's time grows with the square
_METHOD = re.compile(r"\s*([A-Za-z0-9-]+)", re.ASCII)
_WORDLESS = re.compile(r"\s*\(null\)\s*=\s*[a-z]+\s*", re.ASCII)  # contains no stranger's words
_DOMAIN = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_CHARACTER = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@:-]"  # no stranger's quote, blank or separator
_PLAIN = re.compile(f"{_CHARACTER}*", re.ASCII)
_REASON = r"\s++reason\s*+=\s*+\"[A-Za-z0-9 ,():_.-]*+\""  # as Rspamd writes it, in words
_PROPERTY = rf"\s++[A-Za-z-]++(\.[A-Za-z-]++)?\s*+=\s*+(\"{_CHARACTER}*+\"|{_CHARACTER}*+)"
# A result of any method, without its comments; all its words are plain.
_OTHER = re.compile(rf"\s*+[A-Za-z0-9-]++\s*+=\s*+[A-Za-z]++({_REASON}|{_PROPERTY})*\s*+", re.ASCII)


class Result(NamedTuple):
    """``passed``: a pass of a verifier of signatures, with plain properties, each of which occurs once.

    ``domain`` and ``octets``: header.d and header.b, empty if there are none. ``method`` may be empty. ``plain``:
    whether its method is not DKIM, and none of its words could be part of another result.
    """

    method: str
    readable: bool
    passed: bool = False
    domain: str = ""
    octets: str = ""
    plain: bool = False


_HELO = "helo"  # smtp.helo; verifiers that report it elsewhere use this word, too. We do not know the client's HELO
_NOTHING = "(null)"
UNREADABLE = Result("", readable=False)


def results(value: str, envelope_is_plain: bool) -> list[Result]:
    """Return the results of a field, from the left; one unreadable result for an unreadable field.

    Results of other methods end in a stranger's words: MAIL FROM, HELO, the author's domain. These words may imitate
    further results to their right. So a pass to their right counts only if all such words are plain.
    """
    if len(value) > _OCTETS:
        return [UNREADABLE]
    text = value.encode("ascii", "replace").decode()  # comments may have any octets; we use none of them
    parts = _parts(text)
    if parts is None:
        return [UNREADABLE]
    read = [_result(part) for part in parts[1:] if part.strip()]
    if envelope_is_plain and _HELO not in text.lower() and all(result.plain for result in read if _is_other(result)):
        return read
    leading = next((place for place, result in enumerate(read) if _is_other(result)), len(read))
    return read[:leading] + [result._replace(passed=False) for result in read[leading:]]


def _is_other(result: Result) -> bool:
    """Return whether the method is not DKIM, so that the result may contain a stranger's words."""
    return result.method not in (DKIM, _NOTHING)


def _parts(text: str) -> list[str] | None:
    """Split at semicolons outside of comments and quoted strings; None if one of those has no end."""
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
    if method != DKIM:
        return Result(method, readable=True, plain=_OTHER.fullmatch(without_comments(part)) is not None)
    properties = [(str(prop.name).lower(), str(prop.value)) for prop in found.properties if prop.type == "header"]
    values = dict(properties)
    plain = len(values) == len(properties) and all(_PLAIN.fullmatch(value) for value in values.values())
    if not plain or not _DOMAIN.fullmatch(values.get("d", "")):
        return Result(method, readable=True)
    passed = str(found.result).lower() == "pass"
    return Result(method, True, passed, values["d"], values.get("b", ""))
