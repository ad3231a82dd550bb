"""Undo format=flowed and DelSp (RFC 3676): what the author's program broke into lines becomes one line again."""

import re
from collections.abc import Mapping

_MARKS = re.compile(r"(?:> ?)*+")
_SIGNATURE = "-- "  # section 4.3: ends in a space, and is still a line of its own
_CODE = "    "  # four spaces: up to three may stand before the mark of a quote, in mail as in Markdown


def undone(text: str, parameters: Mapping[str, str]) -> str:
    """Join the flowed lines of a text/plain part; other parts stay as they are.

    ``text``: decoded, lines end in LF. ``parameters``: those of its Content-Type, names in lower case.
    """
    if parameters.get("format", "").strip().lower() != "flowed":
        return text
    return _joined(text.split("\n"), parameters.get("delsp", "").strip().lower() == "yes")


def _joined(lines: list[str], deletes_space: bool) -> str:
    """Join each line that ends in a space with the next one of the same quote depth (section 4.2).

    A blank line ends a paragraph, too: people type spaces at the end of one, and mean the blank line all the same.
    """
    joined: list[str] = []
    open_depth = -1  # of the paragraph that goes on; -1 if none does
    paragraph: list[str] = []
    for line in lines:
        marks, content = _parted(line)
        depth = marks.count(">")
        if depth != open_depth or content == _SIGNATURE or not content.strip():
            joined.append("".join(paragraph))
            paragraph = [marks]
        flows = content.endswith(" ") and content != _SIGNATURE and bool(content.strip())
        paragraph.append(content[:-1] if flows and deletes_space else content)
        open_depth = depth if flows else -1
    return "\n".join([*joined[1:], "".join(paragraph)])


def _parted(line: str) -> tuple[str, str]:
    """Split off the quote marks, or else the space that was put before the line (section 4.4).

    The author's own line must not look like a quote or a signature without it.
    """
    found = _MARKS.match(line)
    marks = found[0] if found else ""
    if marks or not line.startswith(" ") or line.startswith(" --"):
        return marks, line[len(marks) :]
    own = line.lstrip(" ")
    return "", (_CODE + own if own.startswith(">") else line[1:])
