"""Where a milter listens, as we write it and as Postfix does."""

import posixpath
from dataclasses import dataclass

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 # to be compared with, not to be listened at


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A unix socket at ``path``, absolute unless Postfix completes it; or ``host`` and ``port``."""

    path: str = ""
    host: str = ""
    port: str = ""

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"inet:[{self.host}]:{self.port}" if ":" in self.host else f"inet:{self.host}:{self.port}"

    @property
    def local_only(self) -> bool:
        """Whether only this host can connect."""
        return bool(self.path) or self.host in _LOOPBACK

    def for_client(self) -> "Endpoint":
        """Return where a client of this host connects to."""
        return Endpoint(self.path, _ANYWHERE.get(self.host, self.host), self.port)

    def reaches(self, listening: "Endpoint", queue_directory: str) -> bool:
        """Return whether a Postfix that connects to this endpoint reaches ``listening``."""
        if self.path or listening.path:
            here = posixpath.normpath(posixpath.join(queue_directory, self.path))
            return bool(self.path) and here == posixpath.normpath(listening.path or "/")
        same = self.host == listening.host or (self.local_only and listening.local_only)
        return self.port == listening.port and (same or listening.host in _ANYWHERE)


def parse(text: str) -> Endpoint | None:
    """Read Postfix's ``unix:PATH``, ``local:PATH``, ``inet:HOST:PORT``; None for anything else."""
    kind, _, rest = text.partition(":")
    if kind in ("unix", "local") and rest:
        return Endpoint(path=rest)
    if kind == "inet" and ":" in rest:
        host, _, port = rest.rpartition(":")
        return Endpoint(host=host.strip("[]").lower() or "localhost", port=port)
    return None
