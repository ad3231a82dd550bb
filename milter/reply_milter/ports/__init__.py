"""What the flows need from the world. One implementation each in ``adapters``, one fake each in the tests."""

from reply_milter.ports.clock import Clock
from reply_milter.ports.conversation import NO_LOGIN, ConnectionTelemetry, Conversation, Login
from reply_milter.ports.parking import ParkingRoom
from reply_milter.ports.store import (
    Claim,
    Claimed,
    DelayedCommits,
    Limit,
    Registry,
    Replay,
    Store,
    StoreUnavailableError,
    Tries,
    UserChange,
    UserRecord,
)
from reply_milter.ports.telemetry import Decision, Minting, MintingTelemetry, Notification, Telemetry

__all__ = [
    "NO_LOGIN",
    "Claim",
    "Claimed",
    "Clock",
    "ConnectionTelemetry",
    "Conversation",
    "Decision",
    "DelayedCommits",
    "Limit",
    "Login",
    "Minting",
    "MintingTelemetry",
    "Notification",
    "ParkingRoom",
    "Registry",
    "Replay",
    "Store",
    "StoreUnavailableError",
    "Telemetry",
    "Tries",
    "UserChange",
    "UserRecord",
]
