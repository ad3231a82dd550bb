"""The first picture of the README: the way of a notification out, and of its answer in."""

from collections.abc import Iterator

from reply_milter.core.mail.headers import MINT, VERDICT
from reply_milter.core.verdict.reasons import Reason, reply_for
from tools.pictures.svg import MONO, SANS, box, path, picture, text

WIDTH, HEIGHT = 960, 400
TITLE = "An application's notification leaves with a reply address; the answer is checked while its sender is connected"

_INK, _SOFT, _LINE = "#1f2328", "#57606a", "#8c959f"
_OURS, _OURS_LINE = "#ddf4ff", "#0969da"
_THEIRS, _HOST = "#f6f8fa", "#ffffff"
_YES, _NO = "#1a7f37", "#cf222e"
_REFUSED = reply_for(Reason.FORGED)


def flow() -> str:
    """Return the picture."""
    return picture(WIDTH, HEIGHT, TITLE, [*_arrowheads(), *_places(), *_out(), *_back()])


def _arrowheads() -> Iterator[str]:
    yield "<defs>"
    for name, colour in (("line", _LINE), ("yes", _YES), ("no", _NO)):
        yield (
            f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7"'
            f' orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" fill="{colour}"/></marker>'
        )
    yield "</defs>"


def _places() -> Iterator[str]:
    yield box(0.5, 0.5, WIDTH - 1, HEIGHT - 1, rx="10", fill=_HOST, stroke="#d0d7de")
    yield box(240, 24, 480, 352, rx="8", fill="#fbfcfd", stroke=_LINE, stroke_dasharray="5 4")
    yield _words(485, 48, "your mail host: Postfix or Sendmail", _SOFT)
    yield from _place(20, 80, 150, 260, ("your application",), _THEIRS, _LINE)
    yield from _place(800, 80, 140, 260, ("Alice", "", "her mail program", "and mail server"), _THEIRS, _LINE)
    yield from _place(390, 74, 200, 66, ("reply-milter: sign", "mints an address for Alice"), _OURS, _OURS_LINE)
    ask = ("reply-milter: verify", "token, expiry, revocation,", "thread, author, robots")
    yield from _place(520, 200, 190, 86, ask, _OURS, _OURS_LINE)
    yield from _place(
        258, 200, 180, 86, ("reply-milter: deliver", "opens the seal,", "cuts the quotes"), _OURS, _OURS_LINE
    )
    yield from _place(520, 324, 190, 38, ("Redis: each reply once",), _THEIRS, _LINE)


def _out() -> Iterator[str]:
    yield from _arrow("M170 107 L386 107", "line")
    yield _words(205, 98, "notification", _INK, size=11)
    yield _words(316, 98, f"+ {MINT}", _INK, MONO, 11)
    yield from _arrow("M590 107 L796 107", "line")
    yield _words(655, 98, "Reply-To:", _INK, MONO, 11)
    yield _words(655, 124, "reply+TOKEN@...", _INK, MONO, 11)


def _back() -> Iterator[str]:
    yield from _arrow("M800 225 L714 225", "line")
    yield _words(757, 217, "her answer", _INK)
    yield from _arrow("M714 258 L796 258", "no")
    yield _words(757, 275, f"{_REFUSED.code} while", _NO)
    yield _words(757, 291, "connected", _NO)
    yield from _arrow("M520 243 L442 243", "yes")
    yield _words(481, 234, "250", _YES)
    yield _words(481, 261, "sealed", _YES)
    yield from _arrow("M258 243 L174 243", "yes")
    yield _words(205, 234, "webhook", _YES)
    yield from _arrow("M615 286 L615 320", "line", both=True)
    yield _words(348, 310, f"{VERDICT}: user=42;", _SOFT, MONO, 11)
    yield _words(348, 326, "locator=shop/issue/7; seal=...", _SOFT, MONO, 11)


def _place(x: int, y: int, width: int, height: int, lines: tuple[str, ...], fill: str, stroke: str) -> Iterator[str]:
    """Yield a box with its name in bold, and more lines below that."""
    yield box(x, y, width, height, rx="6", fill=fill, stroke=stroke)
    top = y + height / 2 - 9 * (len(lines) - 1) + 5
    for number, line in enumerate(lines):
        weight = "600" if number == 0 else "400"
        yield _words(x + width / 2, top + 18 * number, line, _INK if number == 0 else _SOFT, weight=weight)


def _words(x: float, y: float, words: str, colour: str, family: str = SANS, size: int = 13, weight: str = "400") -> str:
    return text(
        x, y, words, fill=colour, font_family=family, font_size=str(size), font_weight=weight, text_anchor="middle"
    )


def _arrow(steps: str, kind: str, both: bool = False) -> Iterator[str]:
    colour = {"line": _LINE, "yes": _YES, "no": _NO}[kind]
    start = {"marker_start": f"url(#{kind})"} if both else {}
    yield path(steps, stroke=colour, stroke_width="1.6", marker_end=f"url(#{kind})", **start)
