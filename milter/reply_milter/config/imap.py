"""``[[imap]]``: mailboxes on somebody else's servers, that replies are fetched from."""

from collections.abc import Mapping
from dataclasses import dataclass

from reply_milter.config.imap_account import folder, read_account
from reply_milter.core.encoding.toml_table import Table, between, matching, one_of
from reply_milter.core.fetching.account import Account

# The field in which a server or provider puts the recipient, by the words for it; "" for To and Cc.
RECIPIENT_FIELDS: Mapping[str, str] = {
    "delivered-to": "delivered-to",
    "x-delivered-to": "x-delivered-to",
    "x-original-to": "x-original-to",
    "envelope-to": "envelope-to",
    "gmail": "delivered-to",
    "fastmail": "x-delivered-to",
    "dovecot": "delivered-to",
    "postfix": "x-original-to",
    "exim": "envelope-to",
    "to": "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapSettings:
    """One mailbox to fetch from.

    ``recipient_field``: the field above the topmost Received that names the recipient, in lower case; empty for To and
    Cc. ``authserv_id``: whose Authentication-Results counts, empty for none. ``delete_message``: replies that were
    taken are deleted; else they are moved to ``account.processed``.
    """

    name: str
    account: Account
    recipient_field: str
    authserv_id: str
    delete_message: bool
    rejected: str
    poll_seconds: int
    max_message_bytes: int


def read_imap(top: Table, authserv_id: str, hooked: bool) -> tuple[ImapSettings, ...]:
    """Read all ``[[imap]]`` tables. ``authserv_id``: of ``[verify]``. ``hooked``: there is a table ``[delivery]``."""
    found: list[ImapSettings] = []
    names: set[str] = set()
    places: set[tuple[str, str, str]] = set()
    for table in top.tables("imap"):
        one = _mailbox(table, authserv_id)
        if not hooked:
            table.problem("name", "needs a table [delivery]: without a hook no process would hand the replies over")
        if one.name in names and not table.has_problem("name"):
            table.problem("name", f"{one.name!r} is taken by another [[imap]]")
        place = (one.account.host.lower(), one.account.user.lower(), one.account.mailbox)
        if place in places and not any(table.has_problem(key) for key in ("url", "user", "mailbox")):
            table.problem("mailbox", "is fetched by another [[imap]] already")
        names.add(one.name)
        places.add(place)
        found.append(one)
    return tuple(found)


def _mailbox(table: Table, authserv_id: str) -> ImapSettings:
    found = ImapSettings(
        name=table.need("name", "", matching(r"[a-z0-9._-]{1,32}", "1 to 32 of a-z0-9._-")),
        account=read_account(table),
        recipient_field=RECIPIENT_FIELDS[table.take("recipient", "delivered-to", one_of(*RECIPIENT_FIELDS))],
        authserv_id=table.take("authserv_id", authserv_id, matching(r"[A-Za-z0-9.-]{0,255}", "a host name")),
        delete_message=table.take("delete_message", True),
        rejected=table.take("rejected", "Replies/Rejected", folder),
        poll_seconds=table.take("poll_seconds", 60, between(1, 3600)),
        max_message_bytes=table.take("max_message_bytes", 26214400, between(1, 1 << 30)),
    )
    for key, name in (("rejected", found.rejected), ("processed", found.account.processed)):
        if _same(name, found.account.mailbox) and not table.has_problem(key):
            table.problem(key, "must not be the mailbox that is fetched: its messages would never leave it")
    table.unknown()
    return found


def _same(one: str, other: str) -> bool:
    return one == other or one.upper() == other.upper() == "INBOX"
