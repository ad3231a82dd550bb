"""What the flows need from the world. One implementation each in ``adapters``, one fake each in the tests."""

from reply_milter.ports.asking import Asking, Consult, FactsOf, Pending, Release, Request, StoreRequest
from reply_milter.ports.clock import Clock
from reply_milter.ports.conversation import (
    DEFER_INTERNAL,
    NO_LOGIN,
    ConnectionTelemetry,
    Conversation,
    Login,
)
from reply_milter.ports.native_source import NativeSources, SourceUnavailableError
from reply_milter.ports.parking import ParkingRoom
from reply_milter.ports.registry import Registry, UserChange, UserRecord
from reply_milter.ports.store import (
    Claim,
    Claimed,
    DelayedCommits,
    Limit,
    MintingStore,
    Replay,
    Store,
    StoreUnavailableError,
    Tries,
    WrappedMark,
)
from reply_milter.ports.store_pipeline import Answered, Asked, StorePipeline, Watcher
from reply_milter.ports.telemetry import (
    Decision,
    Fate,
    Lack,
    Minting,
    MintingTelemetry,
    Notification,
    Sight,
    Stage,
    Telemetry,
)

__all__ = [
    "DEFER_INTERNAL",
    "NO_LOGIN",
    "Answered",
    "Asked",
    "Asking",
    "Claim",
    "Claimed",
    "Clock",
    "ConnectionTelemetry",
    "Consult",
    "Conversation",
    "Decision",
    "DelayedCommits",
    "FactsOf",
    "Fate",
    "Lack",
    "Limit",
    "Login",
    "Minting",
    "MintingStore",
    "MintingTelemetry",
    "NativeSources",
    "Notification",
    "ParkingRoom",
    "Pending",
    "Registry",
    "Release",
    "Replay",
    "Request",
    "Sight",
    "SourceUnavailableError",
    "Stage",
    "Store",
    "StorePipeline",
    "StoreRequest",
    "StoreUnavailableError",
    "Telemetry",
    "Tries",
    "UserChange",
    "UserRecord",
    "Watcher",
    "WrappedMark",
]
