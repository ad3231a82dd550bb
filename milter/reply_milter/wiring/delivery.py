"""Builds the delivery service from settings, for the LMTP process and for commands."""

import secrets

from reply_milter.adapters.clients.smtp import SmtpSender
from reply_milter.adapters.handlers import deliverer_for
from reply_milter.adapters.handlers.plugins import load_plug_in
from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.os.host_names import HostNames
from reply_milter.adapters.redis_store import StoreTelemetry
from reply_milter.adapters.state_dir.dead_letters import DeadLetterFolder
from reply_milter.adapters.state_dir.deliveries import SqliteLedger, SqliteParking, SqliteQuestions, open_database
from reply_milter.config import Config
from reply_milter.config.delivery import DeliverySettings
from reply_milter.core.verdict.destination import Destination, PlugIn
from reply_milter.flows.delivering.service import HookRules, HookService
from reply_milter.ports.delivery import Deliverer
from reply_milter.ports.delivery_telemetry import DeliveryTelemetry
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import open_registry, open_store
from reply_text import Limits

_UNIQUE_OCTETS = 5
_NAMES = HostNames()  # per process: a lookup that hangs is not repeated by each reload


def open_hook(
    settings: Settings,
    delivery: DeliverySettings,
    telemetry: DeliveryTelemetry,
    store: StoreTelemetry | None,
    watches: bool = False,
    stays_open: bool = False,
) -> HookService:
    """Open everything that a delivery needs.

    ``watches``: start a thread that watches the store, in a daemon's process. ``stays_open``: the record of deliveries
    does, in a process that does not fork.

    Raises:
        RecordError: the record of deliveries can't be kept under ``state_dir``.
        PlugInError: a plug-in that the settings name is no longer installed.
    """
    config = settings.config
    database = open_database(config.state_dir)
    committed = None if config.replay.commit_on_accept else open_store(config, store)
    standings = committed or open_store(config, store)
    if watches:
        standings.watch()
    if stays_open:
        database.stay_open()
    return HookService(
        rules=_rules(settings, delivery),
        deliverers=_deliverers(config),
        ledger=SqliteLedger(database),
        parking=SqliteParking(database),
        questions=SqliteQuestions(database),
        dead_letters=DeadLetterFolder(delivery.dead_letters),
        store=committed,
        standings=standings,
        address_book=open_registry(config),
        mail_sender=_mail_sender(delivery),
        clock=WallClock(),
        telemetry=telemetry,
        unique=lambda: secrets.token_hex(_UNIQUE_OCTETS),
    )


def _mail_sender(delivery: DeliverySettings) -> SmtpSender:
    place = delivery.confirmation.smtp
    return SmtpSender(place.host, place.port, _NAMES)


def _rules(settings: Settings, delivery: DeliverySettings) -> HookRules:
    config = settings.config
    return HookRules(
        form=config.form,
        keyring=settings.keyring,
        seal_keys=settings.seal_keys,
        handlers=config.handlers,
        marker=delivery.marker,
        limits=Limits(),
        give_up_seconds=3600 * delivery.give_up_hours,
        confirming=config.handlers.by_id[delivery.confirmation.handler_id],
        asks_as=delivery.confirmation.sender,
        contact=delivery.confirmation.contact,
        room=delivery.confirmation.room,
        authserv_id=config.verify.authserv_id,
    )


def _deliverers(config: Config) -> dict[str, Deliverer]:
    return {
        handler.name: _deliverer(handler.destination)
        for handler in config.handlers.by_id.values()
        if handler.destination is not None
    }


def _deliverer(destination: Destination) -> Deliverer:
    if isinstance(destination, PlugIn):
        return load_plug_in(destination)
    return deliverer_for(destination, WallClock(), _NAMES)
