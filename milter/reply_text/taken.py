"""Note what each removed line of a reply was taken for, so that people can see why their words are kept or not."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from reply_text import attribution, original
from reply_text.lines import Line
from reply_text.values import Kind

_ATTRIBUTION_LINES = 4


@dataclass(slots=True)
class Taken:
    """The kinds of lines, by their numbers. The first kind that is noted for a line counts."""

    _kinds: dict[int, Kind] = field(default_factory=dict)

    def note(self, kind: Kind, lines: Iterable[Line]) -> None:
        """Note what these lines were taken for."""
        for line in lines:
            self._kinds.setdefault(line.number, kind)

    def rest(self, kind: Kind, before: list[Line], after: list[Line]) -> list[Line]:
        """Note the lines that were cut off from the end, and return those that are left."""
        self.note(kind, before[len(after) :])
        return after

    def note_missing(self, kind: Kind, before: list[Line], after: list[Line]) -> None:
        """Note the lines that are gone, wherever they stood."""
        left = {line.number for line in after}
        self.note(kind, (line for line in before if line.number not in left))

    def note_original(self, lines: list[Line], subject: str) -> None:
        """Note a message that is answered and not quoted by lines: its header or attribution, then its text."""
        header = original.header_end(lines, subject)
        ends = (index + 1 for index in range(header, min(header + _ATTRIBUTION_LINES, len(lines))))
        attributed = next((end for end in ends if attribution.unquoted(lines, end - 1) is not None), header)
        self.note(Kind.HEADER, lines[:header])
        self.note(Kind.ATTRIBUTION, lines[header:attributed])
        self.note(Kind.QUOTE, lines[attributed:])

    def kinds(self, count: int) -> list[Kind]:
        """Return the kind of each of the ``count`` lines. A line that was joined to the one above has its kind."""
        found: list[Kind] = []
        for number in range(count):
            found.append(self._kinds.get(number, found[-1] if found else Kind.KEPT))
        return found
