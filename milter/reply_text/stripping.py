"""Extract the author's own text from a reply: remove quotes, attributions, signatures and the message below.

In doubt, text stays: an extra quote is better than a lost word. Lines with ``>`` are a quote if an attribution stands
above them, or if the HTML says so; others may be code. Lines are compared in their plain spelling, and kept as they
came. Of several quotes with answers in between, those that are
answered stay, because the answers need them.
"""

from dataclasses import dataclass

from reply_text import (
    attribution,
    citation,
    header_block,
    inline_pgp,
    mending,
    original,
    quote_marks,
    signature,
    spelling,
)
from reply_text.lines import Line, Role, text_of
from reply_text.taken import Taken
from reply_text.values import Kind

_SHORT_QUOTE = 2  # lines: one line below `Jane wrote:` may be what the author cites
_AROUND_MARKER = " \t>*_#|\xa0"


@dataclass(frozen=True, slots=True)
class Stripped:
    """The author's text. ``found``: something else than a signature was removed.

    ``taken``: what each line was taken for.
    """

    text: str
    found: bool
    taken: Taken


@dataclass(slots=True)
class _Run:
    """Consecutive lines that are all quoted, or all not. ``certain``: they are known to be a quote."""

    quoted: bool
    lines: list[Line]
    certain: bool = False

    @property
    def spoken(self) -> bool:
        """Whether it holds the author's words."""
        return not self.quoted and any(not line.blank for line in self.lines)


def strip(lines: list[Line], marker: str = "", forwarding: bool = False, subject: str = "") -> Stripped:
    """Strip the lines of a reply.

    ``marker``: the operator's line in notifications above which users write their replies; everything from it on is
    removed, unless the author wrote only below the quote that holds it. ``forwarding``: the subject is that of a
    forwarded message, which then stays. ``subject``: that of the reply; a block of header fields that repeats it is one
    in any language.
    """
    numbered = [Line(line.text, line.role, number=number) for number, line in enumerate(lines)]
    bare = inline_pgp.without_armour(numbered)
    own = quote_marks.marked(mending.mended(list(map(spelling.plain, bare))))
    stripped = _strip_marked(own, marker, forwarding, subject)
    stripped.taken.note_missing(Kind.ARMOUR, numbered, bare)
    return stripped


def _strip_marked(lines: list[Line], marker: str, forwarding: bool, subject: str) -> Stripped:
    place = _place(lines, marker)
    if place is None:
        return _strip_rests(lines, forwarding, subject)
    above = _strip(lines[:place], subject=subject, rest_is_gone=True)
    if above.text or not lines[place].quotes:
        above.taken.note(Kind.MARKER, lines[place:])
        return above
    around = _strip_rests(lines[:place] + lines[place + 1 :], forwarding, subject)
    around.taken.note(Kind.MARKER, [lines[place]])
    return around


def _strip_rests(lines: list[Line], forwarding: bool, subject: str) -> Stripped:
    """Strip, with lines that a program wrapped out of a quote as a part of it, unless they are all that is left."""
    marked = quote_marks.rests(lines)
    by_marks = _strip(marked, forwarding, subject)
    return by_marks if by_marks.text or marked == lines else _strip(lines, forwarding, subject)


def _strip(lines: list[Line], forwarding: bool = False, subject: str = "", rest_is_gone: bool = False) -> Stripped:
    """Strip without a marker. ``rest_is_gone``: a marker below these lines was removed."""
    taken = Taken()
    begins = original.start(lines, subject)
    own, kept = _parted(lines, begins, forwarding)
    cut = begins is not None and begins < len(own) and (rest_is_gone or _speaks(own[:begins]))
    if cut:
        taken.note_original(own[begins:], subject)
    runs = _runs(own[:begins] if cut else _without_lone_attribution(own, taken))
    _drop_attributions(runs, rest_is_gone, taken)
    for run in runs:
        if not run.quoted:
            run.lines = taken.rest(Kind.SIGNATURE, run.lines, signature.without(run.lines))
    left = _without_quotes(runs)
    shown = _together(left) + kept
    taken.note(Kind.KEPT, shown)
    taken.note(Kind.QUOTE, lines)
    removed = sum(run.quoted for run in runs) - sum(run.quoted for run in left)
    return Stripped(_trimmed(text_of(shown)), cut or rest_is_gone or removed > 0, taken)


def _parted(lines: list[Line], begins: int | None, forwarding: bool) -> tuple[list[Line], list[Line]]:
    """Split off a forwarded message. What the answered message had forwarded is not one."""
    passed_on = original.forwarded(lines, quoted=forwarding)
    if passed_on is None:
        passed_on = begins if forwarding else None
    elif not forwarding and begins is not None and begins < passed_on:
        passed_on = None
    return (lines, []) if passed_on is None else (lines[:passed_on], lines[passed_on:])


def _place(lines: list[Line], marker: str) -> int | None:
    """Return the first line that begins with the marker, with whatever signs a mail program put around it."""
    wanted = _comparable(marker)
    if not wanted:
        return None
    return next((index for index, line in enumerate(lines) if _comparable(line.text).startswith(wanted)), None)


def _comparable(text: str) -> str:
    return " ".join(text.strip(_AROUND_MARKER).casefold().split())


def _speaks(lines: list[Line]) -> bool:
    return any(not line.blank and not line.quotes for line in signature.without(lines))


def _runs(lines: list[Line]) -> list[_Run]:
    """Group lines into runs. Blank lines belong to the run above them."""
    runs: list[_Run] = []
    for line in lines:
        if not runs or (not line.blank and line.quotes is not runs[-1].quoted):
            runs.append(_Run(line.quotes, []))
        runs[-1].lines.append(line)
    return runs


def _drop_attributions(runs: list[_Run], ends_in_quote: bool, taken: Taken) -> None:
    """Remove attributions above quotes. Quotes below a certain one are certain, too."""
    certain = False
    above = _Run(False, [])
    for run in [*runs, *([_Run(True, [])] if ends_in_quote else [])]:
        if run.quoted:
            block = header_block.above(above.lines)
            start = min(attribution.above(above.lines, len(above.lines)), block)
            start = min(start, _short(above.lines, run, runs))
            start = min(start, citation.above(above.lines, run.lines))
            certain |= start < len(above.lines) or _says_so(run)
            run.certain = certain
            kind = Kind.HEADER if start == block else Kind.ATTRIBUTION
            above.lines = taken.rest(kind, above.lines, _above(above.lines, start) if certain else above.lines)
        above = run if not run.quoted else _Run(False, [])


def _short(lines: list[Line], run: _Run, runs: list[_Run]) -> int:
    """Return where `Jane wrote:` stands at the end of lines, if words of the author stand above it and none below.

    Without it, return the number of lines.
    """
    place = attribution.short_above(lines)
    if sum(not line.blank for line in run.lines) < _SHORT_QUOTE or not _speaks(lines[:place]):
        return len(lines)
    return place if run is runs[-1] or (run is runs[-2] and not _speaks(runs[-1].lines)) else len(lines)


def _without_lone_attribution(lines: list[Line], taken: Taken) -> list[Line]:
    """Remove an attribution from the top of lines that have no quote below it: the author has deleted the quote."""
    top = next((index for index, line in enumerate(lines) if not line.blank), 0)
    for end in range(top, min(top + attribution.LINES, len(lines))):
        if (
            not lines[end].blank
            and not lines[end].quotes
            and attribution.unquoted(lines[top : end + 1], end - top) == 0
        ):
            below = next((line for line in lines[end + 1 :] if not line.blank), Line(">"))
            if below.quotes:
                return lines
            taken.note(Kind.ATTRIBUTION, lines[: end + 1])
            return lines[end + 1 :]
    return lines


def _above(lines: list[Line], start: int) -> list[Line]:
    """Return the lines above an attribution or a separator, if there is one."""
    end = original.above_separators(lines, start)
    return lines[:end] if any(not line.blank for line in lines[end:]) else lines


def _says_so(run: _Run) -> bool:
    marked = any(line.role is Role.QUOTED for line in run.lines)
    attributed = attribution.within(run.lines) or citation.within(run.lines)
    return marked or attributed or header_block.begins_quoted(run.lines)


def _without_quotes(runs: list[_Run]) -> list[_Run]:
    """Remove certain quotes below the author's last words, and a single certain quote."""
    spoken = [index for index, run in enumerate(runs) if run.spoken]
    alone = sum(run.quoted for run in runs) == 1
    return [run for index, run in enumerate(runs) if spoken and not (run.certain and (alone or index > spoken[-1]))]


def _together(runs: list[_Run]) -> list[Line]:
    """Join the lines of all runs, with a blank line in place of a removed quote."""
    lines: list[Line] = []
    quoted = True
    for run in runs:
        if lines and not quoted and not run.quoted and not lines[-1].blank:
            lines.append(Line(""))
        lines += run.lines
        quoted = run.quoted
    return lines


def _trimmed(text: str) -> str:
    """Remove blank lines around the text. The first line keeps its indentation."""
    ended = text.rstrip()
    begun = ended[ended.rfind("\n", 0, len(ended) - len(ended.lstrip())) + 1 :]
    return begun if begun.startswith(("    ", "\t")) else begun.lstrip()
