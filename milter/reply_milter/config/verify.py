"""``[verify]``: where replies are verified, and by which limits."""

from dataclasses import dataclass
from enum import StrEnum

from reply_milter.config.places import VERIFY_SOCKET, Listener, listener, networks
from reply_milter.core.encoding.toml_table import Table, between, matching, one_of
from reply_milter.core.notification.application import Networks


class Engine(StrEnum):
    """What speaks the milter protocol: libmilter through pymilter, or a loop of our own."""

    PYMILTER = "pymilter"
    LOOP = "loop"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySettings:
    """Settings of the milter that verifies. A change of ``place`` or ``engine`` needs a restart, others a reload.

    ``place``: None on a host that only sends. ``peers``: hosts whose sealed mail passes. ``authserv_id``: the name of
    the milters before us that check DMARC and DKIM; empty for none. ``add_authentication_results``: write
    x-reply-token=pass in that name as well. ``forged_per_minute``: invalid addresses per client
    network before the reply is 451; 0 for no limit. ``accept_early``: mail without a reply recipient ends at DATA.
    """

    place: Listener | None
    peers: Networks
    authserv_id: str
    add_authentication_results: bool
    max_message_bytes: int
    forged_per_minute: int
    accept_early: bool
    engine: Engine


def read_verify(table: Table, sign: Listener | None, fetches: bool) -> VerifySettings:
    """Read ``[verify]``. Each kind of milter has its own socket; ``sign`` is the other's.

    A host runs at least one of them, unless it ``fetches`` replies from mailboxes.
    """
    found = VerifySettings(
        place=_place(table, sign, fetches),
        peers=networks(table, "peers"),
        authserv_id=table.take("authserv_id", "", matching(r"[A-Za-z0-9.-]{0,255}", "a host name")),
        add_authentication_results=table.take("add_authentication_results", True),
        max_message_bytes=table.take("max_message_bytes", 26214400, between(1, 1 << 40)),
        forged_per_minute=table.take("forged_per_minute", 60, between(0, 1 << 30)),
        accept_early=table.take("accept_early", False),
        engine=Engine(table.take("engine", Engine.PYMILTER.value, one_of(*Engine))),
    )
    table.unknown()
    return found


def _place(table: Table, sign: Listener | None, fetches: bool) -> Listener | None:
    found = listener(table, "socket", VERIFY_SOCKET, 0)
    if sign is not None and sign.socket and sign.socket == found.socket:
        table.problems.append("sign.socket: is verify.socket, too: each kind of milter needs one of its own")
    if sign is None and not fetches and not found.socket and not table.has_problem("socket"):
        table.problem("socket", "is empty, and there is neither a table [sign] nor [[imap]]: nothing would run")
    return found if found.socket else None
