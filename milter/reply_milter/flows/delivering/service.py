"""The rules and ports of the delivery flow. All deliveries of a process share one, until a reload replaces it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reply_milter.core.delivery.parked import Room
from reply_milter.core.token.address import AddressForm
from reply_milter.core.token.keyring import Keyring
from reply_milter.core.verdict.handler import Handler, Handlers
from reply_milter.ports import Clock, Store
from reply_milter.ports.delivery import AddressBook, DeadLetters, Deliverer, Ledger, MailSender, Standings
from reply_milter.ports.delivery_telemetry import DeliveryTelemetry
from reply_milter.ports.parking import Parking, Questions
from reply_text import Limits


@dataclass(frozen=True, slots=True)
class HookRules:
    """What the configuration says about deliveries.

    ``confirming``: the handler of answers about parked replies. ``asks_as``: From of the questions. ``contact``: where
    users ask to have an address revoked, as the questions say. ``room``: how much may be parked. ``give_up_seconds``:
    a reply that no handler takes for so long becomes a dead letter. ``authserv_id``: of the milters before us, or
    empty.
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
    authserv_id: str = ""


@dataclass(frozen=True, slots=True)
class HookService:
    """The rules, and the ports that the flow calls. ``deliverers``: by the handler's name.

    ``store`` is None where the milter commits by itself. ``standings`` knows what was revoked or disabled since.
    ``unique`` returns letters and digits, never the same twice.
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
