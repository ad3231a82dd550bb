"""A finding: what was found, why it matters, and the line that mends it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

SHELL, REDIS, MAIN_CF, MASTER_CF = "shell", "redis-cli", "main.cf", "master.cf"
TOML, UNIT = "reply-milter.toml", "reply-milter.service"


class Severity(StrEnum):
    """``error``: replies are refused, lost or let past. ``warning``: they will be. ``note``: good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Remedy:
    """``line`` is to be put into ``place``, one of the names above, as it is.

    ``section``: a service of master.cf, as ``name/type``; a ``[table]`` of TOML.
    """

    place: str = ""
    line: str = ""
    section: str = ""


NOTHING_TO_PASTE = Remedy()


@dataclass(frozen=True, slots=True)
class Problem:
    """``check`` names the rule as ``area.rule`` and stays. No text holds a secret."""

    severity: Severity
    check: str
    what: str
    why: str
    remedy: Remedy = NOTHING_TO_PASTE


def error(check: str, what: str, why: str, remedy: Remedy = NOTHING_TO_PASTE) -> Problem:
    """A finding that costs replies now, or lets them past."""
    return Problem(Severity.ERROR, check, what, why, remedy)


def warning(check: str, what: str, why: str, remedy: Remedy = NOTHING_TO_PASTE) -> Problem:
    """A finding that will."""
    return Problem(Severity.WARNING, check, what, why, remedy)


def note(check: str, what: str, why: str, remedy: Remedy = NOTHING_TO_PASTE) -> Problem:
    """A finding that is no fault."""
    return Problem(Severity.NOTE, check, what, why, remedy)


def hidden(area: str, what: str) -> Problem:
    """Say that this user may not look at something."""
    return error(
        f"{area}.unseen",
        f"{what}: not for this user to see",
        "nothing can be said about it",
        Remedy(SHELL, "sudo reply-milter doctor"),
    )


def not_examined(area: str, why: str) -> Problem:
    """Say that an area was left out."""
    return note(f"{area}.unseen", f"{area}: not examined", why)


def in_order(findings: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each once, the worst first, and else as they were found."""
    order = list(Severity)
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: order.index(finding.severity)))


def worst(findings: Iterable[Problem]) -> Severity | None:
    """The worst severity; None if nothing was found."""
    ordered = in_order(findings)
    return ordered[0].severity if ordered else None
