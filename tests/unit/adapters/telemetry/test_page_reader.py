"""The daemon's page, read by a command: what it says, and to whom a password is never sent."""

import os
import socket
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from reply_milter.adapters.telemetry.page import PageSources, serve_page
from reply_milter.adapters.telemetry.page_access import Certificate, Login
from reply_milter.adapters.telemetry.page_reader import PageAddress, PageError, Samples, read_metrics, read_readiness
from reply_milter.processes.sockets import open_page
from tests.support.certificate import write_certificate
from tests.support.processes.daemon_process import wait_until
from tests.support.processes.ports import free_port

PASSWORD = "hunter2"  # noqa: S105 # of this test
PAGE = """\
# TYPE reply_milter_build_info gauge
reply_milter_build_info{version="1.2"} 1.0
# TYPE reply_milter_messages counter
reply_milter_messages_total{handler="a",reason="ok",verdict="accept"} 3.0
reply_milter_messages_total{handler="b",reason="ok",verdict="accept"} 4.0
reply_milter_messages_total{handler="b",reason="forged",verdict="reject"} 1.0
"""


class Built(Collector):
    """The series by which our page is known."""

    def collect(self) -> Iterable[Metric]:
        """One gauge."""
        found = GaugeMetricFamily("reply_milter_build_info", "Always 1.", labels=["version"])
        found.add_metric(["1.2"], 1)
        return [found]


@pytest.fixture
def secret(tmp_path: Path) -> str:
    """A file with the password."""
    path = tmp_path / "password"
    path.touch(mode=0o600)
    path.write_text(f"{PASSWORD}\n")
    return str(path)


def serve(folder: Path, unready: list[str], login: Login | None = None, certificate: Certificate | None = None) -> int:
    """Serve a page as the daemon does; return its port."""
    port = free_port()
    sources = PageSources(
        unhealthy=lambda: [],
        unready=lambda: unready,
        admits=login.admits if login else lambda _authorization: True,
        certificate=certificate.context if certificate else None,
    )
    (folder / "metrics").mkdir()
    serve_page(str(folder / "metrics"), open_page("127.0.0.1", port), [Built()], sources)
    return port


def test_samples_are_summed_by_labels() -> None:
    """Over all handlers, and none of another label."""
    samples = Samples(PAGE)
    assert samples.by("messages_total", "verdict") == {"accept": 7.0, "reject": 1.0}
    assert samples.by("messages_total", "reason", verdict="reject") == {"forged": 1.0}
    assert samples.total("messages_total", handler="b") == 5.0
    assert samples.total("messages_total", handler="c") is None
    assert samples.total("nothing") is None


@pytest.mark.parametrize("text", ["", "<html>hello</html>", 'x{y="', "# TYPE a b c d\na 1\n", "up 1\n"])
def test_another_programs_page_is_no_page_of_ours(text: str) -> None:
    """Whatever stands there."""
    with pytest.raises(PageError):
        Samples(text)


def test_the_page_is_read_with_a_login(tmp_path: Path, secret: str) -> None:
    """By this host's own daemon, which is known by the user of its process."""
    unready = ["no worker answers at verify"]
    port = serve(tmp_path, unready, Login("me", secret))
    at = PageAddress("127.0.0.1", port, user="me", password_file=secret, owner=os.getuid())
    assert read_metrics(at).by("build_info", "version") == {"1.2": 1.0}
    assert read_readiness(at) == unready
    unready.clear()
    assert read_readiness(at) == []
    with pytest.raises(PageError, match="refuses the login"):
        read_metrics(PageAddress("127.0.0.1", port, user="other", password_file=secret, owner=os.getuid()))


def test_all_addresses_are_asked_for_here(tmp_path: Path) -> None:
    """A page on 0.0.0.0 is on loopback, too."""
    port = serve(tmp_path, [])
    assert read_metrics(PageAddress("0.0.0.0", port)).total("build_info") == 1.0  # noqa: S104 # it is only named


def test_a_page_with_a_certificate_is_known_by_it(tmp_path: Path, secret: str) -> None:
    """Whatever name it has; and with another one it gets nothing."""
    write_certificate(tmp_path / "cert.pem", tmp_path / "key.pem", "elsewhere.example")
    write_certificate(tmp_path / "other.pem", tmp_path / "other.key")
    certificate = Certificate(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
    port = serve(tmp_path, [], Login("me", secret), certificate)
    good = PageAddress("127.0.0.1", port, str(tmp_path / "cert.pem"), "me", secret)
    assert read_metrics(good).total("build_info") == 1.0
    with pytest.raises(PageError, match="not that of"):
        read_metrics(PageAddress("127.0.0.1", port, str(tmp_path / "other.pem"), "me", secret))


@contextmanager
def impostor(port: int, heard: Path) -> Iterator[None]:
    """A process of another user, with a server of its own; what it is told goes into ``heard``."""
    program = (
        "import sys, http.server\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        print(self.headers.get('Authorization'), flush=True); self.send_response(401); self.end_headers()\n"
        "    def log_message(self, *_): pass\n"
        "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()\n"
    )
    command = ["/usr/bin/python3", "-c", program, str(port)]
    with open(heard, "wb") as file:
        running = subprocess.Popen(command, stdout=file, user=65534, cwd="/")
    try:
        yield
    finally:
        running.kill()
        running.wait()


@pytest.mark.skipif(os.getuid() != 0, reason="needs to start a process as another user")
def test_a_password_is_not_sent_to_another_users_program(tmp_path: Path, secret: str) -> None:
    """While the daemon is down, anybody on the host can listen in its place."""
    port = free_port()
    at = PageAddress("127.0.0.1", port, user="me", password_file=secret, owner=1)
    heard = tmp_path / "heard"
    with impostor(port, heard):
        wait_until(lambda: _listens(at), 10, "the impostor listens")
        with pytest.raises(PageError, match="the password was not sent: what listens there is not the daemon's"):
            read_metrics(at)
    assert heard.read_text().startswith("None\n") and "Basic" not in heard.read_text()


def _listens(at: PageAddress) -> bool:
    try:
        read_readiness(at)
    except PageError:
        return False
    return True


def test_a_daemon_that_is_down_is_said_to_be() -> None:
    """In a line that says what to look for."""
    with pytest.raises(PageError, match="nothing listens there: does the daemon run"):
        read_metrics(PageAddress("127.0.0.1", free_port()))


def test_what_hangs_up_or_talks_nonsense_is_no_traceback() -> None:
    """Neither HTTP nor metrics."""
    with open_page("127.0.0.1", port := free_port()) as listening:
        answering = threading.Thread(target=_nonsense, args=(listening, 2))
        answering.start()
        for _ in range(2):
            with pytest.raises(PageError, match="does not answer as the daemon does"):
                read_metrics(PageAddress("127.0.0.1", port))
        answering.join()


def _nonsense(listening: socket.socket, times: int) -> None:
    for number in range(times):
        connection, _ = listening.accept()
        connection.recv(1000)
        connection.sendall(b"SSH-2.0-x\r\n" if number else b"")
        connection.close()
