"""Commands of a page, for tests that do what it says, word by word."""

import re
from pathlib import Path

# Indented lines that begin with a program; what a page shows of their output begins otherwise.
_COMMAND = re.compile(r"^ {4,}((?:[a-z][a-z-]*/)?(?:[a-z][a-z-]*)(?: .*)?)$")
_PROGRAMS = frozenset(
    {"make", "apt-get", "reply-milter", "chown", "sed", "systemctl", "cd", "cp", "cat", "postconf", "postfix", "swaks",
     "set", "sleep", "git", "journalctl", "install", "systemd-sysusers", "systemd-tmpfiles", "makemap"}
)  # fmt: skip


def commands_of(page: Path) -> list[str]:
    """In their order."""
    found = (match[1] for line in page.read_text().splitlines() if (match := _COMMAND.match(line)))
    return [command for command in found if command.split()[0] in _PROGRAMS]


def until_refused(command: str) -> str:
    """A reload, before it, takes a moment; and what is refused makes swaks fail, which is the point."""
    return f"until {command} > said; grep -q 550 said; do sleep 0.1; done; cat said"
