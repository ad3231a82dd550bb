"""Parse a message into a tree of MIME parts (RFC 2046), as offsets into its octets.

The standard library's parser nests a generator per multipart, which a hostile message makes quadratic, then a
RecursionError. Here each level is searched once, and the number of levels is limited, so the time is linear.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from reply_text import parameters
from reply_text.limits import Limits
from reply_text.syntax import message_file
from reply_text.values import Flaw

_BOUNDARY_OCTETS = 200  # RFC 2046 section 5.1.1 allows 70
_PART_HEADER_OCTETS = 64 * 1024
_HEADER_OCTETS = 512 * 1024  # twice what the milter accepts


@dataclass(frozen=True, slots=True)
class Part:
    """One entity: its header begins at ``begin``, its body lies between ``start`` and ``end``.

    ``children``: empty except for a multipart. ``unopened``: a multipart that is too deep, or beyond the limit.
    """

    fields: list[tuple[str, str]]
    content_type: parameters.Value
    begin: int
    start: int
    end: int
    children: tuple["Part", ...] = ()
    unopened: bool = False

    def value(self, name: str) -> str:
        """Return the first field with this lower-case name; empty if there is none."""
        return next((value for known, value in self.fields if known.lower() == name), "")

    @property
    def is_multipart(self) -> bool:
        """Whether its type is multipart. It may still have no parts."""
        return self.content_type.word.startswith("multipart/")

    def leaves(self) -> Iterator["Part"]:
        """Yield the parts without children, in order."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()


@dataclass(slots=True)
class Opening:
    """Parses one message, counts its parts, and collects flaws.

    ``count``: parts so far. ``depth``: signatures that enclose this message, or entity.
    """

    message: bytes
    limits: Limits
    flaws: set[Flaw] = field(default_factory=set)
    count: int = 0
    depth: int = 0

    def root(self) -> Part:
        """Parse the whole message."""
        return self._part(0, len(self.message), self.depth, _HEADER_OCTETS)

    def entity(self) -> Part:
        """Parse what a signature encloses (RFC 8551 section 3.1). Without a field of MIME, all of it is a text."""
        root = self.root()
        if any(name.lower().startswith(("content-", "mime-")) for name, _ in root.fields):
            return root
        return replace(root, fields=[], start=root.begin)

    def _part(self, start: int, end: int, depth: int, header_octets: int) -> Part:
        self.count += 1
        head = self.message[start : min(end, start + header_octets)]
        fields, rest = message_file.split(head)
        body = start + len(head) - len(rest)
        content_type = parameters.parse(next((value for name, value in fields if name.lower() == "content-type"), ""))
        part = Part(fields, content_type, start, body, end)
        if not part.is_multipart:
            return part
        if depth >= self.limits.depth or self.count >= self.limits.parts:
            self.flaws.add(Flaw.TOO_DEEP if depth >= self.limits.depth else Flaw.PARTS_CUT)
            return replace(part, unopened=True)
        return replace(part, children=tuple(self._children(part, depth + 1)))

    def _children(self, part: Part, depth: int) -> Iterator[Part]:
        for start, end in _spans(self.message, part.start, part.end, part.content_type.parameters.get("boundary", "")):
            if self.count >= self.limits.parts:
                self.flaws.add(Flaw.PARTS_CUT)
                return
            yield self._part(start, end, depth, _PART_HEADER_OCTETS)


def _spans(message: bytes, start: int, end: int, boundary: str) -> Iterator[tuple[int, int]]:
    """Yield the parts between delimiter lines. Without a closing line, the last part goes to the end."""
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
    """Yield per delimiter line: its offset, that of the next line, and whether it closes.

    Another boundary may begin with this one, so only white space may follow, or ``--`` and white space.
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
    """Move ``position`` before the line end, which belongs to the delimiter."""
    if message[position - 1 : position] == b"\n":
        position -= 1
        if message[position - 1 : position] == b"\r":
            position -= 1
    return position
