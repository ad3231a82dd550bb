"""A problem of an installation: what is wrong, why it matters, and the line that solves it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

SHELL, REDIS, MAIN_CF, MASTER_CF = "shell", "redis-cli", "main.cf", "master.cf"
TOML, UNIT = "reply-milter.toml", "reply-milter.service"


class Severity(StrEnum):
    """``error``: replies are refused, lost, or not checked. ``warning``: they will be. ``note``: good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Remedy:
    """A ``line`` for the operator to put into ``place``, one of the names above, as it is.

    ``section``: a service of master.cf, as ``name/type``; a ``[table]`` of TOML.
    """

    place: str = ""
    line: str = ""
    section: str = ""


NOTHING_TO_PASTE = Remedy()


@dataclass(frozen=True, slots=True)
class Problem:
    """``check`` names the rule as ``area.rule``; names never change. No text holds a secret."""

    severity: Severity
    check: str
    what: str
    why: str
    remedy: Remedy = NOTHING_TO_PASTE


def error(check: str, what: str, why: str, remedy: Remedy = NOTHING_TO_PASTE) -> Problem:
    """Return a problem because of which replies are refused, lost, or not checked now."""
    return Problem(Severity.ERROR, check, what, why, remedy)


def warning(check: str, what: str, why: str, remedy: Remedy = NOTHING_TO_PASTE) -> Problem:
    """Return a problem that will have such effects."""
    return Problem(Severity.WARNING, check, what, why, remedy)


def note(check: str, what: str, why: str, remedy: Remedy = NOTHING_TO_PASTE) -> Problem:
    """Return something that is good to know, and no fault."""
    return Problem(Severity.NOTE, check, what, why, remedy)


def hidden(area: str, what: str) -> Problem:
    """Return the problem that this user may not examine ``what``."""
    return error(
        f"{area}.unseen",
        f"{what}: this user may not examine it",
        "problems there are not reported",
        Remedy(SHELL, "sudo reply-milter doctor"),
    )


def not_examined(area: str, why: str) -> Problem:
    """Return the note that an area was left out, and ``why``."""
    return note(f"{area}.unseen", f"{area}: not examined", why)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return each problem once, the worst first, else in the order in which they were found."""
    order = list(Severity)
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: order.index(problem.severity)))


def worst(problems: Iterable[Problem]) -> Severity | None:
    """Return the worst severity; None without problems."""
    ordered = in_order(problems)
    return ordered[0].severity if ordered else None
