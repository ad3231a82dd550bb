"""An application's endpoint: takes replies over HTTP, posts each id once, and misbehaves as a test asks."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="  # noqa: S105 # of tests alone

Misbehaviour = Callable[["Request"], int | None]


@dataclass(frozen=True)
class Call:
    """One request: its header by lower-case name, and its body."""

    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        """The body of a JSON call."""
        read: dict[str, object] = json.loads(self.body)
        return read


@dataclass
class Receiver:
    """``calls``: all requests; ``posts``: how often each id had an effect. ``answer``: a status, or a misbehaviour."""

    idempotent: bool = True
    checks_signatures: bool = True
    calls: list[Call] = field(default_factory=list)
    posts: dict[str, int] = field(default_factory=dict)
    answer: int | Misbehaviour = 204
    keeps_bodies: bool = True

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        receiver = self

        class Handler(Request):
            owner = receiver

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The URL to post to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/replies"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def taken(self, request: "Request", body: bytes) -> int | None:
        """Post it, unless the signature is wrong or ``answer`` differs; return the status."""
        call = Call({name.lower(): value for name, value in request.headers.items()}, body)
        if self.checks_signatures and not _is_signed(call):
            return 401
        with self._lock:
            self.calls.append(call if self.keeps_bodies else Call(call.headers, b""))
        if callable(self.answer):
            return self.answer(request)
        if 200 <= self.answer < 300:
            self.post(call.headers["webhook-id"])
        return self.answer

    def post(self, identifier: str) -> None:
        """Count the effect, which should be one per id."""
        with self._lock:
            if identifier not in self.posts or not self.idempotent:
                self.posts[identifier] = self.posts.get(identifier, 0) + 1


def _is_signed(call: Call) -> bool:
    try:
        Webhook(SECRET).verify(call.body, call.headers)
    except WebhookVerificationError:
        return False
    except ValueError:
        return True  # a good signature, but not JSON: a raw message
    return True


class Request(BaseHTTPRequestHandler):
    """A connection of a client, with one request after the other."""

    owner: Receiver
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """One reply."""
        status = self.owner.taken(self, self.rfile.read(int(self.headers["Content-Length"])))
        if status is None:  # the misbehaviour has answered, or never does
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        """Answer how often an id, the last part of the path, had an effect."""
        count = str(self.owner.posts.get(self.path.rpartition("/")[2], 0)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(count)))
        self.end_headers()
        self.wfile.write(count)

    def log_message(self, *_args: object) -> None:
        """Log nothing."""


def hangs(_request: Request) -> None:
    """Read the request, and do not answer for a long time."""
    time.sleep(20)


def returns_garbage(request: Request) -> None:
    """Answer with text that is not HTTP."""
    request.wfile.write(b"\x00\xff\x00 what?\r\n\r\n" * 100)


def drips(request: Request) -> None:
    """Send an endless answer: a header, octet by octet."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Endless: ")
    for _ in range(200):
        request.wfile.write(b"x")
        request.wfile.flush()
        time.sleep(0.1)


def hangs_up(_request: Request) -> None:
    """Read the request, and close the connection without an answer."""
