"""What is asked of the store in Redis's words, and what its answers mean."""

import json
from collections.abc import Sequence
from typing import Any

from reply_milter.adapters.redis_store.link.operation import Command
from reply_milter.adapters.redis_store.link.script import Argument, Script
from reply_milter.adapters.redis_store.names import Names, original_key, token_key
from reply_milter.core.encoding.tlv import untlv
from reply_milter.core.token.verify import Facts
from reply_milter.core.wrapping.plain import StoredOriginal
from reply_milter.ports import Claim, Claimed, FactsOf, Limit, Replay, StoreRequest

_LAST_TRY = 2  # see claim.lua
_REPLAYS = {replay.encode(): replay for replay in Replay}
_OF_TOKEN = 4  # answers: of user, object and realm, and whether the token is revoked


class Wording:
    """The names and scripts of one realm."""

    def __init__(self, realm: str) -> None:
        self.names = Names(realm)
        self.claiming, self.releasing = (Script(__package__, name) for name in ("claim", "release"))

    def facts(self, user: int, handler: int, context: int, token_id: str, wrapped: bool) -> tuple[Command, ...]:
        """Return the commands that read what is known of a token, and of those it names."""
        more: tuple[Command, ...] = (("GET", original_key(token_id)),) if wrapped else ()
        return (*self._lookups(user, handler, context, wrapped), ("HEXISTS", token_key(token_id), "x"), *more)

    def claim(self, claim: Claim) -> tuple[tuple[Command, ...], str, tuple[Argument, ...]]:
        """Return the commands that read the facts, and the script's key and arguments."""
        about = claim.about
        reads = self._lookups(about.user, about.handler, about.context, claim.wrapped) if about is not None else ()
        return reads, token_key(claim.token_id), _arguments(claim)

    def release(self, claim: Claim) -> tuple[str, str, bytes, bytes]:
        """Return the script's key and arguments."""
        return token_key(claim.token_id), claim.message_tag, claim.content, claim.owner

    def commands(self, request: StoreRequest) -> tuple[Command, ...]:
        """Return all commands of one request; its script is named by its digest."""
        if isinstance(request, Claim):
            reads, key, arguments = self.claim(request)
            return (*reads, self.claiming.command(key, *arguments))
        if isinstance(request, FactsOf):
            return self.facts(*request)
        return (self.releasing.command(*self.release(request.claim)),)

    def _lookups(self, user: int, handler: int, context: int, wrapped: bool) -> tuple[Command, ...]:
        """Return the commands that read what is known of user, object and realm."""
        return (
            ("HMGET", self.names.user(user, wrapped), "disabled", "before", "addresses"),
            ("GET", self.names.object(handler, context)),
            ("GET", self.names.before),
        )


def operation_of(request: StoreRequest) -> str:
    """Return the name of a request in metrics: one of ``store.OPERATIONS``."""
    if isinstance(request, Claim):
        return "claim"
    return "facts" if isinstance(request, FactsOf) else "release"


def answer_in(request: StoreRequest, answers: Sequence[Any]) -> Facts | Claimed | None:
    """Return what the answers to ``Wording.commands`` mean."""
    if isinstance(request, Claim):
        return claimed_in(answers)
    return facts_in(answers) if isinstance(request, FactsOf) else None


def claimed_in(answers: Sequence[Any]) -> Claimed:
    """Return what the script found; with the facts, if reads were made before it."""
    *known, found = answers
    replay, spent, leaked, guessed, tried, revoked = found
    outcome = _REPLAYS[replay] if replay else None
    facts = facts_in([*known, revoked]) if known else None
    return Claimed(outcome, bool(spent), bool(leaked), bool(guessed), bool(tried), tried == _LAST_TRY, facts)


def facts_in(answers: Sequence[Any]) -> Facts:
    """Return what is known; the answer behind the first four is the copy of an original."""
    (disabled, user_before, addresses), object_before, all_before, revoked = answers[:_OF_TOKEN]
    return Facts(
        user_disabled=bool(disabled),
        token_revoked=bool(revoked),
        user_revoked_before=int(user_before or 0),
        object_revoked_before=int(object_before or 0),
        all_revoked_before=int(all_before or 0),
        addresses=tuple(json.loads(addresses)) if addresses else (),
        original=_original(answers[_OF_TOKEN]) if len(answers) > _OF_TOKEN else None,
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
