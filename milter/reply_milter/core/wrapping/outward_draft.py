"""The header of a notification while it is rewritten, and the edits that the MTA is asked for in the end."""

from collections.abc import Iterator, Sequence

from reply_milter.core.mail import headers
from reply_milter.core.mail.headers import Append, Delete, Edit, Replace
from reply_text import charset, encoded_words


class Draft:
    """A header as it came, and as it is to leave. Fields are named by their positions, counted from 0 at the top."""

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        self._names = [name for name, _ in fields]
        self._given: list[str | None] = [value for _, value in fields]  # None: added
        self._values = list(self._given)  # None: taken off
        self._positions: dict[str, list[int]] = {}
        for position, name in enumerate(self._names):
            self._positions.setdefault(name.lower(), []).append(position)

    def where(self, name: str) -> list[int]:
        """The positions of the fields called ``name``, in lower case, that still stand."""
        found = self._positions.get(name)
        return [at for at in found if self._values[at] is not None] if found else []

    def value(self, position: int) -> str:
        """The value that a field has by now."""
        return self._values[position] or ""

    def values(self, name: str) -> list[str]:
        """The values of all fields called ``name``, in lower case, that still stand."""
        return [self.value(position) for position in self.where(name)]

    def put(self, position: int, value: str) -> None:
        """Give a field another value. Octets that are not UTF-8 are read as Windows-1252: libmilter takes text.

        The MTA puts the blank behind the colon.
        """
        if value != self._values[position]:
            readable = value if value.isascii() else charset.decode(encoded_words.octets_of(value)).text
            self._values[position] = _without_blank_lines(headers.writable(readable).lstrip(" "))

    def drop(self, position: int) -> None:
        """Take a field off."""
        self._values[position] = None

    def add(self, name: str, value: str) -> None:
        """Put a field below all others."""
        self._positions.setdefault(name.lower(), []).append(len(self._names))
        self._names.append(name)
        self._given.append(None)
        self._values.append(value)

    def standing(self) -> Iterator[tuple[str, str]]:
        """Names and values of what would leave, from the top."""
        return ((name, value) for name, value in zip(self._names, self._values, strict=True) if value is not None)

    @property
    def changed(self) -> set[str]:
        """The names, in lower case, of the fields that do not leave as they came."""
        rows = zip(self._names, self._given, self._values, strict=True)
        return {name.lower() for name, given, value in rows if value != given}

    def edits(self) -> tuple[Edit, ...]:
        """What makes the given header into this one. Deletions come from the last on: an MTA renumbers after each."""
        changed = self.changed
        edits = [edit for name, at in self._positions.items() if name in changed for edit in self._edits_of(at)]
        deleted = [edit for edit in reversed(edits) if isinstance(edit, Delete)]
        added = [edit for edit in edits if isinstance(edit, Append)]
        return (*(edit for edit in edits if isinstance(edit, Replace)), *deleted, *added)

    def _edits_of(self, positions: Sequence[int]) -> Iterator[Edit]:
        """What is to be done with the fields of one name: an MTA counts them by it, from 1."""
        for index, position in enumerate(positions, 1):
            name, given, value = self._names[position], self._given[position], self._values[position]
            if value == given:
                continue
            if given is None:
                yield Append(name, value or "")
            else:
                yield Delete(name, index) if value is None else Replace(name, index, value)


def _without_blank_lines(value: str) -> str:
    """A folded line of white space alone ends the header for some readers (RFC 5322 section 3.2.2 forbids it)."""
    first, *others = value.split("\n")
    return "\n".join([first, *(line for line in others if line.strip(" \t\r"))])
