"""The server of the page: waits for requests, and answers a few at a time.

A client that has sent nothing yet costs a descriptor and no thread; with its first octet it gets a thread and a place.
"""

import logging
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

from reply_milter.adapters.telemetry.peer import Peers
from reply_milter.adapters.telemetry.places import MOST_CONNECTIONS, Guest, Guests, Lobby

if TYPE_CHECKING:
    from _typeshed import OptExcInfo

log = logging.getLogger(__name__)

GUEST = "reply_milter.guest"  # in a request's environment
_MOST_THREADS = 2 * MOST_CONNECTIONS  # those that were just closed still have one, too
_LONGEST_LINE = 65536  # octets of a request line
_LOOK_MS = 250  # between two checks for late connections
_AT_ONCE = 32  # connections accepted before waiting ones are checked again
_PAUSE_SECONDS = 0.002  # after so many: threads that answer need the interpreter, and a flood is slowed down


class _Answer(ServerHandler):
    """One answer. A client that does not wait for it is no error."""

    server_software = "reply-milter"

    def log_exception(self, exc_info: "OptExcInfo") -> None:
        """Log the error; the library would write a traceback to standard error."""
        level = logging.DEBUG if isinstance(exc_info[1], OSError) else logging.ERROR
        log.log(level, "cannot answer a scrape", exc_info=exc_info)


class _Handler(WSGIRequestHandler):
    """One connection with one request."""

    def __init__(self, guest: Guest, server: WSGIServer) -> None:
        self._guest = guest
        super().__init__(guest.connection, guest.client, server)

    def get_environ(self) -> dict[str, Any]:
        """Add the client's ``Guest`` to what the library makes."""
        return {**super().get_environ(), GUEST: self._guest}

    def handle(self) -> None:
        """Answer one request as the library does, but with our class of answers."""
        self.raw_requestline = self.rfile.readline(_LONGEST_LINE + 1)
        if len(self.raw_requestline) > _LONGEST_LINE:
            self.requestline = self.request_version = self.command = ""
            self.send_error(414)
        elif self.parse_request():
            self._guest.asked = True
            handler: Any = self  # the library's types know neither its own streams nor its own server
            answer = _Answer(handler.rfile, handler.wfile, self.get_stderr(), self.get_environ(), multithread=True)
            answer.request_handler = handler  # type: ignore[attr-defined]
            answer.run(handler.server.get_app())

    def log_message(self, format: str, *args: object) -> None:
        """Log a scrape at level debug only."""
        log.debug(format, *args)

    def address_string(self) -> str:
        """Return the client's address, without a DNS look-up."""
        return str(self.client_address[0])


class Server(WSGIServer):
    """A bounded number of connections, with a thread for each that has sent something. Looks no host name up."""

    def __init__(
        self,
        listening: socket.socket,
        certificate: Callable[[], ssl.SSLContext] | None,
        longest_seconds: float,
    ) -> None:
        host, port = listening.getsockname()[:2]
        super().__init__((host, port), WSGIRequestHandler, bind_and_activate=False)  # _serve has its own
        self.socket.close()
        self.socket = listening
        self.server_name, self.server_port = host, port
        self.setup_environ()
        self.guests = Guests(longest_seconds)
        self._lobby = Lobby(longest_seconds)
        self._peers = Peers()
        self._poll = select.poll()
        self._certificate = certificate
        self._longest_seconds = longest_seconds
        self._threads = 0
        self._counting = threading.Lock()

    def serve_forever(self, poll_interval: float = _LOOK_MS / 1000) -> None:
        """Accept connections, wait for their first octets, and close late ones every ``poll_interval`` seconds."""
        self.socket.setblocking(False)
        own = self.socket.fileno()
        self._poll.register(own, select.POLLIN)
        looked = time.monotonic()
        while True:
            for descriptor, _ in self._poll.poll(poll_interval * 1000):
                if descriptor == own:
                    self._accept()
                elif (guest := self._lobby.take(descriptor)) is not None:
                    self._poll.unregister(descriptor)
                    self._begin(guest)
            if time.monotonic() - looked > poll_interval:
                looked = time.monotonic()
                self.guests.end_late()
                for guest in self._lobby.late():
                    self._turn_away(guest)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, client = self.socket.accept()
            except BlockingIOError:
                return
            except OSError as error:  # it was closed already, or descriptors ran out: close an old one
                log.debug("cannot accept a connection: %s", error)
                self._make_room()
                break
            guest = Guest(connection, self._peers.place_of(connection), client)
            leaving = self._lobby.come(guest)
            self._poll.register(connection, select.POLLIN)
            if leaving is not None:
                self._turn_away(leaving)
        time.sleep(_PAUSE_SECONDS)

    def _make_room(self) -> None:
        oldest = self._lobby.oldest()
        if oldest is not None:
            self._turn_away(oldest)

    def _turn_away(self, guest: Guest) -> None:
        self._poll.unregister(guest.connection)
        guest.connection.close()

    def _begin(self, guest: Guest) -> None:
        """Serve a client that has sent something, unless it has closed, or is one too many."""
        if _has_left(guest.connection) or self._threads >= _MOST_THREADS or not self.guests.come(guest):
            guest.connection.close()
            return
        with self._counting:
            self._threads += 1
        threading.Thread(target=self._serve, args=(guest,), name="scrape", daemon=True).start()

    def _serve(self, guest: Guest) -> None:
        try:
            guest.connection.settimeout(self._longest_seconds)
            if self._certificate is not None:
                # The handshake comes with the first octet that is read.
                context = self._certificate()
                guest.connection = context.wrap_socket(
                    guest.connection, server_side=True, do_handshake_on_connect=False
                )
            _Handler(guest, self)
        except Exception as error:  # noqa: BLE001 # a client that has left, is slow, or speaks no TLS
            log.debug("a scrape failed: %r", error)
        finally:
            self.guests.gone(guest)
            with suppress(OSError):
                self.shutdown_request(guest.connection)
            with self._counting:
                self._threads -= 1


def _has_left(connection: socket.socket) -> bool:
    try:
        return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        return True
