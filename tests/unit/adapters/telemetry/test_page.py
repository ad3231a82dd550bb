"""The page for Prometheus on a real socket: what each path answers, and scrapers that hang."""

import gzip
import http.client
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from reply_milter.adapters.telemetry.page import PageSources, serve_page
from reply_milter.adapters.telemetry.page_access import Certificate, Login
from reply_milter.adapters.telemetry.places import MOST_CONNECTIONS
from reply_milter.processes.sockets import open_page
from tests.support.certificate import basic, write_certificate
from tests.support.processes import crowd as crowd_program
from tests.support.processes.daemon_process import wait_until
from tests.support.processes.ports import free_port

LONGEST = 1.0  # seconds of a connection, here
SCRAPE_SECONDS = 10.0  # Prometheus' own
OTHER_USER = 65534


class Canned(Collector):
    """Return the same samples, or raise an error."""

    broken = False

    def collect(self) -> Iterable[Metric]:
        """One gauge."""
        if self.broken:
            raise RuntimeError("broken")
        return [GaugeMetricFamily("reply_milter_canned", "Always 7.", 7)]


@dataclass
class Served:
    """A page that is being served, and its sources."""

    folder: Path
    unhealthy: list[str] = field(default_factory=list)
    unready: list[str] = field(default_factory=list)
    admits: Callable[[str], bool] = lambda _authorization: True
    certificate: Certificate | None = None
    port: int = field(default_factory=free_port)
    canned: Canned = field(default_factory=Canned)

    def start(self) -> "Served":
        """Begin."""
        questions = PageSources(
            unhealthy=lambda: self.unhealthy,
            unready=lambda: self.unready,
            admits=self.admits,
            certificate=self.certificate.context if self.certificate else None,
        )
        serve_page(str(self.folder), open_page("127.0.0.1", self.port), [self.canned], questions, LONGEST)
        return self

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """One request: status, header, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SCRAPE_SECONDS)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()


@pytest.fixture
def served(tmp_path: Path) -> Served:
    """A page that every client may read."""
    return Served(tmp_path).start()


@pytest.fixture
def hanging(served: Served) -> Iterator[list[socket.socket]]:
    """More connections than are served at a time, of which none says anything."""
    with_nothing_to_say = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(MOST_CONNECTIONS)]
    yield with_nothing_to_say
    for connection in with_nothing_to_say:
        connection.close()


def test_the_metrics_are_text_or_packed_text(served: Served) -> None:
    """As the client library makes them."""
    status, headers, body = served.ask("/metrics")
    assert (status, headers["Content-Type"].split(";")[0]) == (200, "text/plain")
    assert b"\nreply_milter_canned 7.0\n" in body
    _, headers, packed = served.ask("/metrics", Accept_Encoding="gzip")
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed) == body


def test_nothing_else_is_there(served: Served) -> None:
    """Not even the metrics at another path."""
    for path in ("/", "/metrics/", "/favicon.ico", "/../metrics"):
        status, _, body = served.ask(path)
        assert (status, body) == (404, b"there are /metrics, /healthz, /readyz\n"), path


def test_health_and_readiness_are_ok_or_a_line_a_problem(served: Served) -> None:
    """With a status that a load balancer understands."""
    assert served.ask("/healthz")[::2] == served.ask("/readyz")[::2] == (200, b"ok\n")
    served.unhealthy = ["verify0: not running"]
    served.unready = ["verify0: not running", "store: no answer (timeout)"]
    assert served.ask("/healthz")[::2] == (503, b"verify0: not running\n")
    assert served.ask("/readyz")[::2] == (503, b"verify0: not running\nstore: no answer (timeout)\n")


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/nowhere"])
def test_head_is_get_without_a_body(served: Served, path: str) -> None:
    """Status, type and length."""
    status, headers, body = served.ask(path)
    head_status, head, nothing = served.ask(path, "HEAD")
    assert (head_status, nothing) == (status, b"")
    assert (head["Content-Type"], int(head["Content-Length"])) == (headers["Content-Type"], len(body))


def test_other_methods_are_not_allowed(served: Served) -> None:
    """The answer lists the paths that exist."""
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        status, headers, _ = served.ask("/metrics", method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_metrics_take_the_login_and_health_does_not(tmp_path: Path) -> None:
    """A load balancer has no password."""
    password = tmp_path / "password"
    password.write_text("hunter2")
    password.chmod(0o600)
    served = Served(tmp_path, admits=Login("prometheus", str(password)).admits).start()
    status, headers, body = served.ask("/metrics")
    assert (status, headers["WWW-Authenticate"]) == (401, 'Basic realm="reply-milter", charset="UTF-8"')
    assert b"canned" not in body
    assert served.ask("/metrics", Authorization=basic("prometheus:wrong"))[0] == 401
    assert served.ask("/metrics", Authorization=basic("prometheus:hunter2"))[0] == 200
    assert served.ask("/healthz")[0] == served.ask("/readyz")[0] == 200


def test_tls_with_a_certificate_that_is_renewed(tmp_path: Path) -> None:
    """A client without TLS is refused; one that stops in the handshake delays no other."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    write_certificate(cert, key)
    served = Served(tmp_path, certificate=Certificate(str(cert), str(key))).start()

    def ask_with_tls() -> bytes:
        context = ssl.create_default_context(cafile=str(cert))
        connection = http.client.HTTPSConnection("127.0.0.1", served.port, timeout=5, context=context)
        connection.request("GET", "/metrics")
        body = connection.getresponse().read()
        connection.close()
        return body

    with socket.create_connection(("127.0.0.1", served.port)):
        assert b"reply_milter_canned 7.0" in ask_with_tls()
    with pytest.raises((http.client.HTTPException, OSError)):
        served.ask("/metrics")
    write_certificate(cert, key)
    assert b"reply_milter_canned 7.0" in ask_with_tls()


def test_scrapers_that_hang_do_not_keep_others_out(served: Served, hanging: list[socket.socket]) -> None:
    """As many as are served at a time, and more, say nothing: the next is answered at once, and so is the one after."""
    for _ in range(3):
        start = time.monotonic()
        assert served.ask("/metrics")[0] == 200
        assert time.monotonic() - start < LONGEST / 2


def test_scrapers_that_hang_are_given_up(served: Served, hanging: list[socket.socket]) -> None:
    """All of them, when their time is over."""
    for connection in hanging:
        connection.settimeout(5 * LONGEST)
        with_luck = connection.recv(1)
        assert with_luck == b""


def test_a_scraper_that_drips_is_given_up(served: Served) -> None:
    """Each octet comes in time, and the request never ends."""
    with socket.create_connection(("127.0.0.1", served.port), 5) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nX-Endless: ")
        start = time.monotonic()

        def given_up() -> bool:
            try:
                connection.sendall(b"x")
            except OSError:
                return True
            return False

        wait_until(given_up, 5 * LONGEST, "the connection is ended")
        assert time.monotonic() - start > LONGEST / 2
    assert served.ask("/metrics")[0] == 200


def test_a_collector_that_fails_costs_its_own_series_only(served: Served) -> None:
    """The page is needed most when something is wrong."""
    served.canned.broken = True
    status, _, body = served.ask("/metrics")
    assert (status, b"canned" in body) == (200, False)
    served.canned.broken = False
    assert b"canned 7.0" in served.ask("/metrics")[2]


def test_an_accident_is_a_500_and_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """And nothing on standard error past the log."""

    def broken(_authorization: str) -> bool:
        raise RuntimeError("broken")

    served = Served(tmp_path, admits=broken).start()
    assert served.ask("/metrics")[0] == 500
    assert "cannot answer a scrape" in caplog.text
    assert capfd.readouterr().err == ""


def test_what_is_no_request_is_refused(served: Served) -> None:
    """Endless lines, and garbage."""
    for sent, heard in ((b"GET /" + b"x" * 70000, b" 414 "), (b"\x16\x03\x01 what?\r\n\r\n", b"400")):
        with socket.create_connection(("127.0.0.1", served.port), 5) as connection:
            connection.sendall(sent + b"\r\n\r\n")
            assert heard in connection.recv(4096)
    assert served.ask("/metrics")[0] == 200


# --- Crowds


@contextmanager
def crowd(served: Served, how: str, user: int | None) -> Iterator[None]:
    """A program of ``user``, or of ours, that connects in a loop."""
    as_user = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    text = Path(crowd_program.__file__).read_text()
    words = [sys.executable, "-S", "-c", text, str(served.port), how]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/", **as_user)  # type: ignore[call-overload]
    try:
        assert process.stdout.readline() == b"begun\n"
        yield
    finally:
        process.communicate()
        process.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
@pytest.mark.parametrize("how", ["hold", "close", "hello", "ask", "hold-spread", "ask-spread"])
def test_another_user_who_connects_in_a_loop_starves_nobody(served: Served, how: str) -> None:
    """Whatever it says, from whatever addresses: each scrape is answered before Prometheus gives up."""
    with crowd(served, how, OTHER_USER):
        for _ in range(3):
            status, _, body = served.ask("/metrics")
            assert (status, b"reply_milter_canned 7.0" in body) == (200, True)


def test_one_user_who_hangs_in_a_loop_does_not_starve_itself(served: Served) -> None:
    """What says nothing has no thread and no place; whoever asks is answered, even by the same user."""
    with crowd(served, "hold", None):
        for _ in range(3):
            assert served.ask("/metrics")[0] == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_a_crowd_hangs_in_the_handshake(tmp_path: Path) -> None:
    """TLS: it begins, and goes no further."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    write_certificate(cert, key)
    served = Served(tmp_path, certificate=Certificate(str(cert), str(key))).start()
    context = ssl.create_default_context(cafile=str(cert))
    with crowd(served, "hello", OTHER_USER):
        for _ in range(3):
            connection = http.client.HTTPSConnection("127.0.0.1", served.port, timeout=SCRAPE_SECONDS, context=context)
            connection.request("GET", "/metrics")
            assert b"reply_milter_canned 7.0" in connection.getresponse().read()
            connection.close()
