"""An OAuth server on loopback: a token endpoint, and what Dovecot asks whether a token is good."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


class TokenServer(ThreadingHTTPServer):
    """Gives out tokens for the refresh token ``refresh``; the good ones are ``good``. ``asked``: the forms."""

    daemon_threads = True

    def __init__(self, user: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.user = user
        self.refresh = "refresh-1"
        self.renews = False
        self.good: set[str] = set()
        self.asked: list[dict[str, str]] = []
        self.answer: tuple[int, bytes] | None = None  # instead of a token
        self.drips = False
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where tokens are given out."""
        return f"http://127.0.0.1:{self.server_address[1]}/token?tenant=x"

    @property
    def info(self) -> str:
        """Where Dovecot asks; it puts the token behind."""
        return f"http://127.0.0.1:{self.server_address[1]}/info?token="

    def given(self, form: dict[str, str]) -> tuple[int, bytes]:
        """Answer a form."""
        self.asked.append(form)
        if self.answer is not None:
            return self.answer
        if form.get("refresh_token", self.refresh) != self.refresh:
            return 400, b'{"error": "invalid_grant"}'
        token = f"token-{len(self.asked)}"
        self.good.add(token)
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
        if self.renews:
            self.refresh = f"refresh-{len(self.asked) + 1}"
            answer["refresh_token"] = self.refresh
        return 200, json.dumps(answer).encode()


class _Handler(BaseHTTPRequestHandler):
    server: TokenServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer(*self.server.given(dict(parse_qsl(body))))

    def do_GET(self) -> None:
        token = dict(parse_qsl(urlsplit(self.path).query)).get("token", "")
        active = token in self.server.good
        self._answer(200, json.dumps({"username": self.server.user, "active": str(active).lower()}).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        while self.server.drips:
            self.wfile.write(b" ")
            time.sleep(0.05)
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@contextmanager
def token_server(user: str) -> Iterator[TokenServer]:
    """Run one."""
    server = TokenServer(user)
    try:
        yield server
    finally:
        server.drips = False
        server.shutdown()
        server.server_close()
