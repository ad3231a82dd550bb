"""What the flows work with until the next reload. All connections of a process share it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from reply_milter.config.sign import SignSettings
from reply_milter.config.store import StoreSettings
from reply_milter.config.verify import VerifySettings
from reply_milter.core.notification.application import Admission, Asker, admit, is_among
from reply_milter.core.rules.authentication import Organisational
from reply_milter.core.rules.throttle import GuessTable
from reply_milter.core.token.address import AddressForm
from reply_milter.core.token.keyring import Keyring
from reply_milter.core.verdict.handler import Handler, Handlers
from reply_milter.core.verdict.policy import Policy
from reply_milter.ports import (
    Clock,
    DelayedCommits,
    MintingStore,
    MintingTelemetry,
    NativeSources,
    ParkingRoom,
    Store,
    Telemetry,
    WrappedMark,
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator decided. A reload replaces it whole.

    ``organisational``: see ``core.rules.authentication``; never asked without an ``authserv_id``. ``parks_in_hook``:
    the delivery hook keeps what is parked; else the MTA's hold queue does. ``hook_commits``: a hook commits what it has
    delivered; else we commit behind the answer.
    """

    form: AddressForm
    keyring: Keyring
    handlers: Handlers
    policy: Policy
    seal_keys: tuple[bytes, ...] = field(repr=False)
    verify: VerifySettings
    store: StoreSettings
    organisational: Organisational
    parks_in_hook: bool = False
    hook_commits: bool = False

    def is_peer(self, client: str) -> bool:
        """Whether ``client`` (an IP address as text) is one whose seals are taken as they are."""
        return is_among(client, self.verify.peers)


@dataclass(frozen=True, slots=True)
class Service:
    """The rules, and the world that they are applied to. ``commits`` is None if this process commits nothing.

    ``parking_room`` is None if there is no bound for parked replies on this host. ``mark``: None if nothing is wrapped.
    ``natives``: None if no native address is verified.
    """

    rules: Rules
    guesses: GuessTable
    store: Store
    commits: DelayedCommits | None
    clock: Clock
    telemetry: Telemetry
    parking_room: ParkingRoom | None = None
    mark: WrappedMark | None = None
    natives: NativeSources | None = None


@dataclass(frozen=True, slots=True)
class MintingRules:
    """What the operator decided about outgoing mail. A reload replaces it whole."""

    form: AddressForm
    keyring: Keyring
    handlers: Handlers
    sign: SignSettings

    def admit(self, asker: Asker) -> Admission:
        """Decide whether ``asker`` may have an address minted."""
        return admit(asker, self.sign.applications, self.sign.trusted)

    def wrapped_for(self, client: str, login: str) -> tuple[tuple[Handler, str], ...]:
        """The wrapped handlers of applications that this client is, each with the application's name.

        Such an application does not know us: no secret is asked for.
        """
        wrapped = [one for one in self.handlers.by_id.values() if one.wrap is not None and one.wrap.outward]
        asker = Asker(client, login, "", "")
        known = [one for one in self.sign.applications if one.is_known_by(asker)] if wrapped else []
        owners = [(handler, one.name) for handler in wrapped for one in known if handler.name in one.handlers]
        return tuple({handler.id: (handler, name) for handler, name in reversed(owners)}.values())[::-1]


@dataclass(frozen=True, slots=True)
class MintingService:
    """The rules for outgoing mail, and the world. ``unique`` returns letters and digits, never the same twice.

    ``store`` and ``mark`` are for wrapped notifications; ``store`` never waits longer than 50 ms.
    """

    rules: MintingRules
    clock: Clock
    telemetry: MintingTelemetry
    unique: Callable[[], str]
    store: MintingStore
    mark: WrappedMark
