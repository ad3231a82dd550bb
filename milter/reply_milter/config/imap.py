"""``[[imap]]``: mailboxes on somebody else's servers, that replies are fetched from."""

from collections.abc import Mapping
from dataclasses import dataclass

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
