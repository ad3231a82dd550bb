"""What the flows work with, as long as the settings last. Shared by all connections of a process."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

from reply_milter.core.address import AddressForm
from reply_milter.core.handler import Handlers
from reply_milter.core.keyring import Keyring
from reply_milter.core.policy import Policy
from reply_milter.core.throttle import GuessTable
from reply_milter.ports import Clock, Settler, Store, Telemetry


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator decided. A reload replaces it whole."""

    form: AddressForm
    keyring: Keyring
    handlers: Handlers
    policy: Policy
    seal_keys: tuple[bytes, ...]
    peers: tuple[IPv4Network | IPv6Network, ...]
    authserv_id: str
    max_message_bytes: int
    forged_per_minute: int
    accept_without_store: bool

    def is_peer(self, client: str) -> bool:
        """Whether ``client`` (an IP address as text) is one whose seals are taken as they are."""
        if not self.peers:
            return False
        try:
            address = ip_address(client)
        except ValueError:
            return False
        return any(address in network for network in self.peers)


@dataclass(frozen=True, slots=True)
class Service:
    """The rules and the world that they are applied to. ``settler`` None: a hook commits."""

    rules: Rules
    guesses: GuessTable
    store: Store
    settler: Settler | None
    clock: Clock
    telemetry: Telemetry
