"""Revocations as lines of a journal: plain JSON, so that an operator can read them.

Lines about one subject are a stack: a revocation goes onto it, and an undo takes the latest one off. The one of the
stack that reaches furthest is in force.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from reply_milter.core.token.token import CONTEXT_LIMIT, HANDLER_LIMIT, USER_LIMIT


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
_TIME_LIMIT = 253402300800  # Unix seconds: the end of the year 9999
_LIMITS = {"user": USER_LIMIT, "handler": HANDLER_LIMIT, "context": CONTEXT_LIMIT}  # of all else, _TIME_LIMIT
_TOKEN_ID = re.compile(r"[a-z2-7]{13}", re.ASCII)
_UNDO = "undo "  # before what is undone. An older version can't read such a line: for it, the revocation stays
_KEPT_LINES = 4  # of each subject, when the journal is compacted: so many commands can be undone


@dataclass(frozen=True, slots=True)
class Revocation:
    """One revocation; unused members are 0 or empty. Times as in ``ports.Registry``.

    ``of``: whom a pseudo-user stands for, where that is known; for people who read the journal. ``undone``: it takes
    the latest revocation of its subject back. ``at``: when its line was written, 0 for unknown.
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
    undone: bool = False
    at: int = field(default=0, compare=False)

    @property
    def subject(self) -> tuple[object, ...]:
        """Return what it is about. Of several with one subject, the latest ``before`` includes the others."""
        return self.realm, self.what, self.user, self.handler, self.context, self.token_id

    def line(self, at: int) -> str:
        """Return the journal's line; ``at``: Unix seconds, for people."""
        members = {name: getattr(self, name) for name in _members(self.what, self.undone)}
        what = f"{_UNDO if self.undone else ''}{self.what}"
        return (
            json.dumps({"at": at, "realm": self.realm, "what": what, **members, "kept_until": self.kept_until}) + "\n"
        )

    @property
    def reach(self) -> int:
        """Return the time before which its addresses are revoked, in Unix seconds; 1 for one address, at any time."""
        return 1 if self.what is What.TOKEN else self.before


Line = tuple[str, Revocation]


@dataclass(frozen=True, slots=True)
class History:
    """The lines of a journal that still matter, by subject, the latest last. ``broken``: how many can't be read."""

    stacks: dict[tuple[object, ...], list[Line]]
    broken: int

    def about(self, subject: tuple[object, ...]) -> list[Revocation]:
        """Return all revocations of a subject, the latest last."""
        return [revocation for _, revocation in self.stacks.get(subject, ())]

    def in_force(self) -> list[Revocation]:
        """Return for each subject the one that reaches furthest."""
        return [_furthest(stack)[1] for stack in self.stacks.values()]

    def compacted(self) -> list[str]:
        """Return the lines to keep when the journal is written anew: for each subject the latest, and the furthest."""
        kept: list[str] = []
        for stack in self.stacks.values():
            latest = stack[-_KEPT_LINES:]
            furthest = _furthest(stack)
            kept += [line for line, _ in ([] if furthest in latest else [furthest]) + latest]
        return kept


def read_line(line: str) -> Revocation | None:
    """Read a line; None if it cannot be read, such as half a line after a crash, or one that no store can hold."""
    try:
        read = json.loads(line)
        undone = read["what"].startswith(_UNDO)
        what = What(read["what"].removeprefix(_UNDO))
        members = _members(what, undone)
        numbers = {name: read[name] for name in (*members, "kept_until") if name not in _TEXTS}
        texts = {name: read[name] for name in ("realm", *members) if name in _TEXTS}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if not (_are(numbers, int) and _are(texts, str) and _are_possible(numbers, texts)):
        return None
    at, of = read.get("at"), texts.pop("of", "")
    return Revocation(
        what=what,
        **texts,
        **numbers,
        of=of if of.isprintable() else "",  # these two are for people
        undone=undone,
        at=at if type(at) is int and 0 <= at < _TIME_LIMIT else 0,
    )


def read_history(lines: Sequence[str], now: int) -> History:
    """Read the ``lines`` of a journal; ``now`` in Unix seconds."""
    stacks: dict[tuple[object, ...], list[Line]] = {}
    broken = 0
    for line in lines:
        found = read_line(line)
        if found is None:
            broken += bool(line.strip())
        elif found.undone:
            _take_off(stacks.get(found.subject, []))
        else:
            stacks.setdefault(found.subject, []).append((line, found))
    live = {about: [one for one in stack if one[1].kept_until > now] for about, stack in stacks.items()}
    return History({about: stack for about, stack in live.items() if stack}, broken)


def _take_off(stack: list[Line]) -> None:
    """Take the latest off; of one address all, because to revoke it twice is to revoke it once."""
    if stack:
        del stack[0 if stack[-1][1].what is What.TOKEN else -1 :]


def _furthest(stack: Sequence[Line]) -> Line:
    """Return the one that reaches furthest, the latest of several."""
    return max(reversed(stack), key=lambda one: (one[1].before, one[1].kept_until))


def _members(what: What, undone: bool) -> tuple[str, ...]:
    return tuple(name for name in _MEMBERS[what] if not (undone and name == "before"))


def _are_possible(numbers: Mapping[str, int], texts: Mapping[str, str]) -> bool:
    within = all(0 <= value < _LIMITS.get(name, _TIME_LIMIT) for name, value in numbers.items())
    return within and ("token_id" not in texts or _TOKEN_ID.fullmatch(texts["token_id"]) is not None)


def _are(values: dict[str, Any], kind: type) -> bool:
    return all(type(value) is kind for value in values.values())
