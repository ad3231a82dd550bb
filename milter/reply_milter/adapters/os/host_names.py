"""Addresses of host names, with a deadline. Implements ``ports.delivery.Names``.

The resolver of the C library takes no deadline and cannot be stopped: a name server that hangs holds it for half a
minute, some of its modules for ever. So it runs in a thread of its own, which callers stop waiting for.
"""

import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from reply_milter.ports.delivery import NameLookupError

_T = TypeVar("_T")
_JOINED_SECONDS = 10.0  # a look-up that has lasted longer is not waited for: another is started
_AT_ONCE = 4  # look-ups of one name that may hang


class _Lookup:
    """One look-up in progress."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.began = time.monotonic()
        self.ended = threading.Event()
        self.found: list[str] = []
        self.problem = ""

    def run(self) -> None:
        """Look the host up, however long it takes."""
        try:
            found = socket.getaddrinfo(self.host, None, type=socket.SOCK_STREAM)
            self.found = list(dict.fromkeys(str(address[0]) for *_, address in found))
        except (OSError, UnicodeError) as error:  # UnicodeError: not a host name
            self.problem = (
                f"[Errno {error.errno}] {error.strerror}" if isinstance(error, OSError) else "not a host name"
            )
        finally:
            self.ended.set()


class HostNames:
    """Callers that want the same name share one look-up; at most _AT_ONCE threads per name ever hang."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, list[_Lookup]] = {}

    def addresses(self, host: str, seconds: float) -> list[str]:
        """See ``ports.delivery.Names``."""
        if _is_address(host):
            return [host]
        lookup = self._lookup(host)
        if lookup is None or not lookup.ended.wait(seconds):
            raise NameLookupError(f"its name was not resolved within {seconds:.0f} s: the name server hangs")
        if not lookup.found:
            raise NameLookupError(lookup.problem)
        return lookup.found

    def reach(self, host: str, seconds: float, connect: Callable[[str, float], _T]) -> _T:
        """See ``ports.delivery.Names``."""
        deadline = time.monotonic() + seconds
        addresses = self.addresses(host, seconds)
        for tried, address in enumerate(addresses, 1):
            left = max(deadline - time.monotonic(), 0.001)
            try:
                return connect(address, left / (len(addresses) - tried + 1))
            except OSError:
                if tried == len(addresses):
                    raise
        raise NameLookupError("its name has no address")

    def _lookup(self, host: str) -> _Lookup | None:
        """Return a look-up to wait for; None if too many hang already."""
        with self._lock:
            running = [one for one in self._running.get(host, []) if not one.ended.is_set()]
            young = [one for one in running if time.monotonic() - one.began < _JOINED_SECONDS]
            if young or len(running) >= _AT_ONCE:
                return young[0] if young else None
            lookup = _Lookup(host)
            self._running[host] = [*running, lookup]
        threading.Thread(target=lookup.run, name=f"look-up of {host}", daemon=True).start()
        return lookup


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
