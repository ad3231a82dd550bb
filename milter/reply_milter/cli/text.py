"""``text``: show what an application gets of a reply's text, and what each line was taken for. Reads no settings."""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from io import TextIOWrapper

from reply_milter.cli.errors import CommandError
from reply_milter.cli.foreign_text import printable
from reply_milter.cli.message_argument import read_message
from reply_milter.cli.options import add_command, add_json
from reply_text import Explanation, Kind, explain

_COMPOUND_FILE = b"\xd0\xcf\x11\xe0"  # how Outlook's .msg begins
_KEPT, _TAKEN, _END = "\x1b[1m", "\x1b[2m", "\x1b[0m"  # bold, faint, neither
_WIDTH = max(map(len, Kind))


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = add_command(
        commands, "text", _run, "show which lines of a reply are kept, and what the others were taken for"
    )
    parser.add_argument("file", metavar="FILE.eml", help="the message; - for standard input")
    parser.add_argument("--marker", metavar="LINE", default="", help="the line on top of your notifications")
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    message = read_message(options.file)
    told = explain(message, options.marker)
    if not told.content.fields:
        raise CommandError(os.EX_DATAERR, f"{options.file}: {_no_message(message)}")
    if options.json:
        print(json.dumps(_members(told)))
        return os.EX_OK
    if isinstance(sys.stdout, TextIOWrapper):  # a terminal that is not UTF-8
        sys.stdout.reconfigure(errors="replace")
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    print("\n".join(_lines(told, coloured)).rstrip("\n"), _summary(told), sep="\n\n")
    return os.EX_OK


def _no_message(message: bytes) -> str:
    if message.startswith(_COMPOUND_FILE):
        return "this is Outlook's .msg format; save the message as .eml, or forward it as an attachment and save that"
    return "has no header field on top; save the whole message with its header (.eml, or Show original)"


def _members(told: Explanation) -> dict[str, object]:
    content = told.content
    return {"stripped": content.stripped, "text": content.text, "flaws": sorted(content.flaws)}


def _lines(told: Explanation, coloured: bool) -> Iterator[str]:
    """Yield each line behind what it was taken for."""
    for kind, line in told.lines:
        begin, end = (_KEPT if kind is Kind.KEPT else _TAKEN, _END) if coloured else ("", "")
        shown = printable(line.expandtabs()).rstrip()
        yield f"{begin}{kind:{_WIDTH}}  {shown}{end}" if shown else ""


def _summary(told: Explanation) -> str:
    counts = Counter(kind for kind, line in told.lines if line.strip())
    words = ", ".join(f"{kind} {count}" for kind, count in counts.items()) or "no text"
    flaws = f"; flaws: {', '.join(sorted(told.content.flaws))}" if told.content.flaws else ""
    empty = "" if told.content.stripped else "; nothing is kept: an application posts the text"
    return f"lines: {words}{flaws}{empty}"
