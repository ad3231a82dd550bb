"""Revocations as lines of a journal: plain JSON, so that an operator can read and remove them."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class What(StrEnum):
    """What a revocation is about."""

    USER = "user"
    WRAPPED = "wrapped"  # a pseudo-user. An older version can't read such a line, and so never takes it for a real one
    OBJECT = "object"
    TOKEN = "token"  # noqa: S105 # a word, and no secret
    BEFORE = "before"


_MEMBERS = {
    What.USER: ("user", "before"),
    What.WRAPPED: ("user", "of", "before"),
    What.OBJECT: ("handler", "context", "before"),
    What.TOKEN: ("token_id",),
    What.BEFORE: ("before",),
}
_TEXTS = frozenset({"realm", "token_id", "of"})


@dataclass(frozen=True, slots=True)
class Revocation:
    """One revocation; unused members are 0 or empty. Times as in ``ports.Registry``.

    ``of``: whom a pseudo-user stands for, where that is known; for people who read the journal.
    """

    realm: str
    what: What
    kept_until: int
    user: int = 0
    handler: int = 0
    context: int = 0
    token_id: str = ""
    before: int = 0
    of: str = ""

    @property
    def subject(self) -> tuple[object, ...]:
        """Return what it is about. Of several with one subject, the latest ``before`` includes the others."""
        return self.realm, self.what, self.user, self.handler, self.context, self.token_id

    def line(self, at: int) -> str:
        """Return the journal's line; ``at``: Unix seconds, for people."""
        members = {name: getattr(self, name) for name in _MEMBERS[self.what]}
        written = {"at": at, "realm": self.realm, "what": self.what.value, **members, "kept_until": self.kept_until}
        return json.dumps(written) + "\n"


def read_line(line: str) -> Revocation | None:
    """Read a line; None if it cannot be read, such as half a line after a crash."""
    try:
        read = json.loads(line)
        what = What(read["what"])
        numbers = {name: read[name] for name in (*_MEMBERS[what], "kept_until") if name not in _TEXTS}
        texts = {name: read[name] for name in ("realm", *_MEMBERS[what]) if name in _TEXTS}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return Revocation(what=what, **texts, **numbers) if _are(numbers, int) and _are(texts, str) else None


def _are(values: dict[str, Any], kind: type) -> bool:
    return all(type(value) is kind for value in values.values())


def in_force(lines: list[str], now: int) -> tuple[list[tuple[str, Revocation]], int]:
    """Return those of a journal's ``lines`` that still matter, each with its revocation; and how many can't be read."""
    kept: dict[tuple[object, ...], tuple[str, Revocation]] = {}
    broken = 0
    for line in lines:
        found = read_line(line)
        if found is None:
            broken += bool(line.strip())
        elif found.kept_until > now:
            before = kept.get(found.subject)
            if before is None or (before[1].before, before[1].kept_until) <= (found.before, found.kept_until):
                kept[found.subject] = (line, found)
    return list(kept.values()), broken
