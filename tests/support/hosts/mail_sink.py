"""A server that takes mail by SMTP or LMTP and keeps it octet for octet: where mail leaves to, or an application's."""

import socketserver
import threading
from dataclasses import dataclass

from tests.support.processes.daemon_process import wait_until

_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Taken:
    """A message with its envelope; lines end in CRLF, as they came."""

    sender: str
    recipients: tuple[str, ...]
    message: bytes

    @property
    def header(self) -> bytes:
        """With the CRLF of its last line."""
        return self.message.partition(b"\r\n\r\n")[0] + b"\r\n"

    @property
    def body(self) -> bytes:
        """Behind the empty line."""
        return self.message.partition(b"\r\n\r\n")[2]


class MailSink(socketserver.ThreadingTCPServer):
    """Listens on 127.0.0.1 ``port``. ``refusals``: answers that the next messages get at their end, in order."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.port: int = self.server_address[1]
        self.taken: list[Taken] = []
        self.refusals: list[str] = []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def with_text(self, text: str, wanted: int = 1, seconds: float = _SECONDS, said: str = "") -> list[Taken]:
        """The messages that hold ``text``, as soon as there are ``wanted``. ``said``: told if they don't come."""
        octets = text.encode()

        def found() -> list[Taken]:
            return [one for one in list(self.taken) if octets in one.message]

        wait_until(lambda: len(found()) >= wanted, seconds, f"{wanted} messages with {text}; {said}")
        return found()

    def close(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        """One client."""
        server = self.server
        assert isinstance(server, MailSink)
        sender, recipients = "", list[str]()
        self._say("220 sink")
        for line in self.rfile:
            word = line[:4].upper()
            if word in (b"EHLO", b"LHLO"):
                self._say("250-sink", "250-8BITMIME", "250 SMTPUTF8")
            elif word == b"DATA":
                self._say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                message = b"".join(one[1:] if one.startswith(b".") else one for one in lines)
                answer = server.refusals.pop(0) if server.refusals else "250 taken"
                if answer.startswith("2"):
                    server.taken.append(Taken(sender, tuple(recipients), message))
                self._say(answer)
            elif word == b"QUIT":
                self._say("221 bye")
                return
            else:
                argument = line.decode("utf-8", "surrogateescape").partition("<")[2].rpartition(">")[0]
                if word == b"MAIL":
                    sender, recipients = argument, []
                elif word == b"RCPT":
                    recipients.append(argument)
                self._say("250 ok")

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
