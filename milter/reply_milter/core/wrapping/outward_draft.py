"""The header of a notification while it is rewritten, and the edits that the MTA is asked for in the end."""

from collections.abc import Iterator, Sequence

from reply_milter.core.content import charset, encoded_words
from reply_milter.core.mail import headers
from reply_milter.core.mail.headers import Append, Delete, Edit, Replace


class Draft:
    """A header as it came, and as it is to leave. Fields are named by their positions, counted from 0 at the top."""

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        self._given = fields
        self._values: list[str | None] = [value for _, value in fields]
        self._added: list[tuple[str, str]] = []
        self._positions: dict[str, list[int]] = {}
        for position, (name, _) in enumerate(fields):
            self._positions.setdefault(name.lower(), []).append(position)

    def where(self, name: str) -> list[int]:
        """The positions of the fields called ``name``, in lower case, that still stand; not of one that was added."""
        return [at for at in self._positions.get(name, ()) if self._values[at] is not None]

    def value(self, position: int) -> str:
        """The value that a field has by now."""
        return self._values[position] or ""

    def values(self, name: str) -> list[str]:
        """The values of all fields called ``name``, in lower case, that still stand; of none that was added."""
        return [self.value(position) for position in self.where(name)]

    def put(self, position: int, value: str) -> None:
        """Give a field another value. Octets that are not UTF-8 are read as Windows-1252: libmilter takes text.

        The MTA puts the blank behind the colon.
        """
        if value != self._values[position]:
            readable = charset.decode(encoded_words.octets_of(value)).text
            self._values[position] = headers.writable(readable).lstrip(" ")

    def drop(self, position: int) -> None:
        """Take a field off."""
        self._values[position] = None

    def add(self, name: str, value: str) -> None:
        """Put a field below all others."""
        self._added.append((name, value))

    def standing(self) -> Iterator[tuple[str, str]]:
        """Names and values of what would leave, from the top."""
        for (name, _), value in zip(self._given, self._values, strict=True):
            if value is not None:
                yield name, value
        yield from self._added

    @property
    def changed(self) -> set[str]:
        """The names, in lower case, of the fields that do not leave as they came."""
        touched = {name.lower() for (name, given), value in self._pairs() if value != given}
        return touched | {name.lower() for name, _ in self._added}

    def edits(self) -> tuple[Edit, ...]:
        """What makes the given header into this one. Deletions come from the last on: an MTA renumbers after each."""
        replaced: list[Edit] = []
        deleted: list[Edit] = []
        for positions in self._positions.values():
            for index, position in enumerate(positions, 1):
                (name, given), value = self._given[position], self._values[position]
                if value is None:
                    deleted.append(Delete(name, index))
                elif value != given:
                    replaced.append(Replace(name, index, value))
        return (*replaced, *reversed(deleted), *(Append(name, value) for name, value in self._added))

    def _pairs(self) -> Iterator[tuple[tuple[str, str], str | None]]:
        return zip(self._given, self._values, strict=True)
