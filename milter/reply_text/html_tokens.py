"""Cut HTML into tags and text as browsers do, without a tree.

One regular expression that matches at every position and never looks at a character twice: each tag that is not
closed ends with the text. A tree would not do: HTML's rules for building one are quadratic in hostile nesting.
"""

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

# After `=` a quote encloses `>`; anywhere else in a tag it does not. `*+`, `++`: matching never backtracks.
_TOKEN = re.compile(
    r"""<!---?>
      | <!--.*?(?:--!?>|\Z)
      | <(?P<end>/)?(?P<name>[a-zA-Z][^\s/>]*+)
          (?P<attributes>(?:[^>=]++|=\s*+"[^"]*+(?:"|\Z)|=\s*+'[^']*+(?:'|\Z)|=)*+)(?:>|\Z)
      | <[!?/][^>]*+(?:>|\Z)
      | (?P<text>[^<]++|<)""",
    re.DOTALL | re.VERBOSE,
)
_ATTRIBUTE = re.compile(r"""([^\s=/>"']++)(?:\s*+=\s*+(?:"([^"]*+)"?|'([^']*+)'?|([^\s>]*+)))?""")
_ATTRIBUTES_LIMIT = 8 * 1024  # characters of a tag that are searched: the marks stand before pictures in `src`
_OPAQUE = frozenset({"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"})
# Longer numbers are not characters, and Python refuses to read them.
_REFERENCE = re.compile(
    r"&(?:#[0-9]{1,7}(?![0-9])|#[xX][0-9a-fA-F]{1,6}(?![0-9a-fA-F])|[a-zA-Z][a-zA-Z0-9]{1,31});?", re.ASCII
)


class Start(NamedTuple):
    """A start tag: its name in lower case, and its attributes as they stand."""

    name: str
    raw_attributes: str

    def attributes(self) -> dict[str, str]:
        """Return attributes, names in lower case, values decoded. If one is given twice, the first counts."""
        found: dict[str, str] = {}
        for name, double, single, bare in _ATTRIBUTE.findall(self.raw_attributes[:_ATTRIBUTES_LIMIT]):
            found.setdefault(name.lower(), unescape(double or single or bare))
        return found


class End(NamedTuple):
    """An end tag: its name in lower case."""

    name: str


class Text(NamedTuple):
    """Text between tags, with its character references decoded."""

    text: str


Token = Start | End | Text


def tokens(source: str) -> Iterator[Token]:
    """Yield tags and text in order, without comments, declarations, scripts and styles."""
    position = 0
    while match := _TOKEN.match(source, position):
        position = match.end()
        name, text = match["name"], match["text"]
        if text:
            yield Text(unescape(text))
        elif name and match["end"]:
            yield End(name.lower())
        elif name:
            yield Start(name.lower(), match["attributes"])
            position = _behind_opaque(source, position, name.lower())


def unescape(text: str) -> str:
    """Decode character references as HTML does."""
    if "&" not in text:
        return text
    return _REFERENCE.sub(lambda reference: html.unescape(reference[0]), text)


def _behind_opaque(source: str, position: int, name: str) -> int:
    """Return where the content of a script or style ends: at the end of the text without an end tag."""
    if name not in _OPAQUE:
        return position
    end = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(source, position)
    return end.start() if end else len(source)
