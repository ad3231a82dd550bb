"""An IMAP server on loopback that says what a test wants, also what no server should say."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from reply_milter.adapters.imap.mailbox import ImapMailbox
from reply_milter.adapters.os.host_names import HostNames
from reply_milter.core.fetching.account import Account, ImapAuth, PasswordFile
from reply_milter.core.verdict.destination import Tls

# ``@`` stands for the command's tag. What a plain server would answer:
USUAL: Mapping[str, bytes] = {
    "CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 AUTH=OAUTHBEARER MOVE UIDPLUS IDLE\r\n@ OK so\r\n",
    "AUTHENTICATE": b"+ \r\n",
    "SASL": b"@ OK logged in\r\n",
    "LOGIN": b"@ OK so\r\n",
    "LIST": b'* LIST (\\Noselect) "/" ""\r\n@ OK so\r\n',
    "SELECT": b"* 3 EXISTS\r\n* OK [PERMANENTFLAGS (\\Deleted \\*)]\r\n* OK [UIDVALIDITY 7] x\r\n"
    b"* OK [UIDNEXT 9] x\r\n@ OK [READ-WRITE]\r\n",
    "UID SEARCH": b"* SEARCH 3 5 8\r\n@ OK so\r\n",
    "UID FETCH": b"* 1 FETCH (UID 3 RFC822.SIZE 20)\r\n@ OK so\r\n",
    "NOOP": b"@ OK so\r\n",
    "LOGOUT": b"* BYE\r\n@ OK so\r\n",
}
Answer = bytes | Callable[[socket.socket, bytes], None]


class ScriptedImap:
    """Answers by the command's first words; ``said`` are the lines of clients, without tags.

    An answer of several commands is a list: each is used once, the last one for ever. A function writes what it wants.
    """

    def __init__(self, answers: Mapping[str, Answer | list[bytes]], greeting: bytes = b"* OK hello\r\n") -> None:
        self.answers = {**USUAL, **answers}
        self.greeting = greeting
        self.said: list[bytes] = []
        self.context: ssl.SSLContext | None = None
        self.implicit = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.boxes: list[ImapMailbox] = []
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Close everything."""
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if self.implicit and self.context:
                connection = self._encrypted(connection, self.context)
            connection.sendall(self.greeting)
            while self._answer(connection):
                if self.said[-1] == b"STARTTLS" and self.context:
                    connection = self._encrypted(connection, self.context)

    def _encrypted(self, connection: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
        found = context.wrap_socket(connection, server_side=True)
        self._open.append(found)
        return found

    def _answer(self, connection: socket.socket) -> bool:
        line = _line(connection)
        tag, _, command = line.partition(b" ")
        self.said.append(command)
        words = [*command.upper().split(), b"", b""]
        name = b" ".join(words[:2] if words[0] == b"UID" else words[:1]).decode()
        self._say(connection, self._of(name), tag)
        if name == "AUTHENTICATE":
            self.said.append(_line(connection))
            self._say(connection, self._of("SASL"), tag)
        return bool(line)

    def _of(self, name: str) -> Answer:
        found = self.answers.get(name, b"@ BAD what?\r\n")
        if isinstance(found, list):
            return found.pop(0) if len(found) > 1 else found[0]
        return found

    def _say(self, connection: socket.socket, answer: Answer, tag: bytes) -> None:
        if callable(answer):
            answer(connection, tag)
        else:
            connection.sendall(answer.replace(b"@", tag))


def bye(connection: socket.socket, _tag: bytes) -> None:
    """Say goodbye, and close the connection."""
    connection.sendall(b"* BYE going down\r\n")
    connection.shutdown(socket.SHUT_RDWR)


def _line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        octet = connection.recv(1)
        if not octet:
            raise OSError
        line += octet
    return line.rstrip()


@contextmanager
def scripted(
    answers: Mapping[str, Answer | list[bytes]] | None = None, greeting: bytes = b"* OK hello\r\n"
) -> Iterator[ScriptedImap]:
    """Run one."""
    server = ScriptedImap(answers or {}, greeting)
    try:
        yield server
    finally:
        server.close()
        for box in server.boxes:
            box.close()


def at(server: ScriptedImap, tls: Tls = Tls.NONE, auth: ImapAuth = ImapAuth.LOGIN) -> ImapMailbox:
    """The mailbox of one account there; it is closed with the server."""
    account = Account(
        host="127.0.0.1",
        port=server.port,
        tls=tls,
        user="inbound@example.com",
        auth=auth,
        secret=PasswordFile("/nowhere"),
        mailbox="INBOX",
        processed="Replies/Processed",
        idle=True,
    )
    server.boxes.append(ImapMailbox(account, lambda: "secret", HostNames(), 0.1))
    return server.boxes[-1]
