"""A milter that stands after ours and is in a bad mood: 451 at the end of a message, the first time that it sees it.

A program: its socket, and a folder in which it remembers. A message is named by its field X-Seq; one without passes.
"""

import sys
from pathlib import Path
from typing import Any

import Milter

_SOCKET, _SEEN = sys.argv[1], Path(sys.argv[2])


class Moody(Milter.Base):  # type: ignore[misc]
    """One connection."""

    def __init__(self) -> None:
        self._name = ""

    def envfrom(self, _sender: str, *_parameters: str) -> Any:
        """A new message."""
        self._name = ""
        return Milter.CONTINUE

    def header(self, name: str, value: str) -> Any:
        """Its name."""
        if name == "X-Seq":
            self._name = value.strip()
        return Milter.CONTINUE

    def eom(self) -> Any:
        """Not the first time."""
        if not self._name or (_SEEN / self._name).exists():
            return Milter.CONTINUE
        (_SEEN / self._name).touch()
        self.setreply("451", "4.7.1", "A later milter is not in the mood")
        return Milter.TEMPFAIL


Milter.factory = Moody
Milter.runmilter("moody", f"unix:{_SOCKET}", 60)
