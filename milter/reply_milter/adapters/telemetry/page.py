"""The page for Prometheus, and the two that tell whether all is well: ``/metrics``, ``/healthz``, ``/readyz``.

The library makes ``/metrics``; the server is ours, because the library's takes any number of connections and waits for
each of them for ever. Here few are served at a time, and none for longer than a scraper has patience.
"""

import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from reply_milter.adapters.telemetry.conditions import Guarded

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 16  # from then on the oldest must go: it hangs, and who comes anew may not
LONGEST_SECONDS = 10.0  # of one connection, whatever it does: Prometheus gives up after as long
_MOST_THREADS = 2 * MOST_CONNECTIONS
_LONGEST_LINE = 65536  # octets of a request line
_PATHS = ("/metrics", "/healthz", "/readyz")

Problems = Callable[[], list[str]]


@dataclass(frozen=True, slots=True)
class Questions:
    """What else the page needs: what is wrong with the process tree, and what keeps the host from taking replies.

    ``admits``: whether an Authorization field may read the metrics; the other two pages are open.
    ``certificate``: what to speak TLS with, asked at each connection; None for none.
    """

    unhealthy: Problems
    unready: Problems
    admits: Callable[[str], bool]
    certificate: Callable[[], ssl.SSLContext] | None


def serve_page(
    folder: str,
    listening: socket.socket,
    collectors: Iterable[Collector],
    questions: Questions,
    longest_seconds: float = LONGEST_SECONDS,
) -> None:
    """Answer on ``listening`` with what all processes count in ``folder`` and ``collectors`` find.

    From threads of its own. ``longest_seconds``: after which a connection is ended.
    """
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    for collector in collectors:
        registry.register(Guarded(collector))
    server = _Server(listening, questions.certificate, longest_seconds)
    server.set_app(_Page(make_wsgi_app(registry), questions))
    threading.Thread(target=_run, args=(server,), name="metrics", daemon=True).start()


def _run(server: "_Server") -> None:
    try:
        server.serve_forever()
    finally:
        log.error("the server of the metrics ended by itself")
        os._exit(1)


class _Page:
    """Which path gets what: a WSGI application."""

    def __init__(self, metrics: "WSGIApplication", questions: Questions) -> None:
        self._metrics = metrics
        self._questions = questions

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "HEAD":
            return self._answer(environ, start_response)
        return self._head(environ, start_response)

    def _head(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """As for GET, and nothing behind it (RFC 9110 section 9.3.2)."""
        said: list[tuple[str, list[tuple[str, str]]]] = []

        def note(status: str, headers: list[tuple[str, str]], *_error: object) -> Callable[[bytes], object]:
            said.append((status, [(name, value) for name, value in headers if name != "Content-Length"]))
            return lambda _octets: None

        octets = sum(map(len, self._answer({**environ, "REQUEST_METHOD": "GET"}, note)))
        status, headers = said[0]
        start_response(status, [*headers, ("Content-Length", str(octets))])
        return []

    def _answer(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path, questions = environ.get("PATH_INFO", ""), self._questions
        if path not in _PATHS:
            return _text(start_response, "404 Not Found", [f"there are {', '.join(_PATHS)}"])
        if environ["REQUEST_METHOD"] != "GET":
            return _text(start_response, "405 Method Not Allowed", ["GET or HEAD"], ("Allow", "GET, HEAD"))
        if path != "/metrics":
            problems = questions.unhealthy() if path == "/healthz" else questions.unready()
            status = "503 Service Unavailable" if problems else "200 OK"
            return _text(start_response, status, problems or ["ok"])
        if not questions.admits(environ.get("HTTP_AUTHORIZATION", "")):
            challenge = ("WWW-Authenticate", 'Basic realm="reply-milter", charset="UTF-8"')
            return _text(start_response, "401 Unauthorized", ["a login is needed"], challenge)
        return self._metrics(environ, start_response)


def _text(start_response: "StartResponse", status: str, lines: list[str], *more: tuple[str, str]) -> Iterable[bytes]:
    body = "".join(f"{line}\n" for line in lines).encode()
    kind = ("Content-Type", "text/plain; charset=utf-8")
    start_response(status, [kind, ("Content-Length", str(len(body))), ("Cache-Control", "no-store"), *more])
    return [body]


class _Answer(ServerHandler):
    """One answer. A client that does not wait for it is no error."""

    server_software = "reply-milter"

    def log_exception(self, exc_info: "OptExcInfo") -> None:
        """Where the library would write a traceback to standard error."""
        level = logging.DEBUG if isinstance(exc_info[1], OSError) else logging.ERROR
        log.log(level, "cannot answer a scrape", exc_info=exc_info)


class _Handler(WSGIRequestHandler):
    """One connection with one request."""

    def handle(self) -> None:
        """As the library does, but for the class of the answer."""
        self.raw_requestline = self.rfile.readline(_LONGEST_LINE + 1)
        if len(self.raw_requestline) > _LONGEST_LINE:
            self.requestline = self.request_version = self.command = ""
            self.send_error(414)
        elif self.parse_request():
            handler: Any = self  # the library's types know neither its own streams nor its own server
            answer = _Answer(handler.rfile, handler.wfile, self.get_stderr(), self.get_environ(), multithread=True)
            answer.request_handler = handler  # type: ignore[attr-defined]
            answer.run(handler.server.get_app())

    def log_message(self, format: str, *args: object) -> None:
        """A scrape is no news."""
        log.debug(format, *args)

    def address_string(self) -> str:
        """Never by a question to DNS."""
        return str(self.client_address[0])


class _Server(WSGIServer):
    """A thread a connection, and a bound on both. No host name is looked up."""

    def __init__(
        self,
        listening: socket.socket,
        certificate: Callable[[], ssl.SSLContext] | None,
        longest_seconds: float,
    ) -> None:
        host, port = listening.getsockname()[:2]
        super().__init__((host, port), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.server_name, self.server_port = host, port
        self.setup_environ()
        self._certificate = certificate
        self._longest_seconds = longest_seconds
        self._open: dict[socket.socket, float] = {}  # since when, monotonic seconds
        self._lock = threading.Lock()

    def get_request(self) -> tuple[socket.socket, object]:
        """The handshake comes with the first octet that the connection's own thread reads: nobody waits for it here."""
        connection, client = self.socket.accept()
        connection.settimeout(self._longest_seconds)
        if self._certificate is not None:
            connection = self._certificate().wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, client

    def process_request(self, request: object, client_address: object) -> None:
        """Begin with a connection; if it is one too many, at the cost of the oldest."""
        assert isinstance(request, socket.socket)  # noqa: S101 # socketserver's types allow datagrams
        with self._lock:
            if len(self._open) >= _MOST_THREADS:
                request.close()
                return
            if len(self._open) >= MOST_CONNECTIONS:
                _hang_up(next(iter(self._open)))
            self._open[request] = time.monotonic()
        threading.Thread(target=self._serve, args=(request, client_address), name="scrape", daemon=True).start()

    def _serve(self, request: socket.socket, client_address: object) -> None:
        try:
            self.finish_request(request, client_address)
        except Exception as error:  # noqa: BLE001 # a client that is gone, slow, or speaks no TLS
            log.debug("a scrape came to nothing: %r", error)
        finally:
            with self._lock:
                del self._open[request]
            self.shutdown_request(request)

    def service_actions(self) -> None:
        """Twice a second: end what has taken too long, drop by drop."""
        latest = time.monotonic() - self._longest_seconds
        with self._lock:
            for request, since in self._open.items():
                if since < latest:
                    _hang_up(request)


def _hang_up(request: socket.socket) -> None:
    """Wake the thread that waits for it. Past TLS, which another thread may be busy with."""
    with suppress(OSError):  # it is gone already
        socket.socket.shutdown(request, socket.SHUT_RDWR)
