"""Render HTML to lines of text, to read it and to find quotes. No layout, no style, no tree."""

import re
from collections import Counter
from dataclasses import dataclass, field

from reply_text import html_marks, html_tokens
from reply_text.html_tokens import End, Start, Text
from reply_text.lines import Line, Role

_QUOTE_DEPTH = 8  # the deepest quote that is shown: otherwise hostile nesting could grow the text without bound
_LIST_DEPTH = 4
_RULE = "---"
_WHITE_SPACE = re.compile(r"[ \t\n\r\f]+")
_LINK = re.compile(r"(?:https?|ftp)://[^\s<>]{1,2000}", re.IGNORECASE)

# Elements on lines of their own, and those with a blank line around them.
_BLOCKS = frozenset(
    {
        "address", "article", "aside", "body", "caption", "center", "dd", "div", "dl", "dt", "fieldset", "figure",
        "footer", "form", "header", "html", "legend", "li", "main", "nav", "section", "table", "tbody", "tfoot",
        "thead", "tr", "hr",
    }
)  # fmt: skip
_PARAGRAPHS = frozenset({"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "ul"})
_CELLS = frozenset({"td", "th"})
_LISTS = frozenset({"ol", "ul"})
_CLOSED = frozenset({"blockquote", "div", "ol", "pre", "table", "td", "ul"})  # elements whose end matters


def render(source: str) -> list[Line]:
    """Render HTML, line by line. Blockquotes get ``> `` before each line, links their address behind them.

    Linear in ``source``. Any text is some HTML.
    """
    page = _Page()
    for token in html_tokens.tokens(source):
        match token:
            case Text(text):
                page.write(text)
            case Start():
                page.start(token)
            case End(name):
                page.end(name)
    page.end_line()
    return page.lines


@dataclass(slots=True)
class _Element:
    """An open element whose end matters. ``items``: list items so far."""

    name: str
    role: Role
    preformatted: bool
    items: int = 0

    @property
    def quotes(self) -> bool:
        return self.name == "blockquote" or self.role is Role.QUOTED


@dataclass(slots=True)
class _Page:
    """The lines rendered so far, and the open elements."""

    lines: list[Line] = field(default_factory=list)
    _words: list[str] = field(default_factory=list)  # the line being written
    _bullet: str = ""  # what the next line of text begins with
    _gap: bool = False  # a blank line is due before the next line of text
    _tight: bool = False  # the last block is one of Outlook's, whose style sheet takes the margins off
    _open: list[_Element] = field(default_factory=list)
    _lists: list[_Element] = field(default_factory=list)
    _names: Counter[str] = field(default_factory=Counter)
    _roles: Counter[Role] = field(default_factory=Counter)
    _depth: int = 0  # quotes that are open
    _depth_above: int = 0  # quotes that were open at the last line
    _original: bool = False  # the next line of text begins the message that is answered
    _link: str = ""
    _link_start: int = 0  # index in _words

    def write(self, text: str) -> None:
        """Add text to the line. Outside of ``pre``, white space is one space, and none at the start of a line."""
        if self._open and self._open[-1].preformatted:
            first, *others = text.split("\n")
            self._add(first)
            for line in others:
                self.end_line(forced=True)
                self._add(line)
            return
        squeezed = _WHITE_SPACE.sub(" ", text)
        self._add(squeezed.lstrip(" ") if not self._words or self._words[-1].endswith(" ") else squeezed)

    def start(self, tag: Start) -> None:
        """Open an element."""
        if tag.name == "br":
            self.end_line(forced=True)
        elif tag.name == "a":
            href = tag.attributes().get("href", "").strip()
            self._link, self._link_start = href if _LINK.fullmatch(href) else "", len(self._words)
        elif tag.name == "img":
            self._picture(tag.attributes().get("alt", "").strip())
        elif tag.name in _CELLS:
            self._cell()
        role = html_marks.role(tag)
        if tag.name in _BLOCKS or tag.name in _PARAGRAPHS:
            self._block(tag)
            self._original |= role is Role.ORIGINAL and not self._depth
        if tag.name in _CLOSED:
            self._push(tag, role)

    def end(self, name: str) -> None:
        """Close an element, and those left open within it. Without a start tag, it only ends the line."""
        if name == "a":
            self._end_link()
        if name in _BLOCKS or name in _PARAGRAPHS:
            self.end_line()
            self._gap |= name in _PARAGRAPHS and not (name == "p" and self._tight)
        while self._names[name]:
            if self._pop() == name:
                break

    def end_line(self, forced: bool = False) -> None:
        """Finish the line. With ``forced``, empty lines become one blank line before the next line of text."""
        text = "".join(self._words).replace("\xa0", " ").rstrip()
        if not text:
            self._gap |= forced or bool(self._words)
        self._words, self._link_start = [], 0
        if not text:
            return
        if self._gap and self.lines:
            self._append("", min(self._depth, self._depth_above))
        self._append(self._bullet + text, self._depth)
        self._bullet, self._gap, self._depth_above = "", False, self._depth

    def _append(self, text: str, depth: int) -> None:
        role = self._role() if depth == self._depth else Role.UNKNOWN
        self._original &= not text
        self.lines.append(Line(("> " * min(depth, _QUOTE_DEPTH) + text).rstrip(), role))

    def _role(self) -> Role:
        for role in (Role.QUOTED, Role.BLOCKQUOTE, Role.ATTRIBUTION, Role.SIGNATURE):
            if self._roles[role]:
                return role
        return Role.ORIGINAL if self._original else Role.UNKNOWN

    def _add(self, text: str) -> None:
        if text:
            self._words.append(text)

    def _cell(self) -> None:
        if self._words:
            self._words.append("\t")

    def _picture(self, description: str) -> None:
        """Write an emoji as itself, and other pictures by their name, as Gmail does."""
        if description:
            self.write(description if not description.isascii() and len(description) < 8 else f"[image: {description}]")

    def _end_link(self) -> None:
        if not self._link:
            return
        shown = "".join(self._words[self._link_start :]).strip()
        if shown and _address(shown) != _address(self._link):
            self.write(f" <{self._link}>")
        self._link = ""

    def _block(self, tag: Start) -> None:
        self.end_line()
        self._tight = "Mso" in tag.raw_attributes
        self._gap |= tag.name in _PARAGRAPHS and not self._tight
        if tag.name == "hr":
            self._add(_RULE)
            self.end_line()
        if tag.name == "li" and self._lists:
            self._lists[-1].items += 1
            number = f"{self._lists[-1].items}." if self._lists[-1].name == "ol" else "-"
            self._bullet = f"{'  ' * (min(len(self._lists), _LIST_DEPTH) - 1)}{number} "

    def _push(self, tag: Start, role: Role) -> None:
        inherited = bool(self._open) and self._open[-1].preformatted
        element = _Element(tag.name, role, inherited or html_marks.is_preformatted(tag))
        self._open.append(element)
        if tag.name in _LISTS:
            self._lists.append(element)
        self._names[tag.name] += 1
        self._roles[element.role] += 1
        self._depth += element.quotes

    def _pop(self) -> str:
        element = self._open.pop()
        if element.quotes:
            self.end_line()
            self._gap = True
        if element.name in _LISTS:
            self._lists.pop()
        self._names[element.name] -= 1
        self._roles[element.role] -= 1
        self._depth -= element.quotes
        return element.name


def _address(link: str) -> str:
    """Return a link without the differences that readers ignore."""
    return re.sub(r"^\w+://", "", link.lower()).rstrip("/")
