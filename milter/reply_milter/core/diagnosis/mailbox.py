"""The mailboxes that replies are fetched from: whether they open, and what their servers can do."""

from collections.abc import Iterator
from dataclasses import dataclass

from reply_milter.core.diagnosis.problem import TOML, Problem, Remedy, error, note, warning

_WAITS = "replies stay in the mailbox until that is solved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a try to open a mailbox found. ``refused``, ``unavailable``: why it failed, empty if it did not.

    ``move``, ``uidplus``, ``idle`` and ``keywords``: what the server offers, as in ``ports.mailbox.Capabilities``.
    ``missing``: folders that are not there yet.
    """

    refused: str = ""
    unavailable: str = ""
    move: bool = False
    uidplus: bool = False
    idle: bool = False
    keywords: bool = False
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxFacts:
    """A table ``[[imap]]``. ``deletes``: ``delete_message``; ``by_to``: ``recipient = "to"``. ``survey``: see there."""

    name: str
    deletes: bool
    wants_idle: bool
    by_to: bool
    authserv_id: str
    survey: Survey


def examine(facts: MailboxFacts) -> Iterator[Problem]:
    """Examine one mailbox."""
    found, name = facts.survey, facts.name
    if found.refused:
        yield error("imap.refused", f"imap {name}: {found.refused}", _WAITS)
    elif found.unavailable:
        yield error("imap.unavailable", f"imap {name}: {found.unavailable}", _WAITS)
    else:
        yield from _removal(facts)
        yield from _opened(facts)
    if facts.by_to:
        yield note(
            "imap.recipient",
            f'imap {name}: recipient = "to": To and Cc name the recipient, and the sender writes those',
            "one message can be counted for a mailbox that it was never sent to; each is still taken once",
        )
    if not facts.authserv_id:
        yield note(
            "imap.authserv_id",
            f"imap {name}: no authserv_id, so nobody's DKIM and DMARC results count",
            "all replies have auth=none",
        )


def _removal(facts: MailboxFacts) -> Iterator[Problem]:
    """Look how messages leave the mailbox."""
    found, name = facts.survey, facts.name
    if not (found.move or found.uidplus):
        marked = (
            "they are marked with $ReplyMilter" if found.keywords else "they are only remembered in this host's state"
        )
        yield warning(
            "imap.removal",
            f"imap {name}: the server offers neither MOVE nor UIDPLUS, so messages that are done stay; {marked}",
            "the mailbox grows: a plain EXPUNGE would remove what others marked as deleted, too",
        )
    elif facts.deletes and not found.uidplus:
        yield warning(
            "imap.deletion",
            f"imap {name}: the server does not offer UIDPLUS, so replies are moved in place of being deleted",
            "the folder for processed ones grows",
            Remedy(TOML, "delete_message = false", "[[imap]]"),
        )


def _opened(facts: MailboxFacts) -> Iterator[Problem]:
    found, name = facts.survey, facts.name
    if facts.wants_idle and not found.idle:
        yield note(
            "imap.idle",
            f"imap {name}: the server does not offer IDLE",
            "a reply waits until the next look: poll_seconds",
        )
    for folder in found.missing:
        yield note(
            "imap.folder",
            f'imap {name}: the folder "{folder}" is not there yet',
            "it is made when the first message needs it",
        )
