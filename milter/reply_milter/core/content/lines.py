"""Text as lines, with what is known about each from elsewhere."""

from enum import Enum, auto
from typing import NamedTuple


class Role(Enum):
    """What the author's program says about a line. Plain text says nothing."""

    UNKNOWN = auto()
    QUOTED = auto()
    ATTRIBUTION = auto()
    SIGNATURE = auto()
    ORIGINAL = auto()  # from here on it is the message that is answered


class Line(NamedTuple):
    """A line without its end."""

    text: str
    role: Role = Role.UNKNOWN

    @property
    def quotes(self) -> bool:
        """Whether it looks like quoted text. It may be code or a shell's prompt as well."""
        return self.text.startswith(">")

    @property
    def blank(self) -> bool:
        """Whether there is nothing to see."""
        return not self.text.strip()


_WORD = 256  # characters; an address and its domain have fewer


def cut(text: str, limit: int) -> str:
    """The first ``limit`` characters, less a word that does not fit: half a reply address is none that is redacted."""
    if len(text) <= limit or text[limit].isspace():
        return text[:limit]
    blank = max(text.rfind(character, max(0, limit - _WORD), limit) for character in " \n\t")
    return text[:limit] if blank < 0 else text[: blank + 1]


def of_text(text: str) -> list[Line]:
    """The lines of plain text. Only LF ends a line: splitlines() knows ten other ways."""
    return [Line(line) for line in text.split("\n")]


def text_of(lines: list[Line]) -> str:
    """The lines as plain text."""
    return "\n".join(line.text for line in lines)
