"""The answers of a handler to a reply. Public, for plug-ins: ``reply_milter.plugin``."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Done:
    """The handler has stored, posted or passed on the reply. After a crash now, the hook retries with the same id."""


@dataclass(frozen=True, slots=True)
class Later:
    """The handler can't take the reply now: the MTA retries. ``why``: a few words for the log, without content."""

    why: str


@dataclass(frozen=True, slots=True)
class Never:
    """The handler refuses the reply for good: it becomes a dead letter, without a bounce. ``why`` as in ``Later``."""

    why: str


DeliveryOutcome = Done | Later | Never
