"""``[store]``: which Redis keeps claims and revocations, and how long an answer may take."""

from dataclasses import dataclass, field

from reply_milter.config.places import SOCKET_PATH_OCTETS
from reply_milter.core.encoding.toml_table import Table, between, one_of

_EMBEDDED = "embedded"
_SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "redis+cluster")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Settings of the store. A change of ``url`` needs a restart.

    ``timeout_ms``: for everything that one answer needs of the store. ``accepts_without``: replies are accepted
    unchecked while the store is unavailable; else they are deferred.
    """

    url: str = field(repr=False)  # may hold a password
    timeout_ms: int
    accepts_without: bool

    @property
    def is_embedded(self) -> bool:
        """Whether the daemon runs a Redis of its own."""
        return self.url == _EMBEDDED


def read_store(table: Table, state_dir: str) -> StoreSettings:
    """Read ``[store]``. ``state_dir`` is where an embedded one lives."""
    found = StoreSettings(
        url=_url(table, state_dir),
        timeout_ms=table.take("timeout_ms", 200, between(1, 20000)),
        accepts_without=table.take("on_failure", "defer", one_of("defer", "accept")) == "accept",
    )
    table.unknown()
    return found


def embedded_socket(state_dir: str) -> str:
    """Return the path of the socket where an embedded store listens."""
    return f"{state_dir}/redis/redis.sock"


def _url(table: Table, state_dir: str) -> str:
    url = table.take("url", _EMBEDDED)
    if url == _EMBEDDED:
        if len(embedded_socket(state_dir).encode()) > SOCKET_PATH_OCTETS:
            table.problem("url", "state_dir is too long a path for the socket of an embedded store")
        return url
    scheme, _, rest = url.partition("://")
    if scheme not in _SCHEMES:
        schemes = ", ".join(f"{name}://" for name in _SCHEMES)
        table.problem("url", f'must be "embedded" or begin with {schemes}')
    elif not rest.partition("?")[0]:
        table.problem("url", "names no host, and no socket")
    return url
