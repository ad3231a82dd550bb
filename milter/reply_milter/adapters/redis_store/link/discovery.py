"""Keeps what is known about where servers are up to date, behind everybody's back."""

import logging
import threading
import time
import weakref
from collections.abc import Callable

from reply_milter.adapters.redis_store.link.errors import DiscoveryError

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0  # for all that one look takes, where no message waits for it
_PAUSE_SECONDS = 0.05  # between two looks, however many have trouble
_AGAIN_SECONDS = 0.25  # after a look that found nothing


class DiscoveryThread:
    """Calls ``look(deadline)``, a bound method, which raises DiscoveryError where it learns nothing.

    A thread does so every so many seconds, and at once when somebody has trouble. Until ``watch`` starts it, whoever
    has trouble looks for himself: a process that forks must have no threads. The thread ends when nobody uses this.
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
        """Whether somebody had trouble, and nobody has looked since, nor will."""
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
        threading.Thread(target=_watch, args=arguments, name="redis lookout", daemon=True).start()

    def trouble(self) -> None:
        """What is known may be wrong."""
        self._stale = True
        self._wanted.set()

    def first(self, deadline: float) -> None:
        """Nothing is known yet: wait for a look, but not again after one that learnt nothing. The thread goes on.

        Raises:
            DiscoveryError: nothing was learnt.
        """
        problem = self._problem
        if self._watching and problem:
            raise DiscoveryError(problem)
        self.renew(deadline)

    def renew(self, deadline: float) -> None:
        """Have somebody look who begins now or later, and wait until that is done.

        Raises:
            DiscoveryError: nothing was learnt by then.
        """
        if not self._watching:
            self._run(deadline)
            return
        with self._changed:
            wanted = self._begun + 1
            self._wanted.set()
            if not self._changed.wait_for(lambda: self._ended >= wanted, max(0.0, deadline - time.monotonic())):
                raise DiscoveryError("it is not known where the store is")
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
        """For the thread: one look. Seconds until the next."""
        try:
            self._run(time.monotonic() + _LOOK_SECONDS)
        except DiscoveryError:
            return _AGAIN_SECONDS
        except Exception:
            log.exception("cannot look for the store's servers")
            return _AGAIN_SECONDS
        return self._every


def _watch(reference: "weakref.ref[DiscoveryThread]", wanted: threading.Event) -> None:
    pause = 0.0
    while True:
        wanted.wait(pause)
        wanted.clear()
        lookout = reference()
        if lookout is None:
            return
        pause = lookout.watch_once()
        del lookout
        time.sleep(_PAUSE_SECONDS)
