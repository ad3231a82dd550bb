"""Read the corpus of replies, and say how much of each is kept. The README.md of the corpus has its format."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from reply_milter.core.redaction import read_redacted
from reply_text import Content
from tests.support.content_under_test import ADDRESS, FORM

CORPUS = Path(__file__).parents[1] / "unit" / "reply_text" / "corpus"
_HEAD = re.compile(rb"(?:#.*\n)+")
_NOTE = re.compile(r"# ([a-z]+): ?(.*)")
_KINDS = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class ShapeError(ValueError):
    """A file of the corpus without a line that it must have."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One reply. ``kept``: what ``stripped`` must be; ``flaws``: those that it must have.

    ``header``: decoded values that it must have, by their names in a Content. ``message``: lines end in LF.
    """

    name: str
    source: str
    kind: str
    kept: str
    flaws: frozenset[str]
    header: dict[str, str]
    message: bytes

    def read(self, address: str = ADDRESS) -> Content:
        """Read it with a live reply address in it, as an application's hook does."""
        octets = self.message.replace(b"{to}", address.encode())
        return read_redacted(octets.replace(b"\n", b"\r\n"), FORM)


class Score(StrEnum):
    """How much of a reply is kept. Lost words weigh most."""

    RIGHT = "right"
    TOO_MUCH = "too much kept"
    LOST = "words lost"


def shapes(folder: Path = CORPUS) -> Iterator[Shape]:
    """Yield the shapes of a folder, by name.

    Raises:
        ShapeError: a file has no source or kind.
    """
    for path in sorted(folder.glob("*.eml")):
        yield shape(path.stem, path.read_bytes())


def shape(name: str, octets: bytes) -> Shape:
    """Read one file of the corpus; see ``shapes``."""
    head = _HEAD.match(octets)
    notes = [_NOTE.fullmatch(line) for line in head[0].decode().splitlines()] if head else []
    said: dict[str, list[str]] = {}
    for note in notes:
        if note:
            said.setdefault(note[1], []).append(note[2])
    if head is None or "source" not in said:
        raise ShapeError(f"{name}: the first line must be '# source: WHERE the shape was published'")
    kind = said.get("kind", [""])[0]
    if not _KINDS.fullmatch(kind):
        raise ShapeError(f"{name}: a line '# kind: WORD' must follow the source")
    flaws = frozenset(" ".join(said.get("flaws", [])).split())
    header: dict[str, str] = {field: said[field][0] for field in ("subject", "author") if field in said}
    return Shape(name, said["source"][0], kind, "\n".join(said.get("kept", [])), flaws, header, octets[head.end() :])


def score(expected: str, stripped: str) -> Score:
    """Compare what is kept with what should be: any word that is missing, or out of order, is lost."""
    if stripped == expected:
        return Score.RIGHT
    words = iter(stripped.split())
    return Score.TOO_MUCH if all(word in words for word in expected.split()) else Score.LOST
