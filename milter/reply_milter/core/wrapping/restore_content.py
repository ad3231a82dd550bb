"""Content fields of a message, read loosely and written strictly (RFC 2045 section 5.1, RFC 2183).

Readers differ on what is odd here: comments, blanks, encoded words, quotes that don't end. So what is odd is left out,
and a message whose parts could not be found without it is not written at all.
"""

import re

from reply_milter.core.wrapping.restore_lines import folded
from reply_text.syntax.comments import without_comments

_PIECE = re.compile(r'"(?:[^"\\]|\\.)*+"?|[^";]++|;', re.DOTALL)
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
_TYPE = re.compile(rf"{_TOKEN.pattern}/{_TOKEN.pattern}", re.ASCII)
_LANGUAGES = re.compile(r"[A-Za-z0-9-]{1,20}(?:, ?[A-Za-z0-9-]{1,20}){0,9}", re.ASCII)
_LOOKED_AT = 16 * 1024  # characters of a value, as ``reply_text.parameters`` has it
_VALUE_LIMIT = 200
_LISTED = 32  # parameters
_IDS = ("boundary", "start")  # parameters that may hold an @


def content_field(name: str, value: str) -> str | None:
    """Write the field ``name``, in lower case and known to ``WRITERS``; None where the message would be misread.

    The text is empty where there is nothing to write.
    """
    return WRITERS[name](value[:_LOOKED_AT])


def _content_type(value: str) -> str | None:
    word, parameters = _parsed(value)
    multipart = word.lower().startswith("multipart")
    if not _TYPE.fullmatch(word) or (multipart and not any(one.lower().startswith("boundary=") for one in parameters)):
        return None if multipart else ""
    return _with_parameters("Content-Type", word, parameters)


def _disposition(value: str) -> str:
    word, parameters = _parsed(value)
    return _with_parameters("Content-Disposition", word, parameters) if _TOKEN.fullmatch(word) else ""


def _transfer_encoding(value: str) -> str:
    word = without_comments(value).strip()
    return f"Content-Transfer-Encoding: {word}" if _TOKEN.fullmatch(word) else ""


def _language(value: str) -> str:
    words = " ".join(value.split())
    return f"Content-Language: {words}" if _LANGUAGES.fullmatch(words) else ""


WRITERS = {
    "content-type": _content_type,
    "content-disposition": _disposition,
    "content-transfer-encoding": _transfer_encoding,
    "content-language": _language,
}


def _with_parameters(name: str, word: str, parameters: list[str]) -> str:
    return folded(name, [f"{one};" for one in [word, *parameters][:-1]] + [[word, *parameters][-1]])


def _parsed(value: str) -> tuple[str, list[str]]:
    """The word before the first ``;``, and each parameter that can be written, as ``name="value"``; no name twice."""
    pieces = [""]
    for lexeme in _PIECE.findall(without_comments(value)):
        if lexeme == ";":
            pieces.append("")
        else:
            pieces[-1] += lexeme
    given: dict[str, str] = {}
    for piece in pieces[1 : _LISTED + 1]:
        name, equals, text = (part.strip() for part in piece.partition("="))
        if equals and name.lower() not in given:
            given[name.lower()] = _parameter(name, text)
    return pieces[0].strip(), [one for one in given.values() if one]


def _parameter(name: str, text: str) -> str:
    """Write one parameter; an empty text if it can't be written."""
    bare = text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
    sound = bare.isascii() and bare.isprintable() and len(bare) <= _VALUE_LIMIT and not set(bare) & set('"\\')
    harmless = "=?" not in bare and ("@" not in bare or name.lower() in _IDS)
    return f'{name}="{bare}"' if sound and bare and harmless and _TOKEN.fullmatch(name) else ""
