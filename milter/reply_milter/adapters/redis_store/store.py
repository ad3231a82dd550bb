"""The store on Redis: one hash per token, one Lua call per claim. Implements ``ports.Store``."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reply_milter.adapters.redis_store.link.connections import RedisConnections
from reply_milter.adapters.redis_store.link.operation import Command, StoreTelemetry
from reply_milter.adapters.redis_store.link.script import Argument, Script
from reply_milter.adapters.redis_store.names import Names, original_key, token_key
from reply_milter.core.encoding.tlv import tlv, untlv
from reply_milter.core.token.verify import Facts
from reply_milter.core.wrapping.plain import StoredOriginal
from reply_milter.ports import Claim, Claimed, Limit, Replay, StoreUnavailableError

OPERATIONS = ("facts", "claim", "release", "commit", "ping")
MINTING_OPERATIONS = ("keep_original",)
_LAST_TRY = 2  # see claim.lua
_REPLAYS = {replay.encode(): replay for replay in Replay}


class RedisStore:
    """``url`` as ``target.read_url`` takes it; ``timeout_seconds``: for a whole operation, connecting included."""

    def __init__(self, url: str, timeout_seconds: float, realm: str, telemetry: StoreTelemetry | None = None) -> None:
        self._connections = RedisConnections(url, timeout_seconds, telemetry)
        self._names = Names(realm)
        self._claim, self._commit, self._release = (
            Script(__package__, name) for name in ("claim", "commit", "release")
        )

    def facts(self, user: int, handler: int, context: int, token_id: str, wrapped: bool = False) -> Facts:
        """See ``ports.Store``. One round trip."""
        more: tuple[Command, ...] = (("GET", original_key(token_id)),) if wrapped else ()
        with self._connections.operation("facts") as call:
            answers = call(
                *self._lookups(user, handler, context, wrapped), ("HEXISTS", token_key(token_id), "x"), *more
            )
            return _facts(answers[:4], _original(answers[4]) if wrapped else None)

    def _lookups(self, user: int, handler: int, context: int, wrapped: bool) -> tuple[Command, ...]:
        """Return the commands that read what is known of user, object and realm."""
        return (
            ("HMGET", self._names.user(user, wrapped), "disabled", "before", "addresses"),
            ("GET", self._names.object(handler, context)),
            ("GET", self._names.before),
        )

    def claim(self, claim: Claim) -> Claimed:
        """See ``ports.Store``. One round trip; in a Cluster, one to each master concerned, at the same time."""
        about, key = claim.about, token_key(claim.token_id)
        asked = self._lookups(about.user, about.handler, about.context, claim.wrapped) if about is not None else ()
        with self._connections.operation("claim") as call:
            *known, found = self._claim.run_behind(call, asked, key, *_arguments(claim))
            replay, spent, leaked, guessed, tried, revoked = found
            outcome = _REPLAYS[replay] if replay else None
            facts = _facts([*known, revoked]) if about is not None else None
            return Claimed(outcome, bool(spent), bool(leaked), bool(guessed), bool(tried), tried == _LAST_TRY, facts)

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
        """See ``ports.Store``. One round trip; in a Cluster one per master, so that one of them can fail alone."""
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

    def keep_originals(self, originals: Mapping[str, StoredOriginal], kept_until: int) -> None:
        """See ``ports.MintingStore``. One round trip."""
        with self._connections.operation("keep_original") as call:
            call(*(("SET", original_key(one), tlv(*kept), "EXAT", kept_until) for one, kept in originals.items()))

    def ping(self) -> None:
        """Raise StoreUnavailableError unless Redis answers and is ready."""
        with self._connections.operation("ping") as call:
            call(("EXISTS", self._names.before))

    def watch(self) -> None:
        """Start the discovery thread, if there are several servers; for processes that never fork."""
        self._connections.watch()

    def close(self) -> None:
        """Close all idle connections."""
        self._connections.close()


def _facts(answers: Sequence[Any], original: StoredOriginal | None = None) -> Facts:
    (disabled, user_before, addresses), object_before, all_before, revoked = answers
    return Facts(
        user_disabled=bool(disabled),
        token_revoked=bool(revoked),
        user_revoked_before=int(user_before or 0),
        object_revoked_before=int(object_before or 0),
        all_revoked_before=int(all_before or 0),
        addresses=tuple(json.loads(addresses)) if addresses else (),
        original=original,
    )


def _original(written: bytes | None) -> StoredOriginal | None:
    parts = untlv(written) if written else None
    if parts is None or len(parts) != 2:
        return None
    return StoredOriginal(parts[0], parts[1].decode("utf-8", "surrogateescape"))


def _arguments(claim: Claim) -> tuple[Argument, ...]:
    """Return the arguments of claim.lua, and no more than needed.

    To a client that has not logged in, Redis answers NOAUTH if a command has at most ten words, and else that it has
    too many.
    """
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
    """Return a limit as the script takes it: its number (0 for none), and 1 if one more reply is refused."""
    return (limit.most, int(limit.refuses)) if limit is not None else (0, 0)
