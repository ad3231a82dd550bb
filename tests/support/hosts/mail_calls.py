"""Discourse's and GitLab's calls for mail, answering as those do. Checks keys and tokens with none of our code."""

import base64
import hashlib
import hmac
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

KEY = "f00dfeed" * 8
SECRET = bytes(range(32))


@dataclass
class MailCalls:
    """``taken``: messages that had an effect, each once; ``answer``: a status in place of what the call says."""

    answer: int = 0
    taken: list[bytes] = field(default_factory=list)
    seen: int = 0

    def __post_init__(self) -> None:
        calls = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the library's name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                calls.seen += 1
                status, said = calls.judge(self.path, dict(self.headers.items()), body)
                octets = said.encode()
                self.send_response(calls.answer or status)
                self.send_header("Content-Length", str(len(octets)))
                self.end_headers()
                self.wfile.write(octets)

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """The application's URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def judge(self, path: str, fields: dict[str, str], body: bytes) -> tuple[int, str]:
        """What the application answers."""
        if path == "/admin/email/handle_mail":
            return self._discourse({name.lower(): value for name, value in fields.items()}, body)
        if path in ("/api/v4/internal/mail_room/incoming_email", "/api/v4/internal/mail_room/service_desk_email"):
            return self._gitlab(fields.get("Gitlab-Mailroom-Api-Request", ""), body)
        return 404, "Not Found"

    def _discourse(self, fields: dict[str, str], body: bytes) -> tuple[int, str]:
        """403 for a wrong key, 400 without a message; a second copy is queued too, and comes to nothing."""
        if (fields.get("api-key"), fields.get("api-username")) != (KEY, "system"):
            return 403, '{"errors":["You are not permitted to view the requested resource."]}'
        given = parse_qs(body.decode()).get("email_encoded", [])
        if len(given) != 1:
            return 400, '{"errors":["param is missing or the value is empty: email"]}'
        self._take(base64.b64decode(given[0], validate=True))
        return 200, "email has been received and is queued for processing"

    def _gitlab(self, token: str, body: bytes) -> tuple[int, str]:
        """401 for a token that is none, from the future, or older than a minute."""
        try:
            signed, _, tag = token.rpartition(".")
            head, claims = (json.loads(_decoded(part)) for part in signed.split("."))
            good = hmac.new(SECRET, signed.encode(), hashlib.sha256).digest() == _decoded(tag)
            good &= head["alg"] == "HS256" and claims["iss"] == "gitlab-mailroom" and bool(claims["nonce"])
            good &= -60 < claims["iat"] - time.time() <= 0
        except (ValueError, KeyError):
            good = False
        if not good:
            return 401, '{"message":"401 Unauthorized"}'
        self._take(body)
        return 200, '{"success":true}'

    def _take(self, message: bytes) -> None:
        if not self.answer and message not in self.taken:
            self.taken.append(message)


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
