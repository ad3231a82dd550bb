"""Render text/enriched (RFC 1896) as plain text. Old servers and phones write it, and its parent text/richtext."""

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(r"<<|</?[A-Za-z][A-Za-z0-9-]{0,59}>|\n+|[^<\n]+|<")
_QUOTE_DEPTH = 8


def render(source: str) -> str:
    """Return the text without commands; what an ``excerpt`` encloses gets ``> ``. Linear; any text is some of it.

    One line end is a space, more are one less, but for lines between ``nofill`` (section 3).
    """
    page = _Page()
    for piece in _TOKEN.findall(source):
        if piece != "<<" and len(piece) > 2 and piece[0] == "<":
            page.command(piece.strip("</>").lower(), opens=piece[1] != "/")
        elif not page.parameters:
            page.write("<" if piece == "<<" else piece)
    return "".join(page.pieces)


@dataclass(slots=True)
class _Page:
    """The text so far, and the commands that are open."""

    pieces: list[str] = field(default_factory=list)
    parameters: int = 0
    _kept: int = 0  # nofill
    _quotes: int = 0

    def command(self, name: str, opens: bool) -> None:
        """Open or close a command. Formats that text can't show are ignored."""
        step = 1 if opens else -1
        if name == "param":
            self.parameters = max(0, self.parameters + step)
        elif name == "nofill":
            self._kept = max(0, self._kept + step)
        elif name == "excerpt":
            self._quotes = max(0, self._quotes + step)
            self._end_line(1)
        elif name in ("nl", "np") and opens:  # text/richtext (RFC 1341 section 7.1.3)
            self._end_line(1)
        elif name == "lt" and opens:
            self.write("<")

    def write(self, text: str) -> None:
        """Add text, or line ends."""
        if text[0] != "\n":
            self.pieces.append(text)
        elif self._kept or len(text) > 1:
            self._end_line(len(text) - (not self._kept))
        else:
            self.pieces.append(" ")

    def _end_line(self, lines: int) -> None:
        self.pieces.append(("\n" + "> " * min(self._quotes, _QUOTE_DEPTH)) * lines)
