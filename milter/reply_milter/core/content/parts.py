"""A message as a tree of MIME parts (RFC 2046), by offsets into its octets.

Written here because the standard library's parser nests a generator for each multipart, which a hostile message makes
quadratic and then a RecursionError. Each level is searched once, and levels are bounded: linear.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from reply_milter.core.content import parameters
from reply_milter.core.content.limits import Limits
from reply_milter.core.content.values import Flaw
from reply_milter.core.mail import message_file

_BOUNDARY_OCTETS = 200  # RFC 2046 section 5.1.1 allows 70
_PART_HEADER_OCTETS = 64 * 1024
_HEADER_OCTETS = 512 * 1024  # twice what the milter lets in


@dataclass(frozen=True, slots=True)
class Part:
    """One entity: its header begins at ``begin``, its body lies between ``start`` and ``end``.

    ``children`` are empty for all but a multipart. ``unopened`` multiparts lie too deep, or are too many.
    """

    fields: list[tuple[str, str]]
    content_type: parameters.Value
    begin: int
    start: int
    end: int
    children: tuple["Part", ...] = ()
    unopened: bool = False

    def value(self, name: str) -> str:
        """The first field named ``name``, in lower case; empty if there is none."""
        return next((value for known, value in self.fields if known.lower() == name), "")

    @property
    def is_multipart(self) -> bool:
        """Whether it says that it is one; it may hold no part all the same."""
        return self.content_type.word.startswith("multipart/")

    def leaves(self) -> Iterator["Part"]:
        """Parts without children, in order."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()


@dataclass(slots=True)
class Opening:
    """Opens one message: counts parts as it goes, and collects what it had to leave out."""

    message: bytes
    limits: Limits
    flaws: set[Flaw] = field(default_factory=set)
    _count: int = 0

    def root(self) -> Part:
        """The whole message."""
        return self._part(0, len(self.message), 0, _HEADER_OCTETS)

    def _part(self, start: int, end: int, depth: int, header_octets: int) -> Part:
        self._count += 1
        head = self.message[start : min(end, start + header_octets)]
        fields, rest = message_file.split(head)
        body = start + len(head) - len(rest)
        content_type = parameters.parse(next((value for name, value in fields if name.lower() == "content-type"), ""))
        part = Part(fields, content_type, start, body, end)
        if not part.is_multipart:
            return part
        if depth >= self.limits.depth or self._count >= self.limits.parts:
            self.flaws.add(Flaw.TOO_DEEP if depth >= self.limits.depth else Flaw.PARTS_CUT)
            return replace(part, unopened=True)
        return replace(part, children=tuple(self._children(part, depth + 1)))

    def _children(self, part: Part, depth: int) -> Iterator[Part]:
        for start, end in _spans(self.message, part.start, part.end, part.content_type.parameters.get("boundary", "")):
            if self._count >= self.limits.parts:
                self.flaws.add(Flaw.PARTS_CUT)
                return
            yield self._part(start, end, depth, _PART_HEADER_OCTETS)


def _spans(message: bytes, start: int, end: int, boundary: str) -> Iterator[tuple[int, int]]:
    """The parts between delimiter lines; the last goes to the end where the closing line is missing."""
    delimiter = b"--" + boundary.encode("utf-8", "surrogateescape")
    if not boundary or len(delimiter) > _BOUNDARY_OCTETS:
        return
    opened = -1
    for line, after, closing in _delimiters(message, start, end, delimiter):
        if opened >= 0:
            yield opened, max(opened, _without_line_end(message, line))
        opened = -1 if closing else after
        if closing:
            return
    if opened >= 0:
        yield opened, end


def _delimiters(message: bytes, start: int, end: int, delimiter: bytes) -> Iterator[tuple[int, int, bool]]:
    """Each delimiter line: where it begins, where the next line does, and whether it closes.

    Another boundary may begin with this one: only white space may follow, or ``--`` and white space.
    """
    position = start
    while (found := message.find(delimiter, position, end)) >= 0:
        position = found + len(delimiter)
        if found != start and message[found - 1] != 10:  # 10: LF
            continue
        after = message.find(b"\n", position, end) + 1 or end
        rest = message[position:after].rstrip()
        if rest in (b"", b"--"):
            yield found, after, rest == b"--"
        position = after


def _without_line_end(message: bytes, position: int) -> int:
    """The line end before a delimiter belongs to the delimiter."""
    if message[position - 1 : position] == b"\n":
        position -= 1
        if message[position - 1 : position] == b"\r":
            position -= 1
    return position
