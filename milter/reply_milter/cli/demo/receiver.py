"""A small application: an endpoint that keeps the replies that it receives."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class DemoReceiver:
    """``calls``: the JSON of each reply, in order."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        calls = self.calls

        class Endpoint(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                calls.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                """Log nothing: the table shows what arrived."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """The URL to post to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/replies"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
