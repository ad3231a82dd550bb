"""``[delivery]``: the hook that takes accepted replies, and how it asks users about parked ones."""

import ipaddress
from dataclasses import dataclass

from reply_milter.config.places import LMTP_SOCKET, Listener, Socket, connection_point, listener
from reply_milter.core.delivery.parked import Room
from reply_milter.core.encoding.toml_table import Table, between, matching
from reply_milter.core.token.token import HANDLER_LIMIT
from reply_text.syntax.mailbox import mailboxes

_BYTES_IN_FLIGHT = 64 << 20
_PARKED_REPLIES = 1000
_PARKED_BYTES = 1 << 30
_CONTACT_LENGTH = 200
CONFIRM = "confirm"  # the handler whose addresses release parked replies


@dataclass(frozen=True, slots=True)
class Confirmation:
    """How the user on file is asked. ``smtp``: the server that takes the question; ``sender``: its From.

    ``contact``: who has addresses revoked; ``room``: how much may wait for an answer.
    """

    handler_id: int
    days: int
    smtp: Socket
    sender: str
    contact: str
    room: Room


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """The hook. ``place.socket`` is false where only ``reply-milter deliver`` is used.

    ``concurrency``: deliveries of one handler at a time. ``dead_letters`` is a folder. ``max_bytes_in_flight``: of all
    messages that are here at a time. ``marker``: everything from a line on that holds it is quoted text; empty for
    none.
    """

    place: Listener
    dead_letters: str
    marker: str
    concurrency: int
    max_message_bytes: int
    max_bytes_in_flight: int
    give_up_hours: int
    confirmation: Confirmation

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an operator may have overlooked."""
        return () if _is_local(self.place.socket) else (_OPEN,)


def read_delivery(table: Table, state_dir: str, mint_domain: str, max_reply_bytes: int) -> DeliverySettings:
    """Read ``[delivery]``. ``max_reply_bytes``: of a message as the milter takes it."""
    max_message_bytes = table.take("max_message_bytes", 2 * max_reply_bytes, between(1, 1 << 40))
    found = DeliverySettings(
        place=listener(table, "listen", LMTP_SOCKET, 1),
        dead_letters=table.take("dead_letters", f"{state_dir}/dead-letters", matching(r"/[^\0]+", "an absolute path")),
        marker=table.take("marker", "", _marker),
        concurrency=table.take("concurrency", 16, between(1, 256)),
        max_message_bytes=max_message_bytes,
        max_bytes_in_flight=table.take("max_bytes_in_flight", _BYTES_IN_FLIGHT, between(1, 1 << 40)),
        give_up_hours=table.take("give_up_hours", 96, between(1, 24 * 365)),
        confirmation=_read_confirm(table.table("confirm"), mint_domain, max_message_bytes),
    )
    table.unknown()
    return found


_OPEN = "delivery.listen: is not a loopback address: anybody who can connect may fill the dead letters"


def _is_local(place: Socket) -> bool:
    if not place.host or place.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(place.host).is_loopback
    except ValueError:
        return False


def _read_confirm(table: Table, mint_domain: str, max_message_bytes: int) -> Confirmation:
    found = Confirmation(
        handler_id=table.take("id", HANDLER_LIMIT - 1, between(0, HANDLER_LIMIT - 1)),
        days=table.take("days", 7, between(1, 365)),
        smtp=_smtp(table),
        sender=table.take("from", f"no-reply@{mint_domain}", _author),
        contact=table.take("contact", f"postmaster@{mint_domain}", _contact),
        room=_room(table, max_message_bytes),
    )
    table.unknown()
    return found


def _room(table: Table, max_message_bytes: int) -> Room:
    """Read the bounds. A message of any size that the hook accepts has room where nothing else is parked."""
    user_octets = table.take("parked_bytes_per_user", max_message_bytes, between(1, 1 << 50))
    user_replies = table.take("parked_replies_per_user", 20, between(1, 1 << 20))
    octets = table.take("parked_bytes", max(_PARKED_BYTES, user_octets), between(1, 1 << 50))
    replies = table.take("parked_replies", max(_PARKED_REPLIES, user_replies), between(1, 1 << 20))
    bounds = (
        ("parked_bytes_per_user", user_octets, max_message_bytes, "delivery.max_message_bytes"),
        ("parked_bytes", octets, user_octets, "parked_bytes_per_user"),
        ("parked_replies", replies, user_replies, "parked_replies_per_user"),
    )
    for key, value, least, other in bounds:
        if value < least and not table.has_problem(key):
            table.problem(key, f"must be at least {other}, which is {least}")
    return Room(user_replies, user_octets, replies, octets)


def _smtp(table: Table) -> Socket:
    place = connection_point(table, "smtp", "inet:25@127.0.0.1")
    if not place.host and not table.has_problem("smtp"):
        table.problem("smtp", 'must be "inet:PORT@HOST"')
    return place


def _author(value: str) -> str | None:
    plain = value.isascii() and value.isprintable() and len(mailboxes(value)) == 1
    return None if plain else f"{value!r} is not one mail address in ASCII"


def _contact(value: str) -> str | None:
    """Check an address or a URL that fits one line of a mail."""
    plain = 0 < len(value) <= _CONTACT_LENGTH and value.isprintable() and value == value.strip()
    return None if plain else f"must be an address or URL of at most {_CONTACT_LENGTH} printable characters"


def _marker(value: str) -> str | None:
    return "must be one line" if "\n" in value or "\r" in value else None
