"""redis-py's connections, with one deadline for a whole operation.

redis-py connects, starts TLS and logs in. Commands and answers bypass its methods: those make seven system calls per
answer where three are enough, and at each the thread gives up the interpreter's lock and must wait for it again.
"""

import select
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import hiredis
import redis
from redis.backoff import NoBackoff
from redis.connection import ConnectionPool
from redis.retry import Retry

_RECEIVED = 65536  # octets at a time
_NOT_YET = object()
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class _Deadline:
    """Mixed into redis-py's connections: every wait ends at ``deadline`` (monotonic seconds), the handshake's too."""

    deadline = 0.0
    _sock: Any
    _parser: Any

    def _remaining(self) -> float:
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise redis.exceptions.TimeoutError("the deadline has passed")
        return remaining

    def _connect(self) -> Any:
        self.socket_connect_timeout = self.socket_timeout = self._remaining()
        return super()._connect()  # type: ignore[misc]

    def read_response(self, *args: Any, **options: Any) -> Any:
        options["timeout"] = self._remaining()
        return super().read_response(*args, **options)  # type: ignore[misc]

    def is_quiet(self) -> bool:
        """Return whether it is connected and has nothing to read: neither a stray answer nor its end."""
        return self._sock is not None and not self._poll.poll(0)

    def ask(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Send ``commands``, wait, and return their answers; an error reply is returned as a value."""
        self._send(b"".join([hiredis.pack_command(command) for command in commands]))
        answers: list[Any] = []
        while len(answers) < len(commands):  # as in ``collect``, inlined: every reply to an address comes through here
            answer = self._answers.gets()
            if answer is _NOT_YET:
                self._answers.feed(self._receive())
            else:
                answers.append(answer)
        return answers

    def send(self, commands: Sequence[tuple[Any, ...]]) -> None:
        """Send ``commands``; ``collect`` reads their answers."""
        self._send(packed(commands))

    def collect(self, count: int) -> list[Any]:
        """Wait for ``count`` answers and return them."""
        answers: list[Any] = []
        while len(answers) < count:
            answer = self._answers.gets()
            if answer is _NOT_YET:
                self._answers.feed(self._receive())
            else:
                answers.append(answer)
        return answers

    def descriptor(self) -> int:
        """Return its file descriptor."""
        number: int = self._sock.fileno()
        return number

    def push(self, octets: bytes) -> int:
        """Send as many ``octets`` as there is room for now; return how many. Not over TLS.

        Raises:
            OSError: the server is gone, and none of them was sent.
        """
        try:
            sent: int = self._sock.send(octets)
        except BlockingIOError:
            return 0
        return sent

    def pull(self) -> Iterator[Any]:
        """Yield the answers that have arrived as a whole, without waiting. Not over TLS.

        Raises:
            redis.exceptions.RedisError, OSError: there will be no more.
        """
        size = _RECEIVED
        while size == _RECEIVED:
            try:
                octets = self._sock.recv(_RECEIVED)
            except BlockingIOError:
                return
            if not octets:
                raise redis.exceptions.ConnectionError("the server closed the connection")
            size = len(octets)
            self._answers.feed(octets)
            while (answer := self._answers.gets()) is not _NOT_YET:
                yield answer

    def make_ready(self) -> None:
        """Connect, unless it is connected."""
        if self._sock is None:
            self._open()

    def _open(self) -> None:
        self.connect()  # type: ignore[attr-defined]
        self._answers = hiredis.Reader(
            protocolError=redis.exceptions.InvalidResponse,
            replyError=self._parser.parse_error,
            notEnoughData=_NOT_YET,
        )
        self._poll = select.poll()
        self._poll.register(self._sock, select.POLLIN)
        self._decrypted = getattr(self._sock, "pending", lambda: 0)  # TLS may hold what poll does not see
        self._sock.setblocking(False)

    def _send(self, octets: bytes) -> None:
        try:
            sent = self._sock.send(octets)
        except _NOT_NOW:
            sent = 0
        if sent < len(octets):  # never seen: commands are far smaller than a socket's buffer
            self._sock.settimeout(self._remaining())
            self._sock.sendall(octets[sent:])
            self._sock.setblocking(False)

    def _receive(self) -> bytes:
        """Return more octets. Octets that are already there are taken even after the deadline."""
        while True:
            remaining = max(0.0, self.deadline - time.monotonic())
            if not self._decrypted() and not self._poll.poll(remaining * 1000):
                raise redis.exceptions.TimeoutError("no answer before the deadline")
            try:
                octets: bytes = self._sock.recv(_RECEIVED)
            except _NOT_NOW:
                continue  # a part of a TLS record
            if not octets:
                raise redis.exceptions.ConnectionError("the server closed the connection")
            return octets


class _Master:
    """Mixed into connections that must lead to a master: the server may have become a replica by now."""

    def _open(self) -> None:
        super()._open()  # type: ignore[misc]
        (role,) = self.ask((("ROLE",),))  # type: ignore[attr-defined]
        if isinstance(role, Exception):
            raise role
        if role[0] != b"master":
            raise redis.exceptions.ReadOnlyError(
                f"Sentinels name this server as the master, but it is a {role[0].decode()}"
            )


def packed(commands: Iterable[tuple[Any, ...]]) -> bytes:
    """Return commands as Redis reads them."""
    return b"".join([hiredis.pack_command(command) for command in commands])


def connection_factory(url: str, must_be_master: bool = False) -> Callable[[], Any]:
    """Return a function that makes connections to one server. RESP2, no client info: only AUTH and SELECT are sent.

    ``must_be_master``: a new connection to a replica fails with ReadOnlyError, as a write would.
    """
    pool = ConnectionPool.from_url(url)
    plain = pool.connection_class
    bases = (_Master, _Deadline, plain) if must_be_master else (_Deadline, plain)
    deadlined = type(f"Deadlined{plain.__name__}", bases, {})
    options = {
        **pool.connection_kwargs,
        "protocol": 2,
        "driver_info": None,
        "retry": Retry(NoBackoff(), 0),
        "retry_on_error": [],
        "health_check_interval": 0,
        "socket_read_size": 4096,  # redis-py's buffer per connection, used for the handshake only; default 64 KiB
    }
    return lambda: deadlined(**options)
