"""The store on Redis: one hash a token, one Lua call a claim. Implements ``ports.Store``."""

import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from reply_milter.adapters.redis_store.connection import NoScriptError, Operation, RedisConnections, StoreTelemetry
from reply_milter.adapters.redis_store.names import Names, token_key
from reply_milter.core.verify import Facts
from reply_milter.ports import Claim, Claimed, Limit, Replay

OPERATIONS = ("facts", "claim", "release", "commit", "ping")
_REPLAYS = {replay.encode(): replay for replay in Replay}


class _Script:
    """A Lua script and the name that Redis knows it by."""

    def __init__(self, name: str) -> None:
        self.text = files(__package__).joinpath(f"{name}.lua").read_bytes()
        self.sha = hashlib.sha1(self.text, usedforsecurity=False).hexdigest()


class RedisStore:
    """``url``: redis://, rediss:// or unix://; ``timeout_seconds``: for all of an operation, connecting included."""

    def __init__(self, url: str, timeout_seconds: float, realm: str, telemetry: StoreTelemetry | None = None) -> None:
        self._connections = RedisConnections(url, timeout_seconds, telemetry)
        self._names = Names(realm)
        self._claim, self._commit, self._release = (_Script(name) for name in ("claim", "commit", "release"))

    def facts(self, user: int, handler: int, context: int, token_id: str) -> Facts:
        """See ``ports.Store``. One round trip."""
        commands = (
            ("HMGET", self._names.user(user), "disabled", "before", "addresses"),
            ("GET", self._names.object(handler, context)),
            ("GET", self._names.before),
            ("HEXISTS", token_key(token_id), "x"),
        )
        with self._connections.operation("facts") as call:
            (disabled, user_before, addresses), object_before, all_before, revoked = call(*commands)
            times = [int(value) for value in (user_before, object_before, all_before) if value]
            return Facts(
                user_disabled=bool(disabled),
                token_revoked=bool(revoked),
                revoked_before=max(times, default=0),
                addresses=tuple(json.loads(addresses)) if addresses else (),
            )

    def claim(self, claim: Claim) -> Claimed:
        """See ``ports.Store``."""
        arguments: tuple[str | bytes | int, ...] = (claim.message_tag, claim.content, claim.owner, claim.kept_until)
        if claim.replies is not None or claim.senders is not None:
            arguments += (*_limit(claim.replies), *_limit(claim.senders), claim.author)
        with self._connections.operation("claim") as call:
            replay, spent, leaked = self._run(call, self._claim, claim.token_id, *arguments)
            return Claimed(_REPLAYS[replay], bool(spent), bool(leaked))

    def release(self, claim: Claim) -> None:
        """See ``ports.Store``."""
        with self._connections.operation("release") as call:
            self._run(call, self._release, claim.token_id, claim.message_tag, claim.content, claim.owner)

    def commit(self, identifier: str) -> bool:
        """See ``ports.Store``."""
        token_id, message_tag = identifier[:13], identifier[13:]
        with self._connections.operation("commit") as call:
            return bool(self._run(call, self._commit, token_id, message_tag))

    def commit_all(self, identifiers: Sequence[str]) -> None:
        """See ``ports.Store``. One round trip."""
        with self._connections.operation("commit") as call:
            commands = [
                ("EVALSHA", self._commit.sha, 1, token_key(identifier[:13]), identifier[13:])
                for identifier in identifiers
            ]
            try:
                call(*commands)
            except NoScriptError:  # of some or all; a commit may be made twice
                call(("SCRIPT", "LOAD", self._commit.text), *commands)

    def ping(self) -> None:
        """Raise StoreUnavailableError unless Redis answers and is ready to work."""
        with self._connections.operation("ping") as call:
            call(("EXISTS", self._names.before))

    def close(self) -> None:
        """Give up all idle connections."""
        self._connections.close()

    def _run(self, call: Operation, script: _Script, token_id: str, *arguments: str | bytes | int) -> Any:
        rest = (1, token_key(token_id), *arguments)
        try:
            return call(("EVALSHA", script.sha, *rest))[0]
        except NoScriptError:  # it was not run, so sending it whole is no second time
            return call(("EVAL", script.text, *rest))[0]


def _limit(limit: Limit | None) -> tuple[int, int]:
    """As the script takes it: 0 for none, and 1 where one more is refused."""
    return (limit.most, int(limit.refuses)) if limit is not None else (0, 0)
