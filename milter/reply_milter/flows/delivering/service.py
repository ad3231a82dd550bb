"""What the delivery of replies works with, as long as the settings last. Shared by all deliveries of a process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reply_milter.core.content import Limits
from reply_milter.core.delivery.parked import Room
from reply_milter.core.token.address import AddressForm
from reply_milter.core.token.keyring import Keyring
from reply_milter.core.verdict.handler import Handler, Handlers
from reply_milter.ports import Clock, Store
from reply_milter.ports.delivery import AddressBook, DeadLetters, Deliverer, Ledger, MailSender, Standings
from reply_milter.ports.delivery_telemetry import DeliveryTelemetry
from reply_milter.ports.parking import Parking, Questions


@dataclass(frozen=True, slots=True)
class HookRules:
    """What the operator decided. A reload replaces it whole.

    ``confirming``: the handler of answers about parked replies; ``asks_as``: the author of those questions;
    ``contact``: who has addresses revoked, as those are told. ``room``: how much may be parked.
    ``give_up_seconds``: after so long with nobody to take it, a reply becomes a dead letter.
    """

    form: AddressForm
    keyring: Keyring
    seal_keys: tuple[bytes, ...] = field(repr=False)
    handlers: Handlers
    marker: str
    limits: Limits
    give_up_seconds: int
    confirming: Handler
    asks_as: str
    contact: str
    room: Room


@dataclass(frozen=True, slots=True)
class HookService:
    """The rules and the world that they are applied to. ``deliverers`` by name of the handler.

    ``store`` None: the milter commits by itself. ``standings`` knows what was revoked since. ``unique`` gives letters
    and digits, never the same twice.
    """

    rules: HookRules
    deliverers: Mapping[str, Deliverer]
    ledger: Ledger
    parking: Parking
    questions: Questions
    dead_letters: DeadLetters
    store: Store | None
    standings: Standings
    address_book: AddressBook
    mail_sender: MailSender
    clock: Clock
    telemetry: DeliveryTelemetry
    unique: Callable[[], str]
