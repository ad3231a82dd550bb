"""What ``postfix`` shows before it changes something, and its question."""

import argparse
import difflib
import os
import sys
from collections.abc import Iterable, Iterator

from reply_milter.cli.errors import CommandError
from reply_milter.core.attachment.change import FILES, Change, Texts
from reply_milter.core.attachment.names import is_ours


def difference(folder: str, old: Texts, new: Texts) -> Iterator[str]:
    """Yield the lines of a unified difference of both files."""
    for name in FILES:
        path = f"{folder}/{name}"
        before, after = (text[name].splitlines() for text in (old, new))
        yield from (_readable(line) for line in difflib.unified_diff(before, after, path, path, lineterm="", n=1))


def _readable(line: str) -> str:
    """Return a line as any terminal can show it."""
    text = line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(char if char.isprintable() or char == "\t" else "?" for char in text)


def of_changed(changed: Iterable[Change]) -> Iterator[str]:
    """Yield a line for each setting that somebody has changed since it was attached; ``after`` is its present value."""
    for one in changed:
        if one.after is None:
            yield f"{one} was attached, and is gone"
        elif is_ours(one.name) or (one.service and not one.name):
            yield f"{one} was changed since it was attached; it is ours. Now: {_readable(one.after)}"
        else:
            yield f"{one} was changed since it was attached: only our part goes, your words stay"


def agreed(options: argparse.Namespace) -> bool:
    """Ask on the terminal, unless ``--yes`` was given.

    Raises:
        CommandError: there is no terminal.
    """
    if options.yes:
        return True
    if not sys.stdin.isatty():
        raise CommandError(os.EX_USAGE, "nothing was changed: standard input is no terminal, so say --yes to agree")
    try:
        return input("Change these files? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
