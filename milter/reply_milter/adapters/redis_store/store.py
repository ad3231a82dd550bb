"""The store on Redis: one hash a token, one Lua call a claim. Implements ``ports.Store``."""

import json
from collections.abc import Sequence
from typing import Any

from reply_milter.adapters.redis_store.link.connections import RedisConnections
from reply_milter.adapters.redis_store.link.operation import Command, StoreTelemetry
from reply_milter.adapters.redis_store.link.script import Argument, Script
from reply_milter.adapters.redis_store.names import Names, token_key
from reply_milter.core.token.verify import Facts
from reply_milter.ports import Claim, Claimed, Limit, Replay, StoreUnavailableError

OPERATIONS = ("facts", "claim", "release", "commit", "ping")
_LAST_TRY = 2  # see claim.lua
_REPLAYS = {replay.encode(): replay for replay in Replay}


class RedisStore:
    """``url`` as ``target.read_url`` takes it; ``timeout_seconds``: for all of an operation, connecting included."""

    def __init__(self, url: str, timeout_seconds: float, realm: str, telemetry: StoreTelemetry | None = None) -> None:
        self._connections = RedisConnections(url, timeout_seconds, telemetry)
        self._names = Names(realm)
        self._claim, self._commit, self._release = (
            Script(__package__, name) for name in ("claim", "commit", "release")
        )

    def facts(self, user: int, handler: int, context: int, token_id: str) -> Facts:
        """See ``ports.Store``. One round trip."""
        with self._connections.operation("facts") as call:
            return _facts(call(*self._questions(user, handler, context), ("HEXISTS", token_key(token_id), "x")))

    def _questions(self, user: int, handler: int, context: int) -> tuple[Command, ...]:
        """What is to be known beside the token's hash."""
        return (
            ("HMGET", self._names.user(user), "disabled", "before", "addresses"),
            ("GET", self._names.object(handler, context)),
            ("GET", self._names.before),
        )

    def claim(self, claim: Claim) -> Claimed:
        """See ``ports.Store``. One round trip; in a Cluster one to each master that is asked, all at a time."""
        about, key = claim.about, token_key(claim.token_id)
        asked = self._questions(about.user, about.handler, about.context) if about is not None else ()
        with self._connections.operation("claim") as call:
            *known, found = self._claim.run_behind(call, asked, key, *_arguments(claim))
            replay, spent, leaked, guessed, tried, revoked = found
            told = _REPLAYS[replay] if replay else None
            facts = _facts([*known, revoked]) if about is not None else None
            return Claimed(told, bool(spent), bool(leaked), bool(guessed), bool(tried), tried == _LAST_TRY, facts)

    def release(self, claim: Claim) -> None:
        """See ``ports.Store``."""
        with self._connections.operation("release") as call:
            self._release.run(call, token_key(claim.token_id), claim.message_tag, claim.content, claim.owner)

    def commit(self, identifier: str) -> bool:
        """See ``ports.Store``."""
        token_id, message_tag = identifier[:13], identifier[13:]
        with self._connections.operation("commit", changes=True) as call:
            return bool(self._commit.run(call, token_key(token_id), message_tag))

    def commit_all(self, identifiers: Sequence[str]) -> None:
        """See ``ports.Store``. One round trip; in a Cluster one a master, so that one of them can be away."""
        runs = [(token_key(one[:13]), one[13:]) for one in identifiers]
        failure: StoreUnavailableError | None = None
        for part in self._connections.apart([key for key, _ in runs]) if runs else []:
            try:
                with self._connections.operation("commit") as call:
                    self._commit.run_each(call, [runs[number] for number in part])
            except StoreUnavailableError as error:
                failure = error
        if failure is not None:
            raise failure

    def ping(self) -> None:
        """Raise StoreUnavailableError unless Redis answers and is ready to work."""
        with self._connections.operation("ping") as call:
            call(("EXISTS", self._names.before))

    def watch(self) -> None:
        """Keep what is known about several servers up to date by a thread; for processes that never fork."""
        self._connections.watch()

    def close(self) -> None:
        """Give up all idle connections."""
        self._connections.close()


def _facts(answers: Sequence[Any]) -> Facts:
    (disabled, user_before, addresses), object_before, all_before, revoked = answers
    return Facts(
        user_disabled=bool(disabled),
        token_revoked=bool(revoked),
        user_revoked_before=int(user_before or 0),
        object_revoked_before=int(object_before or 0),
        all_revoked_before=int(all_before or 0),
        addresses=tuple(json.loads(addresses)) if addresses else (),
    )


def _arguments(claim: Claim) -> tuple[Argument, ...]:
    """As claim.lua takes them. Of ten words Redis says that a login is missing; of more, that they are too many."""
    limited = claim.replies is not None or claim.senders is not None
    arguments: tuple[Argument, ...] = (claim.message_tag, claim.content, claim.owner, claim.kept_seconds)
    if claim.tries is not None:
        mode = b"n" if not claim.takes else b"r" if claim.tries.refuses else b"t"
        arguments += (claim.tries.most, mode + claim.tries.wrong)
    elif limited:
        arguments += (0, b"")
    if limited:
        arguments += (*_limit(claim.replies), *_limit(claim.senders), claim.author)
    return arguments


def _limit(limit: Limit | None) -> tuple[int, int]:
    """As the script takes it: 0 for none, and 1 where one more is refused."""
    return (limit.most, int(limit.refuses)) if limit is not None else (0, 0)
