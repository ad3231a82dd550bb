"""The page for Prometheus, and the two that tell whether all is well: ``/metrics``, ``/healthz``, ``/readyz``.

The library makes ``/metrics``; the server is ours, because the library's takes any number of connections and waits for
each of them for ever. Here few are served at a time, each client has a place of its own (``places``), and none keeps it
for longer than a scraper has patience.
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

LONGEST_SECONDS = 10.0  # of one connection, whatever it does: Prometheus gives up after as long
_LOOK_SECONDS = 0.25  # how often who waits for its turn looks whether it still has its place
_PATHS = ("/metrics", "/healthz", "/readyz")

Problems = Callable[[], list[str]]


@dataclass(frozen=True, slots=True)
class PageSources:
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
    questions: PageSources,
    longest_seconds: float = LONGEST_SECONDS,
) -> None:
    """Answer on ``listening`` with what all processes count in ``folder`` and ``collectors`` find.

    From threads of its own. ``longest_seconds``: after which a connection is ended.
    """
    registry = CollectorRegistry()
    registry.register(FileSeries(folder))
    for collector in collectors:
        registry.register(Guarded(collector))
    server = Server(listening, questions.certificate, longest_seconds)
    server.set_app(_InTurn(server.guests, _Page(make_wsgi_app(registry), questions)))
    threading.Thread(target=_run, args=(server,), name="metrics", daemon=True).start()


def _run(server: Server) -> None:
    try:
        server.serve_forever()
    finally:
        log.error("the server of the metrics ended by itself")
        os._exit(1)


class _InTurn:
    """A WSGI application that makes answers for one place one after the other: a flood waits for itself."""

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
            raise ConnectionAbortedError("it was one too many, or took too long")


class _Page:
    """Which path gets what: a WSGI application."""

    def __init__(self, metrics: "WSGIApplication", questions: PageSources) -> None:
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
