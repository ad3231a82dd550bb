"""Text as lines, each with the role that the HTML gives it."""

from enum import Enum, auto
from typing import NamedTuple


class Role(Enum):
    """The role of a line, as the author's program marked it in HTML. Lines of plain text are UNKNOWN."""

    UNKNOWN = auto()
    QUOTED = auto()
    BLOCKQUOTE = auto()  # the answered message, or an excerpt that the author chose: only what stands above it can tell
    ATTRIBUTION = auto()
    SIGNATURE = auto()
    ORIGINAL = auto()  # from here on it is the message that is answered
    CITED = auto()  # plain text that is quoted in another way than by `>` in its first column


class Line(NamedTuple):
    """A line without its end. ``written``: how the author's program spelled it, if ``text`` is a plainer spelling."""

    text: str
    role: Role = Role.UNKNOWN
    written: str | None = None
    number: int = -1  # within the text that is stripped; -1 outside of it, and for lines that we make

    @property
    def quotes(self) -> bool:
        """Whether it looks like quoted text. It may be code or a shell's prompt as well."""
        return self.text.startswith(">") or self.role is Role.CITED

    @property
    def blank(self) -> bool:
        """Whether it shows nothing."""
        return not self.text.strip()

    @property
    def shown(self) -> str:
        """The line as it came."""
        return self.text if self.written is None else self.written


_WORD = 256  # characters; an address and its domain have fewer


def cut(text: str, limit: int) -> str:
    """Cut to ``limit`` characters, before a word that does not fit: half an address would escape redaction."""
    if len(text) <= limit or text[limit].isspace():
        return text[:limit]
    blank = max(text.rfind(character, max(0, limit - _WORD), limit) for character in " \n\t")
    return text[:limit] if blank < 0 else text[: blank + 1]


def of_text(text: str) -> list[Line]:
    """Split plain text into lines. Only LF ends a line; splitlines() has ten other line ends."""
    return [Line(line) for line in text.split("\n")]


def text_of(lines: list[Line]) -> str:
    """Join the lines to plain text."""
    return "\n".join(line.shown for line in lines)
