"""Pieces of SVG pictures. Numbers are written alike on each machine, so that the same picture has the same octets."""

from collections.abc import Iterable
from html import escape

SANS = "-apple-system, 'Segoe UI', 'DejaVu Sans', Verdana, sans-serif"
MONO = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


def picture(width: int, height: int, title: str, parts: Iterable[str]) -> str:
    """Return a whole picture. ``title``: what it shows, for readers who don't see it."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img" aria-label="{escape(title)}">'
    )
    return "\n".join([head, f"<title>{escape(title)}</title>", *parts, "</svg>", ""])


def box(x: float, y: float, width: float, height: float, **style: str) -> str:
    """Return a rectangle; ``style``: attributes, with ``_`` for ``-``."""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"{_attributes(style)}/>'


def text(x: float, y: float, words: str, **style: str) -> str:
    """Return a line of text."""
    return f'<text x="{x:g}" y="{y:g}"{_attributes(style)}>{escape(words, quote=False)}</text>'


def path(steps: str, **style: str) -> str:
    """Return a line, in the words of the attribute ``d``."""
    return f'<path d="{steps}" fill="none"{_attributes(style)}/>'


def _attributes(style: dict[str, str]) -> str:
    return "".join(f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"' for name, value in style.items())
