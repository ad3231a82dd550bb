"""The files that control access to the metrics page."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from reply_milter.core.diagnosis.files import READ, Account, FileFacts, Kind, first_closed, may
from reply_milter.core.diagnosis.problem import SHELL, Problem, Remedy, error, hidden, warning

_SOON_SECONDS = 14 * 86400


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file that ``[metrics]`` names by ``key``, and the folders above it."""

    key: str
    facts: FileFacts
    parents: tuple[FileFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class AccessFacts:
    """``problems``: why the daemon would not accept the files. ``expires``: the certificate, Unix seconds."""

    files: tuple[PageFile, ...] = ()
    problems: tuple[str, ...] = ()
    expires: int | None = None


def examine(access: AccessFacts, daemon: Account | None, now: int) -> Iterator[Problem]:
    """Examine certificate, key and password: no mistakes, readable by the daemon, and not about to expire."""
    unseen = [file for file in access.files if file.facts.kind is Kind.HIDDEN]
    for file in unseen:
        yield hidden("metrics", file.facts.path)
    if not unseen:
        for problem in access.problems:
            yield error("metrics.unusable", problem, "the daemon can't start, or keeps its old settings")
    for file in access.files:
        if daemon is not None and file.facts.there:
            yield from _readable(file, daemon)
    if access.expires is not None:
        yield from _lasting(access.expires, now)


def _readable(file: PageFile, daemon: Account) -> Iterator[Problem]:
    path = file.facts.path
    closed = first_closed(daemon, file.parents)
    if closed or not may(daemon, file.facts, READ):
        at, bits = (closed.path, "g+x") if closed else (path, "g+r")
        yield error(
            "metrics.unreadable",
            f"metrics.{file.key}: {path}: the daemon's user {daemon.name} may not read it"
            + (f", because it may not enter {at}" if closed else ""),
            "the daemon can't start, or keeps its old settings",
            Remedy(SHELL, f"chgrp {daemon.name} {at} && chmod {bits} {at}"),
        )


def _lasting(expires: int, now: int) -> Iterator[Problem]:
    day = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%d")
    if expires <= now:
        yield error("metrics.expired", f"metrics.tls_cert expired on {day}", "monitoring cannot read the page any more")
    elif expires <= now + _SOON_SECONDS:
        yield warning(
            "metrics.expires", f"metrics.tls_cert expires on {day}", "monitoring cannot read the page after that"
        )
