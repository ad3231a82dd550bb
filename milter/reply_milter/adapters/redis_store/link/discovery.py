"""Keeps the known places of servers up to date, in the background."""

import logging
import threading
import time
import weakref
from collections.abc import Callable

from reply_milter.adapters.redis_store.link.errors import DiscoveryError

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0  # for one discovery that no message waits for
_PAUSE_SECONDS = 0.05  # between two discoveries, however many operations fail
_AGAIN_SECONDS = 0.25  # after a discovery that found nothing


class DiscoveryThread:
    """Runs discovery: ``look(deadline)``, a bound method, which raises DiscoveryError if it finds nothing.

    A thread runs it every ``every_seconds``, and at once after a failed operation. Until ``watch`` starts the thread,
    operations run it themselves: a process that forks must have no threads. The thread ends when this object is
    garbage-collected.
    """

    def __init__(self, look: Callable[[float], None], every_seconds: float) -> None:
        self._look = weakref.WeakMethod(look)
        self._every = every_seconds
        self._wanted = threading.Event()
        self._changed = threading.Condition()
        self._begun = self._ended = 0
        self._problem = ""
        self._watching = False
        self._stale = True

    @property
    def stale(self) -> bool:
        """True if a failure was reported after the last discovery and no thread will run another."""
        return self._stale and not self._watching

    def watch(self) -> None:
        """Start the thread."""
        with self._changed:
            if self._watching:
                return
            self._watching = True
        self._wanted.set()
        weakref.finalize(self, self._wanted.set)
        arguments = (weakref.ref(self), self._wanted)
        threading.Thread(target=_watch, args=arguments, name="redis discovery", daemon=True).start()

    def rediscover_soon(self) -> None:
        """Report a failure: the known places may be wrong. The thread runs discovery at once."""
        self._stale = True
        self._wanted.set()

    def wait_for_first(self, deadline: float) -> None:
        """Wait until a server is known; after a discovery that found nothing, fail at once, and the thread tries on.

        Raises:
            DiscoveryError: no server is known.
        """
        problem = self._problem
        if self._watching and problem:
            raise DiscoveryError(problem)
        self.rediscover(deadline)

    def rediscover(self, deadline: float) -> None:
        """Wait for a discovery that begins after this call.

        Raises:
            DiscoveryError: it found nothing, or not by ``deadline``.
        """
        if not self._watching:
            self._run(deadline)
            return
        with self._changed:
            wanted = self._begun + 1
            self._wanted.set()
            if not self._changed.wait_for(lambda: self._ended >= wanted, max(0.0, deadline - time.monotonic())):
                raise DiscoveryError("discovery did not find the store in time")
            if self._problem:
                raise DiscoveryError(self._problem)

    def _run(self, deadline: float) -> None:
        look = self._look()
        if look is None:
            return
        with self._changed:
            self._begun += 1
            this = self._begun
        self._stale = False
        problem = ""
        try:
            look(deadline)
        except DiscoveryError as error:
            problem = str(error)
            raise
        finally:
            with self._changed:
                self._ended, self._problem = max(self._ended, this), problem
                self._changed.notify_all()

    def watch_once(self) -> float:
        """Run one discovery, for the thread; return the seconds until the next."""
        try:
            self._run(time.monotonic() + _LOOK_SECONDS)
        except DiscoveryError:
            return _AGAIN_SECONDS
        except Exception:
            log.exception("discovery of the store's servers failed")
            return _AGAIN_SECONDS
        return self._every


def _watch(reference: "weakref.ref[DiscoveryThread]", wanted: threading.Event) -> None:
    pause = 0.0
    while True:
        wanted.wait(pause)
        wanted.clear()
        discovery = reference()
        if discovery is None:
            return
        pause = discovery.watch_once()
        del discovery
        time.sleep(_PAUSE_SECONDS)
