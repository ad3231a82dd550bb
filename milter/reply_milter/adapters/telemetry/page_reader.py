"""Reads the daemon's own pages, ``/metrics`` and ``/readyz``, for who looks at it on this host.

A password goes only to a server that proves to be the daemon: by its certificate, or, without TLS, by the user whose
process holds the other end of the connection. While the daemon is down, any program may listen in its place.
"""

import base64
import http.client
import ssl
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from reply_milter.adapters.telemetry.page_access import PageAccessError, read_password
from reply_milter.adapters.telemetry.peer import Peers

_SECONDS = 5.0
_MOST_OCTETS = 16 << 20
_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 # all addresses hold this one
_PREFIX = "reply_milter_"
_USER = "user "  # of a place, as ``peer`` writes it
_PAUSE_SECONDS = 0.02


class PageError(Exception):
    """The page can't be read; the message says why."""


@dataclass(frozen=True, slots=True)
class PageAddress:
    """Where the page is, and how it is read. ``owner``: the user id of the daemon; None where that is unknown."""

    host: str
    port: int
    certificate: str = ""
    user: str = ""
    password_file: str = ""
    owner: int | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Samples:
    """What the page shows, by name without ``reply_milter_``."""

    def __init__(self, text: str) -> None:
        """Read a page.

        Raises:
            PageError: it is no page of metrics, or another program's.
        """
        self._all: defaultdict[str, list[tuple[Mapping[str, str], float]]] = defaultdict(list)
        try:
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    self._all[sample.name.removeprefix(_PREFIX)].append((sample.labels, sample.value))
        except (ValueError, KeyError, IndexError) as error:
            raise PageError("what answers there is no page of metrics") from error
        if "build_info" not in self._all:
            raise PageError("what answers there is another program")

    def total(self, name: str, **labels: str) -> float | None:
        """Return the sum of the samples with these labels; None if there are none."""
        values = [value for found, value in self._all.get(name, ()) if labels.items() <= found.items()]
        return sum(values) if values else None

    def by(self, name: str, label: str, **labels: str) -> dict[str, float]:
        """Return the sums for each value of ``label``, of the samples with ``labels``."""
        sums: defaultdict[str, float] = defaultdict(float)
        for found, value in self._all.get(name, ()):
            if labels.items() <= found.items():
                sums[found.get(label, "")] += value
        return dict(sums)


def read_metrics(at: PageAddress) -> Samples:
    """Read the metrics.

    Raises:
        PageError: they can't be read.
    """
    status, text = _get(at, "/metrics", with_login=bool(at.user))
    if status == http.client.UNAUTHORIZED:
        raise PageError("the page refuses the login of [metrics]: was its password changed, but not its settings?")
    if status != http.client.OK:
        raise PageError(f"the page answers {status}")
    return Samples(text)


def read_readiness(at: PageAddress) -> list[str]:
    """Return what keeps the host from taking replies, a line each.

    Raises:
        PageError: the page can't be read.
    """
    status, text = _get(at, "/readyz", with_login=False)
    return [] if status == http.client.OK else text.splitlines()


def _get(at: PageAddress, path: str, with_login: bool) -> tuple[int, str]:
    try:
        with _connection(at) as connection:
            connection.connect()
            fields = {"Authorization": _login(at, connection)} if with_login else {}
            connection.request("GET", path, headers=fields)
            answer = connection.getresponse()
            return answer.status, answer.read(_MOST_OCTETS).decode(errors="replace")
    except ConnectionRefusedError:
        raise PageError("nothing listens there: does the daemon run?") from None
    except ssl.SSLError as error:
        raise PageError(f"its certificate is not that of [metrics] tls_cert ({error.reason or error})") from error
    except (OSError, http.client.HTTPException) as error:
        raise PageError(f"it does not answer as the daemon does: {error or type(error).__name__}") from error


@contextmanager
def _connection(at: PageAddress) -> Iterator[http.client.HTTPConnection]:
    host = _HERE.get(at.host, at.host)
    if at.certificate:
        # The address is the configuration's, so the certificate itself is what is trusted, whatever name it bears.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(at.certificate)
        found: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, at.port, timeout=_SECONDS, context=context
        )
    else:
        found = http.client.HTTPConnection(host, at.port, timeout=_SECONDS)
    try:
        yield found
    finally:
        found.close()


def _login(at: PageAddress, connection: http.client.HTTPConnection) -> str:
    if not at.certificate:
        _check_owner(at, connection)
    try:
        password = read_password(at.password_file)
    except PageAccessError as error:
        raise PageError(f"[metrics] {error}") from error
    return "Basic " + base64.b64encode(f"{at.user}:{password}".encode()).decode()


def _check_owner(at: PageAddress, connection: http.client.HTTPConnection) -> None:
    """Raise PageError if a process of another user would get the password."""
    place, deadline = _owner_of(connection), time.monotonic() + _SECONDS
    while not place.startswith(_USER) and time.monotonic() < deadline:
        time.sleep(_PAUSE_SECONDS)  # the kernel names a user once the server has accepted the connection
        place = _owner_of(connection)
    if place not in {f"{_USER}0", f"{_USER}{at.owner}"}:
        raise PageError(f"the password was not sent: what listens there is not the daemon's ({place or 'gone'})")


def _owner_of(connection: http.client.HTTPConnection) -> str:
    peers = Peers()
    try:
        return peers.place_of(connection.sock)
    finally:
        peers.close()
