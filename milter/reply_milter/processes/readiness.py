"""The answers of ``/healthz`` and ``/readyz``: one line for each problem."""

import threading
import time
from collections.abc import Callable

from reply_milter.adapters.clients.lmtp_probe import greets
from reply_milter.adapters.clients.milter_client import negotiates
from reply_milter.adapters.os.process_table import ProcessTable
from reply_milter.config import Config
from reply_milter.config.places import Listener
from reply_milter.ports import StoreUnavailableError
from reply_milter.wiring.stores import open_store

_SECONDS = 2.0  # for each socket to answer
_REMEMBERED_SECONDS = 1.0  # at most one try in this time, for any number of requests


def unhealthy(process_table: ProcessTable) -> list[str]:
    """Return a line for each process that does not run; an empty list if all do."""
    return [f"{process.name}: not running" for process in process_table.children() if not process.pid]


class Readiness:
    """Tries our own sockets, and the store: can this host take replies?"""

    def __init__(self, config: Config, process_table: ProcessTable) -> None:
        self._config = config
        self._process_table = process_table
        self._store = open_store(config)
        self.problems = _remembered(self._problems)

    def _problems(self) -> list[str]:
        """Return what keeps the host from taking replies. A worker that does not run counts: others wait for it."""
        config = self._config
        return [
            *unhealthy(self._process_table),
            *_closed("verify", config.verify.place, _negotiates),
            *_closed("sign", config.sign.place, _negotiates),
            *_closed("delivery", config.delivery.place if config.delivery else None, _greets),
            *(self._store_problems() if config.uses_store else []),
        ]

    def _store_problems(self) -> list[str]:
        try:
            self._store.ping()
        except StoreUnavailableError as error:
            return [f"store: no answer ({error.kind})"]
        return []


def _closed(name: str, place: Listener | None, answers: Callable[[Listener], bool]) -> list[str]:
    return [f"{name}: no answer at its socket"] if place and place.socket and not answers(place) else []


def _negotiates(place: Listener) -> bool:
    return negotiates(place.socket.path, place.socket.host, place.socket.port, _SECONDS)


def _greets(place: Listener) -> bool:
    return greets(place.socket.path, place.socket.host, place.socket.port, _SECONDS)


def _remembered(look: Callable[[], list[str]]) -> Callable[[], list[str]]:
    """Wrap ``look``: one thread at a time calls it, and its result is used for _REMEMBERED_SECONDS."""
    lock = threading.Lock()
    seen: list[str] = []
    until = 0.0

    def answer() -> list[str]:
        nonlocal seen, until
        with lock:
            if time.monotonic() >= until:
                seen = look()
                until = time.monotonic() + _REMEMBERED_SECONDS
            return seen

    return answer
