"""The store on Redis: one hash a token, one Lua call a claim, one deadline for everything.

Speaks through redis-py's connections, not through its client: the client retries on its own (a claim sent twice looks
like a replay) and gives each step of a connection its own timeout. Every error becomes StoreUnavailableError here.
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any, Protocol

import redis
from redis.backoff import NoBackoff
from redis.connection import ConnectionPool
from redis.retry import Retry

from reply_milter.core.verify import Facts
from reply_milter.ports import Claim, Replay, StoreUnavailableError

_IDLE_CONNECTIONS = 64
_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (redis.exceptions.TimeoutError, "timeout"),
    (redis.exceptions.BusyLoadingError, "loading"),
    (redis.exceptions.ReadOnlyError, "readonly"),
    (redis.exceptions.OutOfMemoryError, "oom"),
    (redis.exceptions.AuthenticationError, "auth"),
    (redis.exceptions.NoPermissionError, "auth"),
    (redis.exceptions.ConnectionError, "connection"),
    (redis.exceptions.ResponseError, "response"),
)
ERROR_KINDS = (*dict.fromkeys(kind for _, kind in _KINDS), "other")
OPERATIONS = ("facts", "claim", "release", "commit", "ping")


class StoreTelemetry(Protocol):
    """Counts what the store costs and how it fails."""

    def store_operation(self, operation: str, seconds: float) -> None:
        """An operation was answered."""
        ...

    def store_error(self, operation: str, kind: str) -> None:
        """An operation failed. ``kind`` is one of ERROR_KINDS."""
        ...


class _Script:
    """A Lua script and the name that Redis knows it by."""

    def __init__(self, name: str) -> None:
        self.text = files(__package__).joinpath(f"{name}.lua").read_bytes()
        self.sha = hashlib.sha1(self.text, usedforsecurity=False).hexdigest()


class RedisStore:
    """``url``: redis://, rediss:// or unix://; ``timeout_seconds``: for all of an operation, connecting included."""

    def __init__(self, url: str, timeout_seconds: float, realm: str, telemetry: StoreTelemetry | None = None) -> None:
        self._factory = _connection_factory(url)
        self._timeout = timeout_seconds
        self._realm = realm
        self._telemetry = telemetry
        self._idle: list[Any] = []
        self._lock = threading.Lock()
        self._claim, self._commit, self._release = (_Script(name) for name in ("claim", "commit", "release"))

    def facts(self, user: int, handler: int, context: int, token_id: str) -> Facts:
        """See ``ports.Store``. One round trip."""
        commands = (
            ("HMGET", self._name("u", user), "disabled", "before", "addresses"),
            ("GET", self._name("o", handler, context)),
            ("GET", self._name("before")),
            ("HEXISTS", _token_key(token_id), "x"),
        )
        with self._operation("facts") as call:
            (disabled, user_before, addresses), object_before, all_before, revoked = call(*commands)
            times = [int(value) for value in (user_before, object_before, all_before) if value]
            return Facts(
                user_disabled=bool(disabled),
                token_revoked=bool(revoked),
                revoked_before=max(times, default=0),
                addresses=tuple(json.loads(addresses)) if addresses else (),
            )

    def claim(self, claim: Claim) -> Replay:
        """See ``ports.Store``."""
        arguments = (claim.message_tag, claim.content, claim.owner, claim.kept_until)
        with self._operation("claim") as call:
            answer = self._run(call, self._claim, claim.token_id, *arguments)
            return Replay(bytes(answer).decode("ascii"))

    def release(self, claim: Claim) -> None:
        """See ``ports.Store``."""
        with self._operation("release") as call:
            self._run(call, self._release, claim.token_id, claim.message_tag, claim.content, claim.owner)

    def commit(self, identifier: str) -> bool:
        """See ``ports.Store``."""
        token_id, message_tag = identifier[:13], identifier[13:]
        with self._operation("commit") as call:
            return bool(self._run(call, self._commit, token_id, message_tag))

    def ping(self) -> None:
        """Raise StoreUnavailableError unless Redis answers and is ready to work."""
        with self._operation("ping") as call:
            call(("EXISTS", self._name("before")))

    def close(self) -> None:
        """Give up all idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.disconnect()

    def _name(self, *parts: object) -> str:
        return ":".join(["rm1", self._realm, *map(str, parts)])

    def _run(self, call: "_Call", script: _Script, token_id: str, *arguments: str | bytes | int) -> Any:
        rest = (1, _token_key(token_id), *arguments)
        try:
            return call(("EVALSHA", script.sha, *rest))[0]
        except redis.exceptions.NoScriptError:  # it was not run, so sending it whole is no second time
            return call(("EVAL", script.text, *rest))[0]

    @contextmanager
    def _operation(self, name: str) -> Iterator["_Call"]:
        """One operation under one deadline, measured, on a connection that is reused only if all went well."""
        start = time.monotonic()
        connection = None
        try:
            connection = self._connection()
            connection.deadline = start + self._timeout
            yield _Call(connection)
            self._give_back(connection)
        except (redis.exceptions.RedisError, OSError, ValueError, TypeError) as error:
            if connection is not None:
                connection.disconnect()
            kind = next((kind for known, kind in _KINDS if isinstance(error, known)), "other")
            if self._telemetry is not None:
                self._telemetry.store_error(name, kind)
            raise StoreUnavailableError(kind, f"{name}: {error}") from error
        if self._telemetry is not None:
            self._telemetry.store_operation(name, time.monotonic() - start)

    def _connection(self) -> Any:
        """An idle connection that the server has not closed meanwhile, or a new one."""
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._factory()
            try:
                if not connection.can_read(0):
                    return connection
            except (redis.exceptions.RedisError, OSError):
                pass
            connection.disconnect()

    def _give_back(self, connection: Any) -> None:
        with self._lock:
            if len(self._idle) < _IDLE_CONNECTIONS:
                self._idle.append(connection)
                return
        connection.disconnect()


class _Call:
    """Sends commands in one go and returns all their answers; raises the first error among them."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __call__(self, *commands: tuple[str | bytes | int, ...]) -> list[Any]:
        connection = self._connection
        connection.connect()
        connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        answers: list[Any] = []
        failure: redis.exceptions.ResponseError | None = None
        for _ in commands:
            try:
                answers.append(connection.read_response())
            except redis.exceptions.ResponseError as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return answers


class _Deadline:
    """Mixed into redis-py's connections: every wait ends at ``deadline`` (monotonic seconds), the handshake's too."""

    deadline = 0.0

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


def _connection_factory(url: str) -> Callable[[], Any]:
    """How to make connections for ``url``. RESP2 and no client info: no handshake but AUTH and SELECT."""
    pool = ConnectionPool.from_url(url)
    plain = pool.connection_class
    deadlined = type(f"Deadlined{plain.__name__}", (_Deadline, plain), {})
    options = {
        **pool.connection_kwargs,
        "protocol": 2,
        "driver_info": None,
        "retry": Retry(NoBackoff(), 0),
        "retry_on_error": [],
        "health_check_interval": 0,
    }
    return lambda: deadlined(**options)


def _token_key(token_id: str) -> str:
    # A token id is derived with the realm, so this name, which every remembered reply pays for, needs none.
    return f"rm1:{token_id}"
