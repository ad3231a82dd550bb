"""Turns of hosts at one mailbox, and what they note of its replies. Implements ``ports.fetching.MailboxTurns``.

One hash for each mailbox; ``turn.lua`` has its fields. A turn is renewed by a thread as long as it lasts, so that it
outlives a slow application, and ends by itself soon after its host has died.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple

from reply_milter.adapters.redis_store.link.connections import RedisConnections
from reply_milter.adapters.redis_store.link.operation import StoreTelemetry
from reply_milter.adapters.redis_store.link.script import Script
from reply_milter.adapters.redis_store.names import mailbox_key
from reply_milter.core.fetching.outcome import FetchVerdict
from reply_milter.ports import StoreUnavailableError

TURN_OPERATIONS: Final = ("turn", "note")
TURN_SECONDS: Final = 30.0  # that the others wait after a host has died
_RENEWALS: Final = 3  # in that time
_KEPT_SECONDS: Final = 7 * 86400  # of the hash, as long as the store remembers a reply
_VERDICTS: Final = {verdict.value.encode(): verdict for verdict in FetchVerdict}


class MailboxPlace(NamedTuple):
    """A mailbox, and who looks at it. ``identity``: spelled alike on all hosts. ``host``: the same after a restart."""

    realm: str
    identity: str
    host: str


class RedisMailboxTurns:
    """``url`` and ``timeout_seconds`` as ``RedisStore`` takes them; ``seconds``: a turn's, without being renewed."""

    def __init__(
        self,
        url: str,
        timeout_seconds: float,
        place: MailboxPlace,
        telemetry: StoreTelemetry | None = None,
        seconds: float = TURN_SECONDS,
    ) -> None:
        self._connections = RedisConnections(url, timeout_seconds, telemetry)
        self._key = mailbox_key(place.realm, place.identity)
        self._host = place.host
        self._seconds = seconds
        self._script = Script(__package__, "turn")

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """See ``ports.fetching.MailboxTurns``."""
        if not self._take():
            yield False
            return
        over = threading.Event()
        renewing = threading.Thread(target=self._renew, args=[over], name="mailbox turn", daemon=True)
        renewing.start()
        try:
            yield True
        finally:
            over.set()
            renewing.join()  # what it asked last must not come after the end
            with suppress(StoreUnavailableError):
                self._ask(0, ())

    def became_of(self, identifiers: Sequence[str]) -> Mapping[str, FetchVerdict] | None:
        """See ``ports.fetching.MailboxTurns``. One round trip."""
        try:
            is_ours, *found = self._ask(self._seconds, identifiers)
        except StoreUnavailableError:
            return {}
        if not is_ours:
            return None
        return {one: _VERDICTS[noted] for one, noted in zip(identifiers, found, strict=True) if noted in _VERDICTS}

    def note(self, identifier: str, verdict: FetchVerdict) -> None:
        """See ``ports.fetching.MailboxTurns``."""
        self._change("HSET", (identifier, verdict.value))

    def forget(self, identifiers: Sequence[str]) -> None:
        """See ``ports.fetching.MailboxTurns``."""
        self._change("HDEL", identifiers)

    def _change(self, command: str, words: Sequence[str]) -> None:
        if words:
            with suppress(StoreUnavailableError), self._connections.operation("note") as call:
                call((command, self._key, *words))

    def _take(self) -> bool:
        try:
            return bool(self._ask(self._seconds, ())[0])
        except StoreUnavailableError:
            return True

    def _ask(self, seconds: float, identifiers: Sequence[str]) -> list[object]:
        with self._connections.operation("turn") as call:
            milliseconds = int(seconds * 1000)
            answer: list[object] = self._script.run(
                call, self._key, self._host, milliseconds, _KEPT_SECONDS, *identifiers
            )
            return answer

    def _renew(self, over: threading.Event) -> None:
        while not over.wait(self._seconds / _RENEWALS):
            self._take()
