"""Builds what reads a mailbox: both flows as the daemon's other processes run them, but that neither commits."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.redis_store import StoreTelemetry
from reply_milter.adapters.state_dir.deliveries import SqliteParkingRoom
from reply_milter.adapters.state_dir.mailboxes import MailboxRecord
from reply_milter.adapters.state_dir.wrapped_mark import WrappedMark
from reply_milter.config.delivery import DeliverySettings
from reply_milter.config.imap import ImapSettings
from reply_milter.core.rules.throttle import TABLE_OCTETS, GuessTable
from reply_milter.flows.fetching.service import FetchRules, FetchService
from reply_milter.flows.service import Rules, Service
from reply_milter.ports import Telemetry
from reply_milter.ports.delivery_telemetry import DeliveryTelemetry
from reply_milter.ports.fetching import FetchTelemetry
from reply_milter.ports.mailbox import Mailbox
from reply_milter.wiring.delivery import open_hook
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import open_store, open_turns

_Given = TypeVar("_Given")
_Got = TypeVar("_Got")


@dataclass(frozen=True, slots=True)
class FetchReporting:
    """Where each part reports to. ``store`` None: this is a command, and nobody counts or watches the store."""

    decisions: Telemetry
    deliveries: DeliveryTelemetry
    fetches: FetchTelemetry
    store: StoreTelemetry | None = None

    @property
    def watches(self) -> bool:
        """Whether this is a daemon's process."""
        return self.store is not None


def open_fetch(
    settings: Settings, delivery: DeliverySettings, imap: ImapSettings, mailbox: Mailbox, reporting: FetchReporting
) -> FetchService:
    """Open everything that fetching needs but the mailbox itself.

    Raises:
        RecordError: the records can't be kept under ``state_dir``.
        PlugInError: a plug-in that the settings name is no longer installed.
    """
    hook = open_hook(settings, delivery, reporting.deliveries, reporting.store, reporting.watches, stays_open=True)
    rules = replace(hook.rules, authserv_id=imap.authserv_id)
    identity = _identity(imap)
    record = MailboxRecord(Path(settings.config.state_dir) / "delivery", identity)
    return FetchService(
        rules=_rules(imap, identity),
        verifying=_milter(settings, delivery, imap, reporting),
        delivering=replace(hook, rules=rules, store=None),
        mailbox=mailbox,
        record=record,
        turns=open_turns(settings.config, identity, record.host, reporting.store),
        telemetry=reporting.fetches,
        side_by_side=lambda call, several: side_by_side(delivery.concurrency, call, several),
    )


def side_by_side(most: int, call: Callable[[_Given], _Got], several: Sequence[_Given]) -> list[_Got]:
    """Call ``call`` for each of ``several``, ``most`` at a time; return the results in the same order."""
    if len(several) < 2 or most == 1:
        return [call(one) for one in several]
    return list(_threads(most).map(call, several))


@cache
def _threads(most: int) -> ThreadPoolExecutor:
    """Return the threads of this process, which does not fork: to start them for each batch costs a tenth of it."""
    return ThreadPoolExecutor(most, "delivery")


def _identity(imap: ImapSettings) -> str:
    account = imap.account
    return f"{account.user} at {account.host}:{account.port} {account.mailbox}"


def _rules(imap: ImapSettings, identity: str) -> FetchRules:
    return FetchRules(
        identity=identity,
        field=imap.recipient_field,
        processed="" if imap.delete_message else imap.account.processed,
        rejected=imap.rejected,
        max_message_bytes=imap.max_message_bytes,
        poll_seconds=imap.poll_seconds,
        idles=imap.account.idle,
    )


def _milter(settings: Settings, delivery: DeliverySettings, imap: ImapSettings, reporting: FetchReporting) -> Service:
    """The milter's service. Nobody knows the client, so none is throttled, and none is a peer."""
    state_dir = settings.config.state_dir
    store = open_store(settings.config, reporting.store)
    if reporting.watches:
        store.watch()
    return Service(
        rules=_as_fetched(settings.rules(imap.authserv_id)),
        guesses=GuessTable(bytearray(TABLE_OCTETS), b"fetched"),
        store=store,
        commits=None,
        clock=WallClock(),
        telemetry=reporting.decisions,
        parking_room=SqliteParkingRoom(state_dir, delivery.confirmation.room),
        mark=WrappedMark(state_dir),
    )


def _as_fetched(rules: Rules) -> Rules:
    verify = replace(rules.verify, peers=(), forged_per_minute=0)
    return replace(rules, verify=verify, hook_commits=True)
