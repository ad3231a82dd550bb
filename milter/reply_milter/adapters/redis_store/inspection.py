"""Looks a Redis over: what it tells of itself, and which of our commands its user may use. Writes nothing.

Each command is tried in a form that Redis admits (ACL and arity come first) and that then fails, or does nothing.
"""

import time
from urllib.parse import unquote, urlsplit

from reply_milter.adapters.redis_store.condition import read_info
from reply_milter.adapters.redis_store.connection import RedisConnections
from reply_milter.core.diagnosis.store import StoreFacts
from reply_milter.ports import StoreUnavailableError

_NOBODY = "rm1:doctor"  # a key that is never written
_PATIENCE_SECONDS = 3.0
_NO_RIGHT = "no right: "
_PROBES: tuple[tuple[str, ...], ...] = (
    ("EVALSHA", "0" * 40, "1", _NOBODY),
    ("EVAL", "return 1", "none"),
    ("EXISTS", _NOBODY),
    ("EXPIREAT", _NOBODY, "1"),
    ("GET", _NOBODY),
    ("HDEL", _NOBODY, "f"),
    ("HEXISTS", _NOBODY, "f"),
    ("HGET", _NOBODY, "f"),
    ("HGETALL", _NOBODY),
    ("HLEN", _NOBODY),
    ("HMGET", _NOBODY, "f"),
    ("HSET", _NOBODY, "f", "v", "one too many"),
    ("PERSIST", _NOBODY),
    ("SET", _NOBODY, "v", "no such option"),
)
COMMANDS = tuple(words[0] for words in _PROBES)


class RedisInspection:
    """``url`` as for ``RedisStore``; it is waited for longer than an SMTP client would be let wait."""

    def __init__(self, url: str) -> None:
        self._connections = RedisConnections(url, _PATIENCE_SECONDS)
        self._user = unquote(urlsplit(url).username or "") or "default"

    def look(self) -> StoreFacts:
        """Everything at once."""
        start = time.monotonic()
        problem = self._refusal(("EXISTS", _NOBODY))
        seconds = time.monotonic() - start
        if problem and not _about_rights(problem):
            return StoreFacts(None, problem)
        refusals = {words[0]: self._refusal(words) for words in _PROBES}
        self._connections.close()
        return StoreFacts(
            seconds,
            info=self._info(),
            refused=tuple(name for name, words in refusals.items() if _about_rights(words) and not _about_keys(words)),
            keys_refused=any(map(_about_keys, refusals.values())),
            user=self._user,
            unix=self._time(),
        )

    def _refusal(self, words: tuple[str, ...]) -> str:
        """Why a command is not carried out; empty if it is, or for what it says and not for who says it."""
        try:
            with self._connections.operation("doctor") as call:
                call(words)
        except StoreUnavailableError as error:
            text = str(error).removeprefix("doctor: ")
            if error.kind == "auth" and "permission" in text:
                return f"{_NO_RIGHT}{text}"
            if error.kind == "response":  # carried out as far as can be; but a command may have been renamed
                return f"{_NO_RIGHT}{text}" if text.startswith("unknown command") else ""
            return text
        return ""

    def _info(self) -> dict[str, str]:
        try:
            with self._connections.operation("doctor") as call:
                (answer,) = call(("INFO",))
        except StoreUnavailableError:
            return {}
        return read_info(bytes(answer))

    def _time(self) -> float | None:
        """The store's clock in Unix seconds, taken back by half of the way there and back."""
        start = time.monotonic()
        try:
            with self._connections.operation("doctor") as call:
                ((seconds, microseconds),) = call(("TIME",))
        except StoreUnavailableError:
            return None
        return int(seconds) + int(microseconds) / 1e6 + (time.monotonic() - start) / 2


def _about_rights(problem: str) -> bool:
    return problem.startswith(_NO_RIGHT)


def _about_keys(problem: str) -> bool:
    return _about_rights(problem) and "key" in problem
