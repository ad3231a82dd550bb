"""What is known of each application: where its addresses and keys stand in a notification."""

from dataclasses import dataclass
from enum import Enum


class ThreadFrom(Enum):
    """Where a notification names its thread, for an application with one address for everybody."""

    NOTHING = "nothing"
    MESSAGE_ID = "Message-ID"
    IN_REPLY_TO = "In-Reply-To, or Message-ID where there is none"


@dataclass(frozen=True, slots=True)
class Preset:
    """One application. ``key``: the form of its keys, empty for an address without one.

    ``from_has_key``: From is the native address, key included. ``drop_references``: ids of References and In-Reply-To
    that hold the key go. ``remove``: fields that hold it and go whole. ``tag``: the form of the Subject's tag that
    names the thread, empty for none.
    """

    name: str
    key: str = ""
    from_has_key: bool = False
    drop_references: bool = False
    remove: tuple[str, ...] = ()
    thread: ThreadFrom = ThreadFrom.NOTHING
    tag: str = ""
