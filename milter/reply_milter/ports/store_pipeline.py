"""Asking the store for many conversations at once, from one thread that never waits."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from reply_milter.ports.asking import StoreRequest
from reply_milter.ports.store import StoreUnavailableError


class Asked(NamedTuple):
    """A request, and ``by``: whatever its asker knows it by."""

    by: Any
    request: StoreRequest


class Answered(NamedTuple):
    """What came of a request: an answer, or a failure.

    ``unasked``: neither, for the store did nothing, and asking it needs more than one message to and fro. Whoever may
    wait asks it again.
    """

    by: Any
    answer: Any = None
    failure: StoreUnavailableError | None = None
    unasked: bool = False


class Watcher(Protocol):
    """Watches descriptors, and has ``StorePipeline.answers`` called when one is ready."""

    def watch(self, descriptor: int, writing: bool) -> None:
        """Watch for octets to read, and if ``writing`` for room to write. Again, to change that."""
        ...

    def unwatch(self, descriptor: int) -> None:
        """Watch it no longer: it will be closed."""
        ...


class StorePipeline(Protocol):
    """One connection on which requests follow each other without waiting. For one thread.

    It connects to nothing: it takes over a connection that somebody made who may wait. Times are monotonic seconds.
    """

    @property
    def deadline(self) -> float | None:
        """When ``answers`` must be called at the latest; None while none is waited for."""
        ...

    def ask(self, asked: Sequence[Asked]) -> bool:
        """Send all of them in one go. False: none was sent, and whoever may wait asks the store itself."""
        ...

    def answers(self) -> list[Answered]:
        """Return what has arrived meanwhile, and failures of what is late or lost. Each request is answered once."""
        ...

    def close(self) -> None:
        """Close the connection; what was not answered is forgotten."""
        ...
