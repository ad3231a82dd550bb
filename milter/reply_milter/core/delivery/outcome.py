"""What a handler answers when it gets a reply. Public, for plug-ins: ``reply_milter.plugin``."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Done:
    """The reply was taken: stored, posted, passed on. After a crash at this moment it comes again, with the same id."""


@dataclass(frozen=True, slots=True)
class Later:
    """The reply can't be taken now: the MTA keeps it and retries. ``why``: a few words for the log, without content."""

    why: str


@dataclass(frozen=True, slots=True)
class Never:
    """The reply will never be taken: it becomes a dead letter, without a bounce. ``why`` as in ``Later``."""

    why: str


DeliveryOutcome = Done | Later | Never
