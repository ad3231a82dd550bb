"""What comes of handing a reply to whoever is to take it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Done:
    """It was taken: stored, posted, passed on. The same reply is not handed over again, unless we die right now."""


@dataclass(frozen=True, slots=True)
class Later:
    """Not now: the MTA keeps the reply and comes again. ``why``: for the log, in a few words without any content."""

    why: str


@dataclass(frozen=True, slots=True)
class Never:
    """It will never be taken: it becomes a dead letter, and nobody gets a bounce. ``why`` as in ``Later``."""

    why: str


DeliveryOutcome = Done | Later | Never
