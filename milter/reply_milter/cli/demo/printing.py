"""Words that the demonstration prints: a reply as fields, answers on one line, and the program as a shell finds it."""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from typing import Any

from reply_milter.cli.foreign_text import printable

_NAME = "reply-milter"
_EMPTY = "-"


def program() -> str:
    """Return the command that started this process, for a shell in any folder: its name, if PATH leads to it."""
    path = os.path.abspath(sys.argv[0])
    if os.path.basename(path) != _NAME:
        return f"{shlex.quote(sys.executable)} -m reply_milter"
    found = shutil.which(_NAME)
    return _NAME if found and os.path.realpath(found) == os.path.realpath(path) else shlex.quote(path)


def reply_lines(call: Mapping[str, Any]) -> list[str]:
    """Return the member ``Reply`` of a webhook's JSON, and the author's own text, as lines of ``name: value``."""
    fields = {name: _value(value) for name, value in call["Reply"].items()}
    width = max(map(len, [*fields, "text"])) + 3
    first, *others = [printable(line) for line in call["StrippedTextReply"].splitlines()] or [_EMPTY]
    lines = [f"{name + ':':<{width}}{value}" for name, value in {**fields, "text": first}.items()]
    return lines + [" " * width + line for line in others]


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or _EMPTY
    return _EMPTY if value is None else printable(str(value))


def shortened(answer: str, width: int = 200) -> str:
    """Return an SMTP answer on one line, without the recipient that Postfix repeats, and without the queue id."""
    text = answer.replace("\n", " ").split(" queued as ")[0].rstrip(":")
    return text if len(text) <= width else text[: width - 3] + "..."
