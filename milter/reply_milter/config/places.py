"""Settings that name places: sockets, networks, stores."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from reply_milter.core.encoding.toml_table import Table, between, matching

SOCKET_PATH_OCTETS = 107  # sun_path of unix(7), less the closing NUL
EMBEDDED = "embedded"
# Inside the chroot of Debian's smtpd.
VERIFY_SOCKET = "unix:/var/spool/postfix/reply-milter/verify.sock"
SIGN_SOCKET = "unix:/var/spool/postfix/reply-milter/sign.sock"
LMTP_SOCKET = "unix:/var/spool/postfix/reply-milter/lmtp.sock"
_STORE_SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "redis+cluster")


Networks = tuple[IPv4Network | IPv6Network, ...]


@dataclass(frozen=True, slots=True)
class Socket:
    """Where something listens: ``unix:PATH`` (``path`` set) or ``inet:PORT@HOST``; false for nowhere."""

    path: str = ""
    host: str = ""
    port: int = 0

    def __bool__(self) -> bool:
        return bool(self.path or self.host)

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path else f"inet:{self.port}@{self.host}"


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that an MTA connects to, and the processes that answer there.

    ``group``: empty leaves the group as it is; None, for a file that names none, takes Postfix's if it can.
    ``workers``: 0 is one a core.
    """

    socket: Socket
    mode: int
    group: str | None
    workers: int


def listener(table: Table, key: str, default: str, workers: int) -> Listener:
    """Where something listens, as ``key`` says, and how many processes do."""
    return Listener(
        socket=connection_point(table, key, default),
        mode=int(table.take("socket_mode", "0660", matching(r"0?[0-7]{3}", "an octal mode like 0660")), 8),
        group=table.take("socket_group", "") if table.has("socket_group") else None,
        workers=table.take("workers", workers, between(0, 256)),
    )


def connection_point(table: Table, key: str, default: str) -> Socket:
    """``unix:/PATH`` or ``inet:PORT@HOST``; nothing for an empty text."""
    text = table.take(key, default)
    if text.startswith("unix:/"):
        path = text.removeprefix("unix:")
        if len(path.encode()) > SOCKET_PATH_OCTETS:
            table.problem(key, f"the path is longer than {SOCKET_PATH_OCTETS} octets, the system's limit")
        return Socket(path=path)
    port, at, host = text.removeprefix("inet:").partition("@")
    if text.startswith("inet:") and at and host and _is_port(port):
        return Socket(host=host, port=int(port))
    if text:
        table.problem(key, f'must be "unix:/PATH" or "inet:PORT@HOST", not {text!r}')
    return Socket()


def networks(table: Table, key: str) -> Networks:
    """IP addresses and networks."""
    networks = []
    for text in table.strings(key, []):
        try:
            networks.append(ip_network(text, strict=False))
        except ValueError:
            table.problem(key, f"{text!r} is not an IP address or network")
    return tuple(networks)


def store_url(table: Table, state_dir: str) -> str:
    """The store; ``state_dir`` is where an embedded one goes."""
    url = table.take("url", EMBEDDED)
    if url == EMBEDDED:
        if len(embedded_socket(state_dir).encode()) > SOCKET_PATH_OCTETS:
            table.problem("url", "state_dir is too long a path for the socket of an embedded store")
        return url
    scheme, _, rest = url.partition("://")
    if scheme not in _STORE_SCHEMES:
        schemes = ", ".join(f"{name}://" for name in _STORE_SCHEMES)
        table.problem("url", f'must be "embedded" or begin with {schemes}')
    elif not rest.partition("?")[0]:
        table.problem("url", "names no host, and no socket")
    return url


def embedded_socket(state_dir: str) -> str:
    """Where an embedded store listens."""
    return f"{state_dir}/redis/redis.sock"


def listen(table: Table) -> tuple[str, int]:
    """Host and port for metrics; an empty host for none."""
    text = table.take("listen", "127.0.0.1:9797")
    if not text:
        return "", 0  # no metrics wanted
    host, colon, port = text.rpartition(":")
    if not colon or not host.strip("[]") or not _is_port(port):
        table.problem("listen", f'must be "HOST:PORT", or "" for no metrics, not {text!r}')
        return "", 0
    return host.strip("[]"), int(port)


def _is_port(text: str) -> bool:
    """Five ASCII digits at most, and no more than 65535."""
    return text.isascii() and text.isdecimal() and len(text) <= 5 and 0 < int(text) < 65536
