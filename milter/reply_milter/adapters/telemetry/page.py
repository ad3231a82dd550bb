"""The page for Prometheus, ``/metrics``, and two for health checks, ``/healthz`` and ``/readyz``.

The library makes ``/metrics``; the server is ours, because the library's accepts any number of connections and waits
for each of them for ever. Here few are served at a time, each client has a share of them (``places``), and none
lasts longer than a scraper waits.
"""

import logging
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.registry import Collector

from reply_milter.adapters.telemetry.conditions import Guarded
from reply_milter.adapters.telemetry.files import FileSeries
from reply_milter.adapters.telemetry.places import Guest, Guests
from reply_milter.adapters.telemetry.server import GUEST, Server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

LONGEST_SECONDS = 10.0  # at most, of any connection; Prometheus gives up after as long
_LOOK_SECONDS = 0.25  # how often a waiting client's connection is checked
_PATHS = ("/metrics", "/healthz", "/readyz")

Problems = Callable[[], list[str]]


@dataclass(frozen=True, slots=True)
class PageSources:
    """Where the page gets its answers from.

    ``unhealthy``: problems of the process tree. ``unready``: what keeps the host from taking replies.
    ``admits``: whether an Authorization field may read the metrics; the other two pages are open.
    ``certificate``: called for each connection, returns the TLS context; None for no TLS.
    """

    unhealthy: Problems
    unready: Problems
    admits: Callable[[str], bool]
    certificate: Callable[[], ssl.SSLContext] | None


def serve_page(
    folder: str,
    listening: socket.socket,
    collectors: Iterable[Collector],
    sources: PageSources,
    longest_seconds: float = LONGEST_SECONDS,
) -> None:
    """Start threads that answer on ``listening`` with what processes count in ``folder`` and ``collectors`` find.

    ``longest_seconds``: after which a connection is closed.
    """
    registry = CollectorRegistry()
    registry.register(FileSeries(folder))
    for collector in collectors:
        registry.register(Guarded(collector))
    server = Server(listening, sources.certificate, longest_seconds)
    server.set_app(_InTurn(server.guests, _Page(make_wsgi_app(registry), sources)))
    threading.Thread(target=_run, args=(server,), name="metrics", daemon=True).start()


def _run(server: Server) -> None:
    try:
        server.serve_forever()
    finally:
        log.error("the metrics server ended unexpectedly")
        os._exit(1)


class _InTurn:
    """A WSGI application that answers the clients of one place one after the other: a flood delays only itself."""

    def __init__(self, guests: Guests, page: "WSGIApplication") -> None:
        self._guests = guests
        self._page = page

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        guest: Guest = environ[GUEST]
        turn = self._guests.turn(guest.place)
        while not turn.acquire(timeout=_LOOK_SECONDS):
            self._must_be_here(guest)
        try:
            self._must_be_here(guest)
            return list(self._page(environ, start_response))
        finally:
            turn.release()

    def _must_be_here(self, guest: Guest) -> None:
        if not self._guests.is_here(guest):
            raise ConnectionAbortedError("closed: too many connections, or too slow")


class _Page:
    """A WSGI application: the answer for each path."""

    def __init__(self, metrics: "WSGIApplication", sources: PageSources) -> None:
        self._metrics = metrics
        self._sources = sources

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "HEAD":
            return self._answer(environ, start_response)
        return self._head(environ, start_response)

    def _head(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer as for GET, without the body (RFC 9110 section 9.3.2)."""
        sent: list[tuple[str, list[tuple[str, str]]]] = []

        def note(status: str, headers: list[tuple[str, str]], *_error: object) -> Callable[[bytes], object]:
            sent.append((status, [(name, value) for name, value in headers if name != "Content-Length"]))
            return lambda _octets: None

        octets = sum(map(len, self._answer({**environ, "REQUEST_METHOD": "GET"}, note)))
        status, headers = sent[0]
        start_response(status, [*headers, ("Content-Length", str(octets))])
        return []

    def _answer(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path not in _PATHS:
            return _text(start_response, "404 Not Found", [f"there are {', '.join(_PATHS)}"])
        if environ["REQUEST_METHOD"] != "GET":
            return _text(start_response, "405 Method Not Allowed", ["GET or HEAD"], ("Allow", "GET, HEAD"))
        if path != "/metrics":
            problems = self._sources.unhealthy() if path == "/healthz" else self._sources.unready()
            status = "503 Service Unavailable" if problems else "200 OK"
            return _text(start_response, status, problems or ["ok"])
        if not self._sources.admits(environ.get("HTTP_AUTHORIZATION", "")):
            challenge = ("WWW-Authenticate", 'Basic realm="reply-milter", charset="UTF-8"')
            return _text(start_response, "401 Unauthorized", ["a login is needed"], challenge)
        return self._metrics(environ, start_response)


def _text(start_response: "StartResponse", status: str, lines: list[str], *more: tuple[str, str]) -> Iterable[bytes]:
    body = "".join(f"{line}\n" for line in lines).encode()
    kind = ("Content-Type", "text/plain; charset=utf-8")
    start_response(status, [kind, ("Content-Length", str(len(body))), ("Cache-Control", "no-store"), *more])
    return [body]
