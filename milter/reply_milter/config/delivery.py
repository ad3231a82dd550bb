"""``[delivery]``: the hook that takes accepted replies, and what it does with those that nobody may take yet."""

import ipaddress
from dataclasses import dataclass

from reply_milter.config.places import LMTP_SOCKET, Listener, Socket, connection_point, listener
from reply_milter.core.mailbox import mailboxes
from reply_milter.core.token import HANDLER_LIMIT
from reply_milter.toml_table import Table, between, matching

CONFIRM = "confirm"  # the handler whose addresses release parked replies


@dataclass(frozen=True, slots=True)
class Confirmation:
    """How the user on file is asked. ``smtp``: the server that takes the question; ``sender``: its From."""

    handler_id: int
    days: int
    smtp: Socket
    sender: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """The hook. ``place.socket`` is false where only ``reply-milter deliver`` is used.

    ``dead_letters`` is a folder. ``marker``: everything from a line on that holds it is quoted text; empty for none.
    """

    place: Listener
    dead_letters: str
    marker: str
    concurrency: int
    max_message_bytes: int
    give_up_hours: int
    confirmation: Confirmation


def delivery(table: Table, state_dir: str, mint_domain: str, max_reply_bytes: int) -> tuple[Delivery, tuple[str, ...]]:
    """The hook's settings, and warnings about them."""
    found = Delivery(
        place=listener(table, "listen", LMTP_SOCKET, 1),
        dead_letters=table.take("dead_letters", f"{state_dir}/dead-letters", matching(r"/[^\0]+", "an absolute path")),
        marker=table.take("marker", "", _marker),
        concurrency=table.take("concurrency", 16, between(1, 256)),
        max_message_bytes=table.take("max_message_bytes", 2 * max_reply_bytes, between(1, 1 << 40)),
        give_up_hours=table.take("give_up_hours", 96, between(1, 24 * 365)),
        confirmation=_confirmation(table.table("confirm"), mint_domain),
    )
    table.unknown()
    return found, () if _is_local(found.place.socket) else (_OPEN,)


_OPEN = "delivery.listen: is no address of loopback: anybody who can connect may fill the dead letters"


def _is_local(place: Socket) -> bool:
    if not place.host or place.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(place.host).is_loopback
    except ValueError:
        return False


def _confirmation(table: Table, mint_domain: str) -> Confirmation:
    found = Confirmation(
        handler_id=table.take("id", HANDLER_LIMIT - 1, between(0, HANDLER_LIMIT - 1)),
        days=table.take("days", 7, between(1, 365)),
        smtp=_smtp(table),
        sender=table.take("from", f"no-reply@{mint_domain}", _author),
    )
    table.unknown()
    return found


def _smtp(table: Table) -> Socket:
    place = connection_point(table, "smtp", "inet:25@127.0.0.1")
    if not place.host and not table.is_told("smtp"):
        table.problem("smtp", 'must be "inet:PORT@HOST"')
    return place


def _author(value: str) -> str | None:
    plain = value.isascii() and value.isprintable() and len(mailboxes(value)) == 1
    return None if plain else f"{value!r} is not one mail address in ASCII"


def _marker(value: str) -> str | None:
    return "must be one line" if "\n" in value or "\r" in value else None
