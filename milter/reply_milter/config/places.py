"""Settings that name places: sockets and networks."""

from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from reply_milter.core.encoding.toml_table import Table, between, matching
from reply_milter.core.notification.application import Networks

MOST_WORKERS = 256
SOCKET_PATH_OCTETS = 107  # sun_path of unix(7), less the closing NUL
# Inside the chroot of Debian's smtpd.
VERIFY_SOCKET = "unix:/var/spool/postfix/reply-milter/verify.sock"
SIGN_SOCKET = "unix:/var/spool/postfix/reply-milter/sign.sock"
LMTP_SOCKET = "unix:/var/spool/postfix/reply-milter/lmtp.sock"


@dataclass(frozen=True, slots=True)
class Socket:
    """Where something listens: ``unix:PATH`` (``path`` set) or ``inet:PORT@HOST``; false for nowhere."""

    path: str = ""
    host: str = ""
    port: int = 0

    def __bool__(self) -> bool:
        return bool(self.path or self.host)

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this host."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return bool(self.path) or self.host == "localhost"

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path else f"inet:{self.port}@{self.host}"


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that an MTA connects to, and the processes that answer there.

    ``group``: empty leaves the group as it is; None, for a file that names none, takes Postfix's if it can.
    ``workers``: 0 is one a core, MOST_WORKERS at most.
    """

    socket: Socket
    mode: int
    group: str | None
    workers: int


def listener(table: Table, key: str, default: str, workers: int) -> Listener:
    """Read where something listens (``key``), and how many processes answer there."""
    return Listener(
        socket=connection_point(table, key, default),
        mode=int(table.take("socket_mode", "0660", matching(r"0?[0-7]{3}", "an octal mode like 0660")), 8),
        group=table.take("socket_group", "") if table.has("socket_group") else None,
        workers=table.take("workers", workers, between(0, MOST_WORKERS)),
    )


def connection_point(table: Table, key: str, default: str) -> Socket:
    """Read ``unix:/PATH`` or ``inet:PORT@HOST``; an empty text gives a false ``Socket``."""
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


def host_point(table: Table, key: str) -> Socket:
    """Read ``inet:PORT@HOST``, which must be there; a false ``Socket`` for a mistake."""
    if not table.has(key):
        table.problem(key, "is missing")
    place = connection_point(table, key, "")
    if not place.host and not table.has_problem(key):
        table.problem(key, 'must be "inet:PORT@HOST"')
    return place


def networks(table: Table, key: str) -> Networks:
    """Read a list of IP addresses and networks."""
    networks = []
    for text in table.strings(key, []):
        try:
            networks.append(ip_network(text, strict=False))
        except ValueError:
            table.problem(key, f"{text!r} is not an IP address or network")
    return tuple(networks)


def host_and_port(table: Table, key: str, default: str) -> tuple[str, int]:
    """Read ``HOST:PORT``; an empty text gives an empty host."""
    text = table.take(key, default)
    if not text:
        return "", 0  # no metrics wanted
    host, colon, port = text.rpartition(":")
    if not colon or not host.strip("[]") or not _is_port(port):
        table.problem(key, f'must be "HOST:PORT", or "" for no metrics, not {text!r}')
        return "", 0
    return host.strip("[]"), int(port)


def _is_port(text: str) -> bool:
    """Return whether ``text`` is 1 to 65535, in ASCII digits."""
    return text.isascii() and text.isdecimal() and len(text) <= 5 and 0 < int(text) < 65536
